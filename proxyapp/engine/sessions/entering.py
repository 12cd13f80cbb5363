"""How far a session has come, and the steps until it is open: by a login, or by a token.

Whether somebody is let in, `Opening` decides; here is what follows from it for the session. Knows
nothing of requests.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from confwire.errors import CloseCode, RequestError, TokenRefused
from confwire.messages import Message, Open, Opened, Proof
from historylog.entries import Kind
from proxyapp.engine.commands import Admit, SetKeepAlive
from proxyapp.engine.data.access import Profile
from proxyapp.engine.events import Authenticated
from proxyapp.engine.logins.admission import Admitted
from proxyapp.engine.logins.opening import Opening
from proxyapp.engine.notifying.subscriptions import Spec
from proxyapp.engine.reading.freshness import Floor
from proxyapp.engine.reading.requests import Pursuit, Task, refusal
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions import registering
from proxyapp.engine.sessions.follower import Follower
from proxyapp.engine.trust.tokens import Holder

MAX_MESSAGE_SIZE = 4 * 1024 * 1024
"""Bytes of one message of a client that has logged in."""
KEEP_ALIVE = 60.0
"""Seconds of silence after which a client that wished nothing else is polled."""


class Phase(Enum):
    """How far a session has come."""

    CONNECTED = "connected"
    CHALLENGED = "challenged"
    WAITING = "being checked"
    BARRED = "to change its password"
    OPEN = "open"
    CLOSED = "closed"


CONNECTED, CHALLENGED, WAITING, BARRED, OPEN, CLOSED = Phase
_SAID = {
    Kind.SESSION_OPENED: "session opened",
    Kind.SESSION_RESTORED: "session restored",
    Kind.SESSION_MOVED: "session moved",
}


class Session(Protocol):
    """What is asked of a session, and told of it."""

    serving: Serving
    connection: int
    peer: str
    forwarded: str
    port: str
    phase: Phase
    opening: Opening | None
    """None once the session is open."""
    id: str
    name: str
    user: str
    role: str
    application: int
    application_type: str
    person: int
    daemon: bool
    profile: Profile
    floor: Floor | None
    holder: Holder | None
    follower: Follower

    def rights(self) -> Profile:
        """Return the profile as it is when it is asked for."""

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""

    def flush(self) -> None:
        """Send what is queued now."""

    def start(self, task: Task | Pursuit, ref: int | str | None) -> None:
        """Let a task go on until its end before anything else is taken."""

    def keep(self, kind: Kind, revision: int, reason: str = "") -> None:
        """Keep in the history log what happened to it."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection."""


# ---------------------------------------------------------------- steps


def begin(session: Session, message: Open) -> None:
    """Take the first message: show a token, or begin a login."""
    attempt = session.opening
    assert attempt is not None
    if message.token:
        _resume(session, message, attempt)
        return
    challenge = attempt.begin(message)
    if challenge is None:
        session.phase = WAITING
    else:
        session.phase = CHALLENGED
        session.queue(challenge)


def prove(session: Session, message: Proof) -> None:
    """Take what answers the challenge."""
    attempt = session.opening
    assert attempt is not None
    admitted = attempt.prove(message)
    if admitted is None:
        session.phase = WAITING
    else:
        _enter(session, attempt, admitted, Kind.SESSION_OPENED)


def judged(session: Session, event: Authenticated) -> None:
    """Others have judged the login."""
    attempt = session.opening
    assert attempt is not None
    try:
        admitted = attempt.conclude(event)
        if session.phase is WAITING:
            _enter(session, attempt, admitted, Kind.SESSION_OPENED)
    except RequestError as error:
        if session.phase is WAITING:
            session.queue(refusal(error, None))
            session.close(CloseCode.REFUSED, error.code)
    session.flush()


