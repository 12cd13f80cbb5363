"""A client that thinks with the parts of the client library: its watches, cursors and back-off.

What they are given and ask for goes over the simulated connection, and their timers are the
virtual clock's. What a consumer gets of them is checked: each notification makes its copy what
may be seen at its revision, once, whatever servers sent twice, late or anew.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from confwire import codec, delta
from confwire.client.backoff import Backoff, Reconnect
from confwire.client.exchange import Exchanges
from confwire.client.failures import LinkLost
from confwire.client.resuming import Resumption, bounded
from confwire.client.watch import Interest, Notification, ObjectChange, Watch
from confwire.client.watches import Watches
from confwire.errors import WireError
from confwire.handshake import server_key
from confwire.messages import (
    Message,
    NotificationsLost,
    ObjectId,
    ObjectsChanged,
    Opened,
    Progress,
    ServerMessage,
)
from confwire.objects import BY_NAME
from tests.proxyapp.engine.bench import SALTED, T
from tests.simulation.client import Client
from tests.simulation.estate import PORT
from tests.simulation.loop import Loop
from tests.simulation.network import Line
from tests.simulation.server import Server
from tests.simulation.story import Violation
from tests.simulation.truth import Specs, Truth
from tests.simulation.vocabulary import Document, Key, Place

_REMEMBERED = 40


class Consumer:
    """Who takes the notifications of one watch; stands where other clients have their ledger."""

    def __init__(self, name: str, person: int, truth: Truth, spec: Document) -> None:
        self.name = name
        self._person = person
        self._truth = truth
        self._specs = Specs({"watch": spec})
        self.copy: dict[Key, Document] = {}
        self.past: deque[str] = deque(maxlen=_REMEMBERED)
        self.place: Place | None = None
        self.is_live = False
        self._told: Place | None = None
        """The last notification."""
        self._site = 0

    def begin_session(self, server: Server, now: float) -> None:
        """A connection to this server stands."""
        self._site = server.site
        self.past.append(f"{now:.3f} connected to {server.application}")

    def end_session(self, reason: str, now: float) -> None:
        """The connection is gone."""
        self.past.append(f"{now:.3f} lost: {reason}")

    def sent(self, message: Document, now: float) -> None:
        """The client sends this."""
        self.past.append(f"{now:.3f} -> {str(message)[:300]}")

    def received(self, data: bytes, now: float) -> Document:
        """The client has got this; returns it decoded."""
        message: Document = msgspec.json.decode(data)
        self.past.append(f"{now:.3f} <- {str(message)[:300]}")
        return message

    def watch(self, now: float) -> None:
        """Nothing is asked for by itself."""

    def stalled(self, now: float) -> None:
        """What comes late is not judged."""

    def is_complete(self) -> bool:
        """Whether all that may be seen has been told."""
        present = self._truth.present
        assert present is not None
        is_here = self.place is not None and self.place[0] == present.place[0]
        wanted = present.view(self._person, self._specs, self._site)
        return self.is_live and is_here and self.copy == wanted

    def take(self, notification: Notification) -> None:
        """Take the next notification.

        Raises:
            Violation: it is not what has to come.
        """
        place = notification.epoch, notification.revision
        told = self._told
        again = told is not None and told[0] == place[0] and place[1] <= told[1]
        if again and not notification.reset:
            self._fail("Ordered", f"{place} after {told}")
        self._told = place
        if notification.reset:
            self.copy = {}
        for change in notification.changes:
            self._apply((T[change.object_type], change.dbid), change)
        wanted = self._truth.moments[place].view(self._person, self._specs, self._site)
        if self.copy != wanted:
            keys = [key for key in self.copy | wanted if self.copy.get(key) != wanted.get(key)]
            self._fail("Reliable", f"at {place} {keys} differ")

    def _apply(self, key: Key, change: ObjectChange) -> None:
        if (change.kind in ("created", "entered")) is (key in self.copy):
            self._fail("Unique", f"{change} and the copy says otherwise")
        if change.kind in ("deleted", "left"):
            del self.copy[key]
        elif change.object is not None:
            self.copy[key] = change.object
        else:
            info = BY_NAME[change.object_type]
            self.copy[key] = delta.apply(info, self.copy[key], change.delta or {})

    def _fail(self, guarantee: str, text: str) -> None:
        history = "\n  ".join(self.past)
        raise Violation(guarantee, f"the library of {self.name}: {text}\n  {history}")


class _Wire:
    """The link as the watches know it."""

    def __init__(self, send: Callable[[Document], None]) -> None:
        self._send = send

    def send(self, message: Message) -> None:
        """Send a message."""
        self._send(msgspec.json.decode(codec.encode(message)))


class LibraryClient(Client):
    """A client with one watch."""

    ledger: Consumer  # type: ignore[assignment]

    def __init__(self, *arguments: Any) -> None:
        """Take what other clients take, with a consumer for the ledger and one subscription."""
        super().__init__(*arguments)
        self._phase = "away"
        self._refs = 1_000_000  # the watches count from 1
        self._loop = Loop(self._clock)
        self._wire = _Wire(self._send)
        self._exchanges = Exchanges()
        self._watches = Watches(self._exchanges, self._open_link)  # type: ignore[arg-type]
        self._watch = Watch("watch", interest_of(self._specs[0]), None, True,
                            self._watches.consumed, self._watches.remove)  # fmt: skip
        self._watches.add(self._watch)
        self._resumption: Resumption | None = None
        addresses = [(server.host, PORT) for server in self.servers]
        jitter = self._random.random
        self._backoff = Backoff(addresses, jitter, Reconnect(attempts=2, timeout=2.0))

    def _open_link(self) -> _Wire | None:
        return self._wire if self._phase == "open" and self._line is not None else None

    def _send(self, message: Document) -> None:
        if message["message"] == "open":
            self._resumption = None
            if token := message.get("token"):
                self._add_standing(message, token)
        super()._send(message)

    def _add_standing(self, message: Document, token: str) -> None:
        found = bounded(token, server_key(SALTED), *self._watches.standing())
        self._resumption = found
        if found.since is not None:
            message["since"] = msgspec.to_builtins(found.since)
            message["subscriptions"] = msgspec.json.decode(msgspec.json.encode(found.subscriptions))

    def _may_go_on(self) -> bool:
        return False  # the watches say what a session goes on with

    def _register(self, anew: bool = False) -> None:
        """The watches register by themselves."""

    def _receive(self, data: bytes) -> None:
        try:
            with self._loop.running():
                self._hear(data)
        except (LinkLost, WireError) as error:
            self._part(str(error))
        self._consume()

    def _hear(self, data: bytes) -> None:
        if self._phase != "open":
            super()._receive(data)
            message = codec.decode_server(data)
            if isinstance(message, Opened):
                self._backoff.succeeded()
                self._watches.opened(message, self._resumption if message.restored else None)
            return
        kind = msgspec.json.decode(data)["message"]
        if kind in ("tokenRenewed", "draining"):
            super()._receive(data)
        else:
            self.ledger.received(data, self._clock.now)
            self._dispatch(codec.decode_server(data))

    def _dispatch(self, message: ServerMessage) -> None:
        if isinstance(message, ObjectsChanged):
            self._watches.changed(message)
        elif isinstance(message, Progress):
            self._watches.progressed(message)
        elif isinstance(message, NotificationsLost):
            self._watches.notifications_lost(message)
        else:
            self._exchanges.receive(message)

    def _consume(self) -> None:
        """Take all that the watch has, as a consumer that never waits does."""
        watch, ledger = self._watch, self.ledger
        with self._loop.running():
            while watch._waiting:
                try:
                    watch.__anext__().send(None)
                except StopIteration as found:
                    ledger.take(found.value)
        received = watch.received
        ledger.place = None if received is None else (received.epoch, received.revision)
        ledger.is_live = watch.is_live

    def _come_back(self, reason: str, code: int) -> None:
        """Connect again, when and where the library's back-off says."""
        self._line = None
        was_open, self._phase = self._phase == "open", "away"
        self.ledger.end_session(f"{code} {reason}", self._clock.now)
        with self._loop.running():
            self._watches.lost()
            self._exchanges.end(LinkLost(reason))
        self.ledger.is_live = False
        self._backoff.failed(leave=was_open and code != 0)
        hosts = [server.host for server in self.servers]
        self._attempts = hosts.index(self._backoff.server[0])
        self._clock.after(self._backoff.delay(), self._dial)

    def broken(self, line: Line, reason: str, gone: bool) -> None:
        """The connection is gone."""
        if line is self._line:
            self._come_back(reason, 0)

    def _do_something(self) -> None:
        if self._random.random() < 0.2:
            self.leave()
        else:
            self._ask("readServerInfo")


def interest_of(spec: Document) -> Interest:
    """Return what a watch is for that asks for this subscription."""
    return Interest(
        types=tuple(spec.get("types", ())),
        tenants=tuple(spec.get("tenants", ())),
        folders=tuple(spec.get("folders", ())),
        objects=tuple(ObjectId(o["objectType"], o["DBID"]) for o in spec.get("objects", ())),
        filter=tuple(spec.get("filter", {}).items()),
        mode=spec.get("mode", "log"),
    )
