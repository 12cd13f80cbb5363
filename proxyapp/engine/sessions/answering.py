"""What clients ask besides reads and subscriptions, and the answers.

A write is passed on and answered later, when its change has come back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from confwire.errors import ObjectNotFound
from confwire.messages import (
    Acknowledge,
    ChangePassword,
    ComparePast,
    CreateObject,
    DeleteObject,
    Disconnect,
    Drain,
    HistoryLog,
    Message,
    ReadPast,
    ReadPermissions,
    ReadSecrets,
    ReadServerInfo,
    RegisterPermissions,
    ServerInfo,
    SessionsSentAway,
    Shed,
    UpdateObject,
    UpdatePermissions,
)
from confwire.objects import BY_NAME
from historylog.entries import Kind
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.journal import tree_text
from proxyapp.engine.parts import DismissRequest, WriteRequest
from proxyapp.engine.reading.requests import Task, info_of
from proxyapp.engine.secretreading import check_line, secrets
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions import rightswatch
from proxyapp.engine.sessions.backthen import BackThen
from proxyapp.engine.sessions.comparing import Comparing
from proxyapp.engine.sessions.past import Past
from proxyapp.engine.sessions.permissions import permissions


class Session(Protocol):
    """What is asked of a session."""

    serving: Serving
    connection: int
    id: str
    name: str
    user: str
    peer: str
    application: int
    person: int
    profile: Profile
    secure: bool
    acknowledged: int
    past: Past | BackThen | Comparing | None

    def rights(self) -> Profile:
        """Return the profile as it is when it is asked for."""

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""

    def start(self, task: Task, ref: int | str | None) -> None:
        """Let a task go on until its end before anything else is taken."""

    def writing(self) -> None:
        """One of its writes has begun."""

    def keep(self, kind: Kind, revision: int, reason: str = "") -> None:
        """Keep in the history log what happened to it."""


def change_password(session: Session, message: ChangePassword) -> None:
    """Have the password of the session's own account changed."""
    session.serving.passwords.begin(session, message)


def _write(session: Session, message: WriteRequest) -> None:
    serving = session.serving
    info_of(message.object_type)
    check_line(message, session.secure)
    serving.authority.check_write(session.connection, message)
    _check_shown(serving, message)
    session.writing()
    origin = f"{session.name} {session.peer} session {session.id}"
    serving.write(session.connection, message, session.person, origin)


def _check_shown(serving: Serving, message: WriteRequest) -> None:
    """Refuse a change of what the server does not show; the master knows nothing of its limit."""
    limit = serving.access.limit
    if limit is not None and not isinstance(message, CreateObject):
        row = serving.store.get(BY_NAME[message.object_type].type, message.dbid)
        if row is None or not limit.holds(row.node):
            raise ObjectNotFound(f"there is no {message.object_type} with DBID {message.dbid}")


def _permissions(session: Session, message: ReadPermissions) -> None:
    info_of(message.object_type)
    session.queue(permissions(session.serving, message, session.person, session.profile))


def _secrets(session: Session, message: ReadSecrets) -> None:
    info_of(message.object_type)
    own = 0 if session.user else session.application
    session.queue(secrets(session.serving, message, own, session.profile, session.secure))
    what = f"{message.object_type} {message.dbid}"
    session.keep(Kind.SECRETS_READ, session.serving.revision, what)


def _server_info(session: Session, message: ReadServerInfo) -> None:
    serving = session.serving
    session.queue(
        ServerInfo(
            ref=message.ref,
            epoch=serving.epoch,
            revision=serving.revision,
            server=serving.identity(),
            link=str(serving.authority.status(serving.now).get("link", "")),
            age=serving.age(serving.now),
            source=serving.source(),
            tree_hash=tree_text(serving.store.tree),
            objects=serving.store.count if _sees_counts(session) else 0,
            sessions=len(serving.roster),
        )
    )


def _sees_counts(session: Session) -> bool:
    """Whether a session may know how much there is that it may not read."""
    if isinstance(session.profile, ServerProfile):
        return True
    access = session.serving.access
    return access.limit is None and access.administers(session.person)


def _dismiss(session: Session, message: DismissRequest) -> None:
    serving = session.serving
    count = serving.dismiss(session, message)
    session.queue(
        SessionsSentAway(
            ref=message.ref, epoch=serving.epoch, revision=serving.revision, count=count
        )
    )


def _acknowledge(session: Session, message: Acknowledge) -> None:
    session.acknowledged = max(session.acknowledged, message.revision)


def _history_log(session: Session, message: HistoryLog) -> None:
    session.past = past = Past(session.serving, session.connection, session.id, session.rights)
    session.start(past.tell(message), message.ref)


def _read_past(session: Session, message: ReadPast) -> None:
    session.past = past = BackThen(session.serving, session.connection, session.rights)
    session.start(past.tell(message), message.ref)


def _compare_past(session: Session, message: ComparePast) -> None:
    session.past = past = Comparing(session.serving, session.connection, session.rights)
    session.start(past.tell(message), message.ref)


HANDLERS: dict[type, Callable[[Any, Any], None]] = {
    CreateObject: _write,
    UpdateObject: _write,
    DeleteObject: _write,
    UpdatePermissions: _write,
    ReadPermissions: _permissions,
    ReadSecrets: _secrets,
    ReadServerInfo: _server_info,
    Disconnect: _dismiss,
    Shed: _dismiss,
    Drain: _dismiss,
    Acknowledge: _acknowledge,
    HistoryLog: _history_log,
    ReadPast: _read_past,
    ComparePast: _compare_past,
    ChangePassword: change_password,
    RegisterPermissions: rightswatch.register,
}
