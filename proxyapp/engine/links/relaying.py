"""A proxy's writes on their way to its master: each is carried out there once.

Sent on the link, and again on the next one until the master has answered, under the same name:
the master knows what it has carried out. Only user-defined data is passed on (specification,
chapter "Writable Configuration Server Proxies"), and own passwords; rights are the master's to
check.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from confwire.errors import (
    MasterUnavailable,
    ReadOnlyServer,
    RequestError,
    TooManyWrites,
    error_of,
)
from confwire.messages import (
    Message,
    RelayPassword,
    RelayWrite,
    UpdateObject,
    WriteRelayed,
)
from proxyapp.engine.commands import SetPassword, Write
from proxyapp.engine.events import PasswordSet, WriteRefused, Written
from proxyapp.engine.parts import WriteRequest
from proxyapp.engine.serving import Serving

RELAYED = {"userProperties": "the annex of any object"}
"""The properties that an update through a proxy may name."""
PATIENCE = 10.0
"""Seconds for which a write waits for its master when the link is lost under way."""
_MINUTE = 60.0


class _Waiting(NamedTuple):
    message: RelayWrite | RelayPassword
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
        self.check_open("this proxy takes no writes")
        if not isinstance(request, UpdateObject) or not request.delta.keys() <= RELAYED.keys():
            raise self._read_only("this proxy passes on changes of the annex (userProperties) only")
        most = self._serving.options.number("write-limit")
        self._turn_minute()
        if most and self._counts[connection] >= most:
            raise TooManyWrites(
                f"this session has written {most} times within a minute ([csproxy] write-limit):"
                " write more slowly, or much at once at the master",
                retryAfter=int(_MINUTE - (self._serving.now - self._minute)) + 1,
            )
        self._counts[connection] += 1

    def check_open(self, otherwise: str) -> None:
        """Refuse everything unless this proxy passes on what may be passed on.

        Args:
            otherwise: what is to be said where it never does.

        Raises ReadOnlyServer, MasterUnavailable.
        """
        writable = self._serving.options.flag("proxy-writable")
        if not self._live:
            takes = "cannot pass writes on now" if writable else "takes no writes"
            raise MasterUnavailable(
                f"this proxy {takes}: the master is away, try it later", retryAfter=5
            )
        if not writable:
            raise self._read_only(otherwise)

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
        self._pass_on(message)

    def begin_password(self, command: SetPassword) -> None:
        """Pass a password on whose change was checked."""
        self._pass_on(
            RelayPassword(
                ticket=command.ticket,
                request_id=f"{self._prefix}.{command.ticket}",
                person_dbid=command.person,
                origin=command.origin,
                password=command.password,
                former=command.former,
            )
        )

    def _pass_on(self, message: RelayWrite | RelayPassword) -> None:
        self._waiting[message.ticket] = _Waiting(message, 0.0)
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

    def taken(self, message: WriteRelayed) -> Written | WriteRefused | PasswordSet | None:
        """Return the end of a write that the master has answered."""
        waiting = self._waiting.pop(message.ticket, None)
        if waiting is None:
            return None  # it was given up
        if message.error is not None:
            told = message.error
            return _refused(waiting.message, error_of(told.code, told.text, told.data))
        if isinstance(waiting.message, RelayPassword):
            return PasswordSet(message.ticket, message.revision)
        return Written(message.ticket, message.revision, waiting.message.dbid)

    def expired(self) -> list[WriteRefused | PasswordSet]:
        """Return the writes that have waited too long for a link; what became of them is open."""
        now = self._serving.now
        old = [waiting.message for waiting in self._waiting.values() if 0.0 < waiting.until <= now]
        return [self._given_up(message) for message in old]

    def _given_up(self, message: RelayWrite | RelayPassword) -> WriteRefused | PasswordSet:
        del self._waiting[message.ticket]
        text = "the master was lost before it answered: whether it has written is not known; "
        if isinstance(message, RelayPassword):
            text += "log in with the new password, and if that is refused with the old one"
            return _refused(message, MasterUnavailable(text, retryAfter=5))
        name = message.request_id
        text += f"send the write again with the requestId {name}, which is never carried out twice"
        return _refused(message, MasterUnavailable(text, retryAfter=5, requestId=name))


def _refused(
    message: RelayWrite | RelayPassword, error: RequestError
) -> WriteRefused | PasswordSet:
    if isinstance(message, RelayPassword):
        return PasswordSet(message.ticket, error=error)
    return WriteRefused(message.ticket, error)
