"""One client connection as a state machine: opening, requests, notifications.

Reads are answered in their order, a write when its change has come back. A request that takes
more than a turn becomes the session's task; what came after it waits, unread, until the task is
done. Knows no sockets, and no time but what it is told.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from typing import Any

from confwire import codec
from confwire.errors import (
    AlreadyOpen,
    CloseCode,
    InternalError,
    NotOpen,
    PasswordChangeRequired,
    RequestError,
)
from confwire.messages import (
    ChangePassword,
    ClientMessage,
    HistoryEntry,
    Message,
    Open,
    Proof,
    ReadBrief,
    ReadObjects,
    TokenRenewed,
)
from historylog.entries import Kind, clean
from proxyapp.engine.commands import (
    Again,
    Close,
    PauseReading,
    ResumeReading,
    Send,
)
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import Key
from proxyapp.engine.events import Connected
from proxyapp.engine.links import serverlinks
from proxyapp.engine.links.replication import Replication
from proxyapp.engine.logins.opening import Opening
from proxyapp.engine.reading.freshness import Floor
from proxyapp.engine.reading.requests import Pursuit, Task, refusal
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions import answering, entering, registering, rightswatch
from proxyapp.engine.sessions.backthen import BackThen
from proxyapp.engine.sessions.comparing import Comparing
from proxyapp.engine.sessions.entering import (
    BARRED,
    CHALLENGED,
    CLOSED,
    CONNECTED,
    OPEN,
    Phase,
)
from proxyapp.engine.sessions.follower import Follower
from proxyapp.engine.sessions.past import Past
from proxyapp.engine.trust.tokens import Holder

MAX_WRITES = 64
"""Writes of one session that may wait for the database before its line is paused."""


class Session:
    """A connection of a client, or of a server that replicates from this one."""

    __slots__ = (
        "_answers",
        "_ended",
        "_scheduled",
        "_task",
        "_task_ref",
        "_waiting",
        "acknowledged",
        "application",
        "application_type",
        "blocked",
        "connected_at",
        "connection",
        "daemon",
        "floor",
        "follower",
        "forwarded",
        "holder",
        "id",
        "name",
        "opening",
        "past",
        "peer",
        "person",
        "phase",
        "port",
        "profile",
        "replication",
        "rights_watched",
        "role",
        "secure",
        "serving",
        "user",
        "writes",
    )

    def __init__(self, serving: Serving, line: Connected) -> None:
        self.serving = serving
        self.connection = line.connection
        self.peer = line.peer
        self.forwarded = line.forwarded
        """The client's address, where the peer is a balancer."""
        self.secure = line.secure
        self.port = line.port
        self.connected_at = serving.now
        self.phase: Phase = CONNECTED
        self.id = sha256(line.nonce.encode()).hexdigest()[:24]
        self.name = self.user = self.application_type = ""
        self.application = self.person = 0
        self.role = "client"
        """As its opening says; to others than clients some rules do not apply."""
        self.daemon = False
        self.holder: Holder | None = None
        """What its tokens say; None where it asked for none."""
        self.profile = Profile(frozenset())
        self.follower = Follower(serving, line.connection)
        self.rights_watched: dict[Key, rightswatch.State] = {}
        """Objects of whose permissions it is told, and what it was told last."""
        self.floor: Floor | None = None
        """What the client has seen elsewhere and is not here yet."""
        self.replication: Replication | None = None
        self.past: Past | BackThen | Comparing | None = None
        """The last look at the history that it asked for."""
        self._ended = ""
        """Why this side closed."""
        self.blocked = False
        self.writes = 0
        self.acknowledged = 0
        self.opening: Opening | None = Opening(serving, line, partial(entering.judged, self))
        """None once the session is open: it is larger than the session."""
        self._task: Task | Pursuit | None = None
        self._task_ref: int | str | None = None
        self._scheduled = False
        """An `Again` for the task is on its way; a second one would give it two turns in one."""
        # Invariant: empty unless requests are held.
        self._waiting: list[bytes] = []
        self._answers: list[bytes] = []

    def __repr__(self) -> str:
        state = "behind " if self.follower.behind else ""
        who = f"{self.name}/{self.user}" if self.name else self.peer
        return f"<Session {self.connection} {who} {state}{self.phase.value}>"

    # ------------------------------------------------------------ what happens to it

    def receive(self, messages: list[bytes]) -> None:
        """Take whole messages, in order."""
        self._take_all(messages)
        self.flush()

    def step(self) -> None:
        """Give the session's task its next turn."""
        self._scheduled = False
        if self._task is None or self.blocked or self.phase is CLOSED:
            return
        if self._advance(self._task):
            self._go_on()
        self.flush()

    def wake(self) -> None:
        """What the session's task sleeps for has come."""
        if self._task is not None and not self._scheduled:
            self._scheduled = True
            self.serving.out.append(Again(self))

    def block(self) -> None:
        """Its output is full: notifications stop at a cursor."""
        self.blocked = True
        self.follower.fall_behind(self.serving.revision)
        if self.replication is not None:
            self.replication.fall_behind(self.serving.revision)

    def lag(self, revision: int) -> None:
        """Go through what comes after a revision at its own pace, by its own task."""
        self.follower.fall_behind(revision)
        if self.replication is not None:
            self.replication.fall_behind(revision)
        task = self._catching_up() if self._task is None and not self.blocked else None
        if task is not None:
            # Not begun in this turn, since many sessions lag at once.
            self._task, self._task_ref = task, None
            self.serving.out.append(PauseReading(self.connection))
            self.wake()

    def drain(self) -> None:
        """Its output takes more."""
        self.blocked = False
        if self._task is not None:
            self.wake()
        else:
            self._go_on()
            self.flush()

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection."""
        if self.phase is not CLOSED:
            self.flush()
            self._ended = reason
            self.leave()
            self.serving.out.append(Close(self.connection, code, reason))

    def disconnect(self, reason: str) -> None:
        """The connection is gone, for this reason unless this side had one before."""
        if self.name:
            reason = self._ended or reason
            self.serving.log(
                "info",
                "session closed",
                session=self.id,
                application=self.name,
                user=self.user,
                peer=self.peer,
                reason=reason,
            )
            if self.serving.roster.named(self.id) in (None, self):  # else it goes on elsewhere
                self.keep(Kind.SESSION_CLOSED, self.cursor, clean(reason))
        self.leave()

    def leave(self) -> None:
        """The connection is gone, or about to be."""
        self.phase = CLOSED
        self.follower.stop()
        self._task = None
        self._waiting.clear()
        self.serving.roster.strike(self)
        self.serving.servers.pop(self.connection, None)
        self.serving.rights_watchers.pop(self.connection, None)
        self.serving.issuing.forget(self.connection)

    def renew_token(self) -> None:
        """Give it another token, unless what it holds was revoked."""
        serving, holder = self.serving, self.holder
        ring = serving.issuing.ring
        if holder is not None and ring is not None and holder.generation == ring.generation:
            since = self.follower.vouched_since()
            token = serving.issuing.issue(self.connection, holder, serving.now, since)
            if token:
                self.answer(TokenRenewed(token=token))

    def answer(self, message: Message) -> None:
        """Send a message now."""
        if self.phase is not CLOSED:
            self._answers.append(codec.encode(message))
            self.flush()

    def queue(self, message: Message | bytes) -> None:
        """Send a message with the others of the turn."""
        self._answers.append(message if isinstance(message, bytes) else codec.encode(message))

    def flush(self) -> None:
        """Send what is queued now."""
        if self._answers:
            self.serving.out.append(Send(self.connection, self._answers))
            self._answers = []

    def writing(self) -> None:
        """One of its writes has begun."""
        self.writes += 1
        if self.writes == MAX_WRITES:
            self.serving.out.append(PauseReading(self.connection))

    def written(self) -> None:
        """One of its writes has ended."""
        self.writes -= 1
        if self.writes == MAX_WRITES - 1 and self._task is None:
            self._go_on()
            self.flush()

    def refuse(self, error: RequestError, ref: int | str | None) -> None:
        """Answer a request with an error now."""
        if self.phase is not CLOSED:
            self._refuse(error, ref)
            self.flush()

    @property
    def cursor(self) -> int:
        """The revision up to which it was sent everything that it asked for."""
        if self.follower.behind:
            return self.follower.cursor
        if self.replication is not None and self.replication.behind:
            return self.replication.cursor
        return self.serving.revision

    # ------------------------------------------------------------ messages

    def _take_all(self, messages: list[bytes]) -> None:
        at = 0
        while at < len(messages) and self.phase is not CLOSED:
            if self._holds():
                self._waiting += messages[at:]
                return
            if self.phase is OPEN and self.floor is None:
                rest = messages[at:] if at else messages
                read = self.serving.points.answer(rest, self.profile, self._answers)
                self.serving.counters.reads += read
                at += read
            if at < len(messages):
                self._take(messages[at])
                at += 1

    def _take(self, data: bytes) -> None:
        try:
            message = codec.decode_client(data)
        except RequestError as error:
            self._refuse(error, getattr(error, "ref", None))
            if not self.is_open:
                self.close(CloseCode.MALFORMED_OPENING, "the first messages must open the session")
            return
        ref = getattr(message, "ref", None)
        try:
            self._handle(message)
        except RequestError as error:
            self._refuse(error, ref)
            if isinstance(error, NotOpen):
                self.close(CloseCode.MALFORMED_OPENING, "the first messages must open the session")
            elif not self.is_open:
                self.close(CloseCode.REFUSED, error.code)
        except Exception:  # one session's trouble must not become everyone's
            self._fail(ref)
            if not self.is_open:
                self.close(CloseCode.INTERNAL_ERROR, "the opening failed")

    def _handle(self, message: ClientMessage) -> None:
        if self.phase is OPEN:
            handler = _HANDLERS.get(type(message))
            if handler is None:
                raise AlreadyOpen
            handler(self, message)
        elif self.phase is BARRED:
            if not isinstance(message, ChangePassword):
                raise PasswordChangeRequired
            answering.change_password(self, message)
        elif isinstance(message, Open) and self.phase is CONNECTED:
            entering.begin(self, message)
        elif isinstance(message, Proof) and self.phase is CHALLENGED:
            entering.prove(self, message)
        else:
            raise NotOpen

    def _refuse(self, error: RequestError, ref: int | str | None) -> None:
        self._answers.append(codec.encode(refusal(error, ref)))

    def _fail(self, ref: int | str | None) -> None:
        self.serving.log("error", "request failed", traceback=traceback.format_exc())
        self._refuse(InternalError(), ref)

    def keep(self, kind: Kind, revision: int, reason: str = "") -> None:
        """Keep in the history log what happened to it."""
        serving = self.serving
        serving.keep_entry(
            HistoryEntry(
                kind=kind.value,
                at=serving.now,
                server=serving.settings.application,
                session=self.id,
                application=self.name,
                application_type=self.application_type,
                user=self.user,
                peer=self.peer,
                forwarded=self.forwarded,
                port=self.port,
                epoch=serving.epoch,
                revision=revision,
                reason=reason,
            )
        )

    @property
    def is_open(self) -> bool:
        """Whether it has logged in, and is not closed."""
        return self.phase is OPEN or self.phase is BARRED

    def unbar(self) -> None:
        """The password was changed: other requests are taken, too."""
        if self.phase is BARRED:
            self.phase = OPEN

    # ------------------------------------------------------------ requests

    def rights(self) -> Profile:
        """Return the profile as it is when it is asked for."""
        return self.profile

    def _read(self, message: ReadObjects | ReadBrief) -> None:
        serving = self.serving
        serving.counters.reads += 1
        if message.freshness is False and self.floor is None:
            task = serving.reader.read(message, self.rights)
        else:
            task = serving.freshness.read(self, message, self.rights)
        self.start(task, message.ref)

    # ------------------------------------------------------------ tasks

    def _holds(self) -> bool:
        """Whether requests wait: for a task, for the reader, or for the database."""
        return self._task is not None or self.blocked or self.writes >= MAX_WRITES

    def start(self, task: Task | Pursuit, ref: int | str | None) -> None:
        """Let a task go on until its end before anything else is taken."""
        self._task, self._task_ref = task, ref
        if not self.blocked:
            self._advance(task)
        if self._holds():
            self.serving.out.append(PauseReading(self.connection))

    def _advance(self, task: Task | Pursuit) -> bool:
        """Let the task work until its next turn, or to its end; tell whether it has ended."""
        try:
            messages = next(task)
        except StopIteration as end:
            self._task = None
            self._answers += end.value or ()
        except RequestError as error:
            self._task = None
            self._refuse(error, self._task_ref)
        except Exception:  # as in `_take`
            self._task = None
            self._fail(self._task_ref)
            if self._task_ref is None:  # nobody asked for it, so nobody would ask again
                self.close(CloseCode.INTERNAL_ERROR, "the notifications failed")
        else:
            if messages:
                self.flush()
                self.serving.out.append(Send(self.connection, messages))
            if messages is not None:
                self.wake()
        return self._task is None

    def _go_on(self) -> None:
        """After a hold: catch up first, then take what waited, then read again."""
        if self.phase is CLOSED or self.blocked:
            return
        if (task := self._catching_up()) is not None:
            self.start(task, None)
        waiting, self._waiting = self._waiting, []
        self._take_all(waiting)
        if not self._holds() and self.is_open:
            self.serving.out.append(ResumeReading(self.connection))

    def _catching_up(self) -> Task | Pursuit | None:
        """Return the task that makes up for what was missed, None where nothing was."""
        if self.replication is not None and self.replication.behind:
            return self.replication.catch_up()
        return self.follower.catch_up(self.rights) if self.follower.behind else None


_HANDLERS: dict[type, Callable[[Session, Any], None]] = {
    ReadObjects: Session._read,
    ReadBrief: Session._read,
    **registering.HANDLERS,
    **answering.HANDLERS,
    **serverlinks.HANDLERS,
}
