"""Sessions that are told when their rights on objects, or the grants on these, change.

What is told is the state, so a change that comes back to where it was is none. An object that may
not be read is like one that is not there: its rights are 0.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple, Protocol

from confwire.errors import ObjectNotFound, TooManySubscriptions
from confwire.messages import (
    Message,
    PermissionsChanged,
    PermissionsRegistered,
    PermissionState,
    RegisterPermissions,
)
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import Entry
from proxyapp.engine.data.rights import READ, READ_PERMISSIONS, Grant, Key
from proxyapp.engine.reading.requests import info_of
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.permissions import ALL, permission

MOST = 100_000
"""Objects that all sessions together may have watched: to look at each takes some 30 ms."""


class State(NamedTuple):
    """What a session may know of the rights on an object."""

    mask: int
    grants: tuple[Grant, ...] | None
    """None where it may not read permissions."""


class Session(Protocol):
    """What is asked of a session."""

    serving: Serving
    connection: int
    profile: Profile
    rights_watched: dict[Key, State]

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""

    def answer(self, message: Message) -> None:
        """Send a message now."""


def register(session: Session, message: RegisterPermissions) -> None:
    """Watch these objects from now on, and no others.

    Raises:
        InvalidParameter: there is no such type.
        ObjectNotFound: there is no such object, or the session may not read it, and it does not
            ask how things stand.
        TooManySubscriptions: all sessions together have too many.
    """
    serving, watched = session.serving, {}
    for item in message.objects:
        key = int(info_of(item.object_type).type), item.dbid
        watched[key] = _state(session, key)
        if not watched[key].mask & READ and not message.current:
            raise ObjectNotFound(f"there is no {item.object_type} with DBID {item.dbid}")
    others = serving.rights_watchers.values()
    if sum(len(other.rights_watched) for other in others if other is not session) > MOST - len(
        watched
    ):
        raise TooManySubscriptions(
            f"all sessions together may have {MOST:,} objects watched for their permissions"
        )
    session.rights_watched = watched
    if watched:
        serving.rights_watchers[session.connection] = session
    else:
        serving.rights_watchers.pop(session.connection, None)
    answer = PermissionsRegistered(ref=message.ref, epoch=serving.epoch, revision=serving.revision)
    if message.current:
        answer.objects = [_told(key, state) for key, state in watched.items()]
    session.queue(answer)


def follow(serving: Serving, entry: Entry) -> None:
    """A transaction was applied: tell who must know what it did to rights."""
    if not serving.rights_watchers:
        return
    everywhere = entry.structural or entry.regroups
    touched = {(change.type, change.dbid) for change in entry.changes}
    for session in list(serving.rights_watchers.values()):
        keys = session.rights_watched.keys()
        _look(session, keys if everywhere else keys & touched)


def _look(session: Any, keys: Collection[Key]) -> None:
    news = [
        (key, state)
        for key in keys
        if (state := _state(session, key)) != session.rights_watched[key]
    ]
    if news:
        session.rights_watched.update(news)
        serving = session.serving
        session.answer(
            PermissionsChanged(
                epoch=serving.epoch,
                revision=serving.revision,
                objects=[_told(key, state) for key, state in news],
            )
        )


def _state(session: Session, key: Key) -> State:
    row = session.serving.store.get(*key)
    mask = session.profile.mask(row.node) & ALL if row is not None else 0
    if row is None or not mask & READ:
        return State(0, None)
    return State(mask, tuple(row.acl or ()) if mask & READ_PERMISSIONS else None)


def _told(key: Key, state: State) -> PermissionState:
    told = PermissionState(
        object_type=OBJECTS[ObjectType(key[0])].name, dbid=key[1], mask=state.mask
    )
    if state.grants is not None:
        told.permissions = [permission((kind, dbid), mask) for kind, dbid, mask in state.grants]
    return told