def _resume(session: Session, message: Open, attempt: Opening) -> None:
    """Go on with a session by its token; what refuses it leaves the way open for a login."""
    if attempt.tried:
        raise TokenRefused("a connection has one token: log in")
    try:
        token, admitted = attempt.resume(message)
        specs = session.follower.specs_of(message.subscriptions) if message.subscriptions else {}
    except RequestError as error:
        session.queue(refusal(error, None))
        return
    serving = session.serving
    session.id = token.session
    other = serving.roster.named(token.session)
    reason = ""
    if other is not None:
        reason = f"its connection from {other.forwarded or other.peer} was still open"
        other.close(CloseCode.TAKEN_OVER, "the session goes on on another connection")
    session.follower.trust(token.part, token.part_since)
    specs = _claim(session, message) or specs
    here = token.server == serving.issuing.server
    kind = Kind.SESSION_RESTORED if here else Kind.SESSION_MOVED
    _enter(session, attempt, admitted, kind, reason)
    if session.phase is OPEN:
        registering.follow_on(session, specs, message.since)


def _claim(session: Session, message: Open) -> dict[str, Spec]:
    """Return the subscriptions that the primary of the pair has told of, if they are to count.

    The client need not say them again. Where it stands only the client knows: what was sent to it
    may have been lost on the way.
    """
    record = session.serving.records.claim(session.id)
    if record is None or message.since is None or message.subscriptions:
        return {}
    return session.follower.specs_of(record.subscriptions) if record.subscriptions else {}


# ---------------------------------------------------------------- the entry


def _enter(
    session: Session, attempt: Opening, admitted: Admitted, kind: Kind, reason: str = ""
) -> None:
    """Open the session of who was admitted.

    Args:
        kind: how it has come here, as the history log names it.
        reason: what is worth knowing of that.
    """
    serving = session.serving
    session.opening = None
    _become(session, attempt.message, admitted)
    session.phase = BARRED if attempt.greeting.must_change else OPEN
    serving.roster.enter(session)
    serving.out.append(Admit(session.connection))
    keep_alive = attempt.message.keep_alive
    timeout = keep_alive.remote if keep_alive is not None else KEEP_ALIVE
    serving.out.append(SetKeepAlive(session.connection, timeout))
    _tell(session, kind, reason)
    token = ""
    if attempt.message.token is not None and not admitted.server:
        session.holder = attempt.holder(session.id, admitted)
        since = session.follower.vouched_since()
        token = serving.issuing.issue(session.connection, session.holder, serving.now, since)
    session.queue(_opened(session, attempt, admitted, token, kind))
    if session.role == "peer" and serving.pairing is not None:
        session.flush()
        serving.pairing.joined(session)


def _become(session: Session, opening: Open, admitted: Admitted) -> None:
    """Give a session the name and the rights of who was admitted."""
    session.name, session.user, session.role = opening.application, opening.user, opening.role
    session.application, session.person = admitted.application, admitted.person
    session.application_type, session.daemon = admitted.application_type, admitted.daemon
    session.profile = admitted.profile
    session.floor = session.serving.freshness.floor(opening, session.serving.now)
    session.follower.seen = opening.seen.revision if opening.seen is not None else 0


def _tell(session: Session, kind: Kind, reason: str) -> None:
    """Say in the log, the history log and the counters who has come."""
    serving = session.serving
    serving.log(
        "info",
        _SAID[kind],
        session=session.id,
        application=session.name,
        user=session.user,
        peer=session.forwarded or session.peer,
        port=session.port,
        **({"reason": reason} if reason else {}),
    )
    session.keep(kind, serving.revision, reason)
    if kind is not Kind.SESSION_OPENED:
        serving.counters.resumes += 1
    elif session.role == "client":
        serving.counters.logins += 1


def _opened(
    session: Session, attempt: Opening, admitted: Admitted, token: str, kind: Kind
) -> Opened:
    serving, greeting = session.serving, attempt.greeting
    return Opened(
        session=session.id,
        epoch=serving.epoch,
        revision=serving.revision,
        data=attempt.final,
        server=serving.identity(),
        application_dbid=session.application,
        person_dbid=session.person,
        keep_alive=attempt.message.keep_alive,
        max_message_size=MAX_MESSAGE_SIZE,
        token=token,
        restored=kind is not Kind.SESSION_OPENED,
        last_login=greeting.last_login or 0,
        password_due=greeting.password_due or 0,
        password_change_required=greeting.must_change,
        clock=serving.now if admitted.server else 0,
    )
