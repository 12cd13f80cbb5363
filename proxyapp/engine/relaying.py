"""A proxy's writes on their way to its master: each is carried out there once.

Sent on the link, and again on the next one until the master has answered, under the same name:
the master knows what it has carried out. Only user-defined data is passed on (specification,
chapter "Writable Configuration Server Proxies"); rights are the master's to check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from confwire.errors import MasterUnavailable, ReadOnlyServer, TooManyWrites, error_of
from confwire.messages import Message, RelayWrite, UpdateObject, WriteRelayed
from proxyapp.engine.commands import Write
from proxyapp.engine.events import WriteRefused, Written
from proxyapp.engine.serving import Serving, WriteRequest

RELAYED = {"userProperties": "the annex of any object"}
"""The properties that an update through a proxy may name."""
PATIENCE = 10.0
"""Seconds for which a write waits for its master when the link is lost under way."""
_MINUTE = 60.0


class _Waiting(NamedTuple):
    message: RelayWrite
    until: float


class Relaying:
    """The writes that a proxy has passed on and its master has not answered."""

    def __init__(self, serving: Serving, say: Callable[[Message], None]) -> None:
        """Have nothing under way.

        Args:
            say: sends a message on the open link.
        """
        self._serving = serving
        self._say = say
        self._prefix = ""
        """Random, so that the names of two runs of this proxy differ."""
        self._live = False
        self._waiting: dict[int, _Waiting] = {}
        self._counts: Counter[int] = Counter()
        self._minute = 0.0

    def __repr__(self) -> str:
        return f"<Relaying {len(self._waiting)} writes>"

    @property
    def count(self) -> int:
        """Writes that are not answered yet."""
        return len(self._waiting)

    # ------------------------------------------------------------ what sessions ask for

    def check(self, connection: int, request: WriteRequest) -> None:
        """Refuse what is not passed on.

        Raises:
            ReadOnlyServer: this proxy passes nothing on, or nothing of this kind.
            MasterUnavailable: there is no master now; nothing is queued.
            TooManyWrites: the session has written too often within a minute.
        """
        options = self._serving.options
        writable = options.flag("proxy-writable")
        if not self._live:
            takes = "cannot pass writes on now" if writable else "takes no writes"
            raise MasterUnavailable(
                f"this proxy {takes}: the master is away, try it later", retryAfter=5
            )
        if not writable:
            raise self._read_only("this proxy takes no writes")
        if not isinstance(request, UpdateObject) or not request.delta.keys() <= RELAYED.keys():
            raise self._read_only("this proxy passes on changes of the annex (userProperties) only")
        most = options.number("write-limit")
        self._turn_minute()
        if most and self._counts[connection] >= most:
            raise TooManyWrites(
                f"this session has written {most} times within a minute ([csproxy] write-limit):"
                " write more slowly, or much at once at the master",
                retryAfter=int(_MINUTE - (self._serving.now - self._minute)) + 1,
            )
        self._counts[connection] += 1

    def _turn_minute(self) -> None:
        if self._serving.now - self._minute >= _MINUTE:
            self._minute = self._serving.now
            self._counts.clear()

    def begin(self, command: Write) -> None:
        """Pass a write on that was checked."""
        request = command.request
        assert isinstance(request, UpdateObject)
        message = RelayWrite(
            ticket=command.ticket,
            request_id=command.name or f"{self._prefix}.{command.ticket}",
            person_dbid=command.person,
            origin=command.origin,
            object_type=request.object_type,
            dbid=request.dbid,
            delta=request.delta,
        )
        self._waiting[command.ticket] = _Waiting(message, 0.0)
        self._say(message)

    def _read_only(self, reason: str) -> ReadOnlyServer:
        host, port = self._serving.master_address
        return ReadOnlyServer(
            f"{reason}: write to the master at {host}:{port}",
            masterHost=host,
            masterPort=str(port),
        )

    # ------------------------------------------------------------ the link

    def opened(self, nonce: str) -> None:
        """The link is being opened; the first one's nonce makes this run's names unlike others."""
        self._prefix = self._prefix or nonce[:24]

    def start(self) -> None:
        """The link is live."""
        self._live = True
        for ticket, waiting in self._waiting.items():
            self._waiting[ticket] = waiting._replace(until=0.0)
            self._say(waiting.message)

    def stop(self) -> None:
        """The link is lost."""
        self._live = False
        until = self._serving.now + PATIENCE
        for ticket, waiting in self._waiting.items():
            self._waiting[ticket] = waiting._replace(until=waiting.until or until)

    def taken(self, message: WriteRelayed) -> Written | WriteRefused | None:
        """Return the end of a write that the master has answered."""
        waiting = self._waiting.pop(message.ticket, None)
        if waiting is None:
            return None  # it was given up
        if message.error is not None:
            error = error_of(message.error.code, message.error.text, message.error.data)
            return WriteRefused(message.ticket, error)
        return Written(message.ticket, message.revision, waiting.message.dbid)

    def expired(self) -> list[WriteRefused]:
        """Return the writes that have waited too long for a link; what became of them is open."""
        now = self._serving.now
        old = [
            (ticket, waiting.message.request_id)
            for ticket, waiting in self._waiting.items()
            if 0.0 < waiting.until <= now
        ]
        return [self._given_up(ticket, name) for ticket, name in old]

    def _given_up(self, ticket: int, name: str) -> WriteRefused:
        del self._waiting[ticket]
        error = MasterUnavailable(
            "the master was lost before it answered: whether it has written is not known;"
            f" send the write again with the requestId {name}, which is never carried out twice",
            retryAfter=5,
            requestId=name,
        )
        return WriteRefused(ticket, error)
