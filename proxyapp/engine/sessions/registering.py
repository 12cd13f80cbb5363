"""The subscriptions of a session: begun, taken up where they were, and ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from confwire.errors import Compacted, EpochChanged, UnknownSubscription
from confwire.messages import (
    Cursor,
    Message,
    NotificationRegistered,
    NotificationUnregistered,
    RegisterNotification,
    UnregisterNotification,
)
from proxyapp.engine.data.access import Profile
from proxyapp.engine.notifying.subscriptions import Spec
from proxyapp.engine.reading.requests import Pursuit, Task
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.follower import Follower


class Session(Protocol):
    """What is asked of a session."""

    serving: Serving
    follower: Follower
    profile: Profile

    def rights(self) -> Profile:
        """Return the profile as it is when it is asked for."""

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""

    def start(self, task: Task | Pursuit, ref: int | str | None) -> None:
        """Let a task go on until its end before anything else is taken."""


def register(session: Session, message: RegisterNotification) -> None:
    """Begin subscriptions, with a snapshot, from a cursor, or from now on."""
    serving, follower = session.serving, session.follower
    specs = follower.specs_of(message.subscriptions)
    serving.counters.registrations += 1
    if message.since is not None:
        follower.check_first(message)
    if message.snapshot:
        session.start(follower.snapshot(message.ref, specs, session.rights), message.ref)
        return
    session.queue(
        NotificationRegistered(ref=message.ref, epoch=serving.epoch, revision=serving.revision)
    )
    _follow(session, specs, message.since)


def unregister(session: Session, message: UnregisterNotification) -> None:
    """End a subscription."""
    serving, known = session.serving, session.follower.specs
    if message.subscription not in known:
        raise UnknownSubscription(f"there is no subscription '{message.subscription}'")
    rest = {name: spec for name, spec in known.items() if name != message.subscription}
    session.follower.change(rest, session.profile)
    session.queue(
        NotificationUnregistered(
            ref=message.ref,
            epoch=serving.epoch,
            revision=serving.revision,
            subscription=message.subscription,
        )
    )


def follow_on(session: Session, specs: dict[str, Spec], since: Cursor | None) -> None:
    """Take up subscriptions where they were, or say that this cannot be done."""
    if not specs:
        return
    try:
        if since is not None:
            session.follower.check_since(since)
    except (EpochChanged, Compacted) as error:
        session.queue(
            session.follower.lose("epoch" if isinstance(error, EpochChanged) else "compacted")
        )
    else:
        _follow(session, specs, since)


def _follow(session: Session, specs: dict[str, Spec], since: Cursor | None) -> None:
    """Follow by these subscriptions, too, from now on or from a cursor that was checked."""
    follower = session.follower
    follower.told = since.revision if since is not None else 0
    if since is not None:
        follower.ahead = since.revision
    if since is not None and since.revision < session.serving.revision:
        follower.change(follower.specs | specs, session.profile, since.revision)
        follower.vouch(since.revision)
        session.start(follower.catch_up(session.rights), None)
    else:
        follower.change(follower.specs | specs, session.profile)
        follower.vouch(session.serving.revision)


HANDLERS: dict[type, Callable[[Any, Any], None]] = {
    RegisterNotification: register,
    UnregisterNotification: unregister,
}
