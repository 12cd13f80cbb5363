"""What other servers ask of this one on their links, and tell it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Protocol

from confwire.errors import InvalidParameter, NoPermission
from confwire.messages import (
    AccountStates,
    AskSessions,
    CheckLogin,
    DaemonSession,
    HandOver,
    HistoryEntries,
    Message,
    PairRole,
    ReadPeer,
    RelayPassword,
    RelayWrite,
    Replicate,
    SessionsMirrored,
    SiteProgress,
    SwitchOver,
)
from proxyapp.engine.commands import TakeEntries
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.links.replication import Replication
from proxyapp.engine.parts import PairMessage
from proxyapp.engine.reading.requests import Task
from proxyapp.engine.serving import Serving

_STORE = re.compile("[ -~]{1,32}")
"""Names of stores that every database keeps."""


class Session(Protocol):
    """What is asked of a session."""

    serving: Serving
    connection: int
    name: str
    profile: Profile
    writes: int
    replication: Replication | None

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""

    def answer(self, message: Message) -> None:
        """Send a message now."""

    def start(self, task: Task, ref: int | str | None) -> None:
        """Let a task go on until its end before anything else is taken."""


def _check_server(session: Session, what: str) -> None:
    if not isinstance(session.profile, ServerProfile):
        raise NoPermission(f"only a server that opened with the role proxy {what}")


def _replicate(session: Session, message: Replicate) -> None:
    _check_server(session, "may replicate")
    serving = session.serving
    session.replication = Replication(serving, session.connection, message.ref)
    serving.servers[session.connection] = session
    ring = serving.issuing.ring
    if ring is not None:
        session.queue(ring.given)
    session.start(session.replication.start(message.since, load=message.load), message.ref)


def _account_states(session: Session, message: AccountStates) -> None:
    _check_server(session, "tells of accounts")
    session.serving.accounts.take(message.states, kept=False)


def _history_entries(session: Session, message: HistoryEntries) -> None:
    _check_server(session, "has entries to send")
    if not _STORE.fullmatch(message.store):
        raise InvalidParameter("the name of a store has 1 to 32 ASCII characters")
    session.serving.out.append(TakeEntries(session.connection, message.store, message.entries))


def _check_login(session: Session, message: CheckLogin) -> None:
    _check_server(session, "has logins judged")
    session.serving.checks.judge(message, session.answer)


def _relay_write(session: Session, message: RelayWrite) -> None:
    _check_server(session, "passes writes on")
    session.writes += 1
    session.serving.relay_write(session.connection, message, session.name)


def _relay_password(session: Session, message: RelayPassword) -> None:
    _check_server(session, "passes passwords on")
    session.serving.passwords.relay(session, message)


def _site_progress(session: Session, message: SiteProgress) -> None:
    _check_server(session, "tells of its clients")
    session.serving.hear(session.connection, session.name, message)


def _daemon_session(session: Session, message: DaemonSession) -> None:
    _check_server(session, "tells of its daemons")
    session.serving.daemons.told(session.connection, session.name, message)


def _said(session: Session, message: PairMessage) -> None:
    session.serving.said(session, message)


HANDLERS: dict[type, Callable[[Any, Any], None]] = {
    Replicate: _replicate,
    AccountStates: _account_states,
    HistoryEntries: _history_entries,
    CheckLogin: _check_login,
    RelayWrite: _relay_write,
    RelayPassword: _relay_password,
    SiteProgress: _site_progress,
    DaemonSession: _daemon_session,
    SwitchOver: _said,
    PairRole: _said,
    SessionsMirrored: _said,
    AskSessions: _said,
    HandOver: _said,
    ReadPeer: _said,
}
