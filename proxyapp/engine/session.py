"""One client connection as a state machine: opening, requests, notifications.

Requests are answered in their order. One that takes more than a turn becomes the session's
task; what came after it waits, unread, until the task is done. Knows no sockets, and no time
but what it is told.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from enum import Enum
from hashlib import sha256
from typing import Any

from confwire import codec
from confwire.errors import (
    AlreadyOpen,
    ApplicationInUse,
    AuthenticationFailed,
    CloseCode,
    Compacted,
    EpochChanged,
    InternalError,
    InvalidParameter,
    NoPermission,
    NotOpen,
    RequestError,
    TooManySubscriptions,
    UnknownSubscription,
)
from confwire.handshake import ServerHandshake
from confwire.messages import (
    Acknowledge,
    Challenge,
    ClientMessage,
    CreateObject,
    DeleteObject,
    Error,
    KeepAlive,
    Message,
    NotificationRegistered,
    NotificationUnregistered,
    Open,
    Opened,
    Proof,
    ReadBrief,
    ReadObjects,
    ReadServerInfo,
    RegisterNotification,
    Replicate,
    ServerInfo,
    Subscription,
    UnregisterNotification,
    UpdateObject,
)
from proxyapp.engine import admission
from proxyapp.engine.access import Profile, ServerProfile
from proxyapp.engine.commands import (
    Admit,
    Again,
    Close,
    PauseReading,
    Probe,
    ResumeReading,
    Send,
    SetKeepAlive,
)
from proxyapp.engine.filters import compile_filter
from proxyapp.engine.follower import Follower
from proxyapp.engine.journal import tree_text
from proxyapp.engine.replication import Replication
from proxyapp.engine.requests import Task, info_of
from proxyapp.engine.serving import Serving, WriteRequest
from proxyapp.engine.subscriptions import Spec

MAX_MESSAGE_SIZE = 4 * 1024 * 1024
"""Bytes of one message of a client that has logged in."""
MAX_SUBSCRIPTIONS = 64
MAX_WRITES = 64
"""Writes of one session that may wait for the database before its line is paused."""


class Phase(Enum):
    """How far a session has come."""

    CONNECTED = "connected"
    CHALLENGED = "challenged"
    OPEN = "open"
    CLOSED = "closed"


CONNECTED, CHALLENGED, OPEN, CLOSED = Phase


class Session:
    """A connection of a client, or of a server that replicates from this one."""

    __slots__ = (
        "_answers",
        "_nonce",
        "_opening",
        "_proof",
        "_secure",
        "_serving",
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
        "follower",
        "id",
        "name",
        "peer",
        "person",
        "phase",
        "port",
        "profile",
        "replication",
        "user",
        "writes",
    )

    def __init__(
        self,
        serving: Serving,
        connection: int,
        peer: str,
        port: str,
        secure: bool,
        nonce: str,
        now: float,
    ) -> None:
        self._serving = serving
        self.connection = connection
        self.peer = peer
        self.port = port
        self._secure = secure
        self._nonce = nonce
        self.connected_at = now
        self.phase = CONNECTED
        self.id = sha256(nonce.encode()).hexdigest()[:24]
        self.name = self.user = self.application_type = ""
        self.application = self.person = 0
        self.daemon = False
        self.profile = Profile(frozenset())
        self.follower = Follower(serving, connection)
        self.replication: Replication | None = None
        self.blocked = False
        self.writes = 0
        self.acknowledged = 0
        self._opening: Open | None = None
        self._proof: ServerHandshake | None = None
        self._task: Task | None = None
        self._task_ref: int | str | None = None
        # Invariant: empty unless a task runs.
        self._waiting: deque[bytes] = deque()
        self._answers: list[bytes] = []

    def __repr__(self) -> str:
        state = "behind " if self.follower.behind else ""
        who = f"{self.name}/{self.user}" if self.name else self.peer
        return f"<Session {self.connection} {who} {state}{self.phase.value}>"

    # ------------------------------------------------------------ what happens to it

    def receive(self, messages: list[bytes]) -> None:
        """Take whole messages, in order."""
        for data in messages:
            if self._task is not None:
                self._waiting.append(data)
            elif self.phase is not CLOSED:
                self._take(data)
        self._flush()

    def step(self) -> None:
        """Give the session's task its next turn."""
        if self._task is None or self.blocked or self.phase is CLOSED:
            return
        try:
            messages = next(self._task)
        except StopIteration:
            self._task = None
            self._go_on()
        except RequestError as error:
            self._task = None
            self._refuse(error, self._task_ref)
            self._go_on()
        else:
            if messages:
                self._serving.out.append(Send(self.connection, messages))
            self._serving.out.append(Again(self))
        self._flush()

    def block(self) -> None:
        """Its output is full: notifications stop at a cursor."""
        self.blocked = True
        self.follower.fall_behind(self._serving.revision)
        if self.replication is not None:
            self.replication.fall_behind(self._serving.revision)

    def drain(self) -> None:
        """Its output takes more."""
        self.blocked = False
        if self._task is not None:
            self._serving.out.append(Again(self))
        else:
            self._go_on()
            self._flush()

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection."""
        if self.phase is not CLOSED:
            self._flush()
            self.leave()
            self._serving.out.append(Close(self.connection, code, reason))

    def leave(self) -> None:
        """The connection is gone, or about to be."""
        self.phase = CLOSED
        self.follower.stop()
        self._task = None
        self._waiting.clear()
        self._serving.roster.strike(self)

    def answer(self, message: Message) -> None:
        """Send a message now."""
        self._answers.append(codec.encode(message))
        self._flush()

    def written(self) -> None:
        """One of its writes has ended."""
        self.writes -= 1
        if self.writes == MAX_WRITES - 1 and self._task is None:
            self._serving.out.append(ResumeReading(self.connection))

    def refuse(self, error: RequestError, ref: int | str | None) -> None:
        """Answer a request with an error now."""
        self._refuse(error, ref)
        self._flush()

    @property
    def cursor(self) -> int:
        """The revision up to which it was sent everything that it asked for."""
        if self.follower.behind:
            return self.follower.cursor
        if self.replication is not None and self.replication.behind:
            return self.replication.cursor
        return self._serving.revision

    # ------------------------------------------------------------ messages

    def _take(self, data: bytes) -> None:
        try:
            message = codec.decode_client(data)
        except RequestError as error:
            self._refuse(error, getattr(error, "ref", None))
            if self.phase is not OPEN:
                self.close(CloseCode.MALFORMED_OPENING, "the first messages must open the session")
            return
        ref = getattr(message, "ref", None)
        try:
            if message.__class__ is ReadObjects and self.phase is OPEN:
                answer = self._serving.reader.point(message, self.profile)
                if answer is not None:
                    self._answers.append(answer)
                    return
            self._handle(message)
        except RequestError as error:
            self._refuse(error, ref)
            if self.phase is not OPEN:
                self.close(CloseCode.REFUSED, error.code)
        except Exception:  # one session's trouble must not become everyone's
            self._serving.log("error", "request failed", traceback=traceback.format_exc())
            self._refuse(InternalError(), ref)

    def _handle(self, message: ClientMessage) -> None:
        if self.phase is OPEN:
            handler = _HANDLERS.get(type(message))
            if handler is None:
                raise AlreadyOpen
            handler(self, message)
        elif isinstance(message, Open) and self.phase is CONNECTED:
            self._open(message)
        elif isinstance(message, Proof) and self.phase is CHALLENGED:
            self._prove(message)
        else:
            raise NotOpen

    def _refuse(self, error: RequestError, ref: int | str | None) -> None:
        self._answers.append(
            codec.encode(
                Error(
                    ref=ref,
                    code=error.code,
                    text=error.text,
                    data=error.data,
                    permanent=error.permanent,
                )
            )
        )

    def _flush(self) -> None:
        if self._answers:
            self._serving.out.append(Send(self.connection, self._answers))
            self._answers = []

    # ------------------------------------------------------------ opening

    def _open(self, message: Open) -> None:
        serving = self._serving
        serving.check_ready()
        self._proof = ServerHandshake(self._nonce, serving.settings.scram_iterations)
        verifier = admission.verifier_for(serving, message)
        data = self._proof.challenge(message.data, verifier, serving.settings.fake_salt_key)
        if self._proof.user != (message.user or message.application):
            raise AuthenticationFailed("the opening and its SCRAM message name different accounts")
        self._opening = message
        self.phase = CHALLENGED
        self._answers.append(codec.encode(Challenge(data)))

    def _prove(self, message: Proof) -> None:
        assert self._opening is not None
        assert self._proof is not None
        opening, serving = self._opening, self._serving
        try:
            final = self._proof.check(message.data)
            admitted = admission.admit(serving, opening, self._secure)
            if admitted.daemon:
                self._claim(admitted.application)
        except RequestError as error:
            serving.log(
                "warning",
                "login refused",
                application=opening.application,
                user=opening.user,
                peer=self.peer,
                port=self.port,
                code=error.code,
                reason=error.text,
            )
            raise
        self.name, self.user = opening.application, opening.user
        self.application, self.application_type = admitted.application, admitted.application_type
        self.daemon, self.person, self.profile = admitted.daemon, admitted.person, admitted.profile
        self.phase = OPEN
        self._opening = self._proof = None
        serving.roster.enter(self)
        self._welcome(opening, final)

    def _claim(self, application: int) -> None:
        other = self._serving.roster.daemon(application)
        if other is not None:
            # A dead line is found out by the probe, and the next attempt succeeds.
            self._serving.out.append(Probe(other.connection))
            raise ApplicationInUse(
                f"the application has a session from {other.peer} already: a server may have one at"
                " a time. Stop the other one, or try again in some seconds if its line is dead"
            )

    def _welcome(self, opening: Open, final: str) -> None:
        serving = self._serving
        wished = opening.keep_alive
        serving.out.append(Admit(self.connection))
        if wished is not None:
            serving.out.append(SetKeepAlive(self.connection, wished.remote))
        serving.log(
            "info",
            "session opened",
            session=self.id,
            application=self.name,
            user=self.user,
            peer=self.peer,
            port=self.port,
        )
        opened = Opened(
            session=self.id,
            epoch=serving.epoch,
            revision=serving.revision,
            data=final,
            server=serving.identity(),
            application_dbid=self.application,
            person_dbid=self.person,
            keep_alive=KeepAlive(wished.local, wished.remote) if wished is not None else None,
            max_message_size=MAX_MESSAGE_SIZE,
        )
        self._answers.append(codec.encode(opened))

    # ------------------------------------------------------------ requests

    def _profile(self) -> Profile:
        return self.profile

    def _read(self, message: ReadObjects | ReadBrief) -> None:
        self._start(self._serving.reader.read(message, self._profile), message.ref)

    def _register(self, message: RegisterNotification) -> None:
        serving = self._serving
        specs = {item.name: self._spec(item) for item in message.subscriptions}
        if not specs:
            raise InvalidParameter("a registration needs at least one subscription")
        known = self.follower.specs
        if len(known.keys() | specs.keys()) > MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions(
                f"a session may have {MAX_SUBSCRIPTIONS} subscriptions:"
                " end some, or name more in one"
            )
        since = message.since
        if since is not None:
            if known or message.snapshot:
                raise InvalidParameter(
                    "since goes with the first registration of a session, and without a snapshot"
                )
            if since.epoch != serving.epoch:
                raise EpochChanged
            if since.revision < serving.revision:
                entries = serving.journal.since(since.revision)
                if any(entry.structural for entry in entries):
                    raise Compacted("rights or folders changed since: read anew")
        if message.snapshot:
            self._start(self._send_snapshot(message.ref, specs), message.ref)
            return
        self.follower.change(known | specs, self.profile)
        registered = NotificationRegistered(
            ref=message.ref, epoch=serving.epoch, revision=serving.revision
        )
        self._answers.append(codec.encode(registered))
        if since is not None and since.revision < serving.revision:
            self.follower.fall_behind(since.revision)
            self._start(self.follower.catch_up(self._profile), None)

    def _send_snapshot(self, ref: int | str, specs: dict[str, Spec]) -> Task:
        serving, follower = self._serving, self.follower

        def search() -> Any:
            profile = self.profile
            store = serving.store
            tables = {type_ for spec in specs.values() for type_ in spec.types}
            rows = (
                row
                for type_, table in store.tables.items()
                if not tables or type_ in tables or any(not s.types for s in specs.values())
                for row in table.rows()
            )
            return (
                rows,
                lambda row: (
                    profile.may_read(row) and any(s.matches(row, store) for s in specs.values())
                ),
            )

        snapshot = yield from serving.reader.collect(search)
        # From here on it follows as of the snapshot; what happens while it is sent is made up for
        # by the catching up that ends every task.
        follower.change(follower.specs | specs, self.profile)
        follower.fall_behind(snapshot.revision)
        yield from serving.reader.snapshot_packets(ref, snapshot)
        registered = NotificationRegistered(
            ref=ref, epoch=serving.epoch, revision=snapshot.revision
        )
        yield [codec.encode(registered)]

    def _spec(self, item: Subscription) -> Spec:
        types = frozenset(int(info_of(name).type) for name in item.types)
        predicate = None
        if item.filter:
            if len(types) != 1:
                raise InvalidParameter("a filter in a subscription needs exactly one object type")
            (type_,) = types
            query = compile_filter(info_of(item.types[0]).type, item.filter)
            if query.joins:
                raise InvalidParameter(
                    f"filter key '{query.joins[0][0]}' looks at other objects: it can be read by,"
                    " not subscribed to"
                )
            predicate = self._serving.reader.predicate(type_, query, ServerProfile())
        return Spec(
            types,
            frozenset(item.tenants),
            frozenset(item.folders),
            frozenset((int(info_of(key.object_type).type), key.dbid) for key in item.objects),
            tuple(sorted(item.filter.items())),
            predicate,
            item.mode,
        )

    def _unregister(self, message: UnregisterNotification) -> None:
        known = self.follower.specs
        if message.subscription not in known:
            raise UnknownSubscription(f"there is no subscription '{message.subscription}'")
        rest = {name: spec for name, spec in known.items() if name != message.subscription}
        self.follower.change(rest, self.profile)
        serving = self._serving
        ended = NotificationUnregistered(
            ref=message.ref,
            epoch=serving.epoch,
            revision=serving.revision,
            subscription=message.subscription,
        )
        self._answers.append(codec.encode(ended))

    def _write(self, message: WriteRequest) -> None:
        serving = self._serving
        serving.authority.check_write()
        info_of(message.object_type)
        self.writes += 1
        if self.writes == MAX_WRITES:
            serving.out.append(PauseReading(self.connection))
        origin = f"{self.name} {self.peer} session {self.id}"
        serving.write(self.connection, message.ref, message, self.person, origin)

    def _server_info(self, message: ReadServerInfo) -> None:
        serving = self._serving
        info = ServerInfo(
            ref=message.ref,
            epoch=serving.epoch,
            revision=serving.revision,
            server=serving.identity(),
            link=str(serving.authority.status(serving.now).get("link", "")),
            age=serving.authority.age(serving.now),
            tree_hash=tree_text(serving.store.tree),
            objects=serving.store.count,
            sessions=len(serving.roster),
        )
        self._answers.append(codec.encode(info))

    def _acknowledge(self, message: Acknowledge) -> None:
        self.acknowledged = max(self.acknowledged, message.revision)

    def _replicate(self, message: Replicate) -> None:
        if not isinstance(self.profile, ServerProfile):
            raise NoPermission("only a server that opened with the role proxy may replicate")
        self.replication = Replication(self._serving, message.ref)
        self._start(self.replication.start(message.since), message.ref)

    # ------------------------------------------------------------ tasks

    def _start(self, task: Task, ref: int | str | None) -> None:
        self._flush()
        self._task, self._task_ref = task, ref
        self._serving.out.append(PauseReading(self.connection))
        self.step()

    def _go_on(self) -> None:
        """After a task: catch up first, then take what waited, then read again."""
        if self.phase is CLOSED or self.blocked:
            return
        if self.replication is not None and self.replication.behind:
            self._start(self.replication.catch_up(), None)
        elif self.follower.behind:
            self._start(self.follower.catch_up(self._profile), None)
        while self._task is None and self._waiting:
            self._take(self._waiting.popleft())
        if self._task is None and self.writes < MAX_WRITES:
            self._serving.out.append(ResumeReading(self.connection))


_HANDLERS: dict[type, Callable[[Session, Any], None]] = {
    ReadObjects: Session._read,
    ReadBrief: Session._read,
    RegisterNotification: Session._register,
    UnregisterNotification: Session._unregister,
    CreateObject: Session._write,
    UpdateObject: Session._write,
    DeleteObject: Session._write,
    ReadServerInfo: Session._server_info,
    Acknowledge: Session._acknowledge,
    Replicate: Session._replicate,
}
