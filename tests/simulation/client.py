"""A client written from the protocol page alone: it logs in, follows, reads, writes, comes back.

It is told the time, and decides by chance what it does next; its ledger checks what it gets.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from random import Random
from typing import Any

import msgspec

from confwire.addp import SilenceWatch, Step
from confwire.handshake import ClientHandshake, resume_proof, server_key
from tests.proxyapp.engine.bench import SALTED
from tests.proxyapp.engine.world import GROUPS_OF_AGENTS, SKILLS
from tests.simulation.balancer import Balancer
from tests.simulation.clock import Clock
from tests.simulation.estate import PORT
from tests.simulation.ledger import Ledger
from tests.simulation.network import PING, PONG, Goodbye, Item, Line, Network
from tests.simulation.server import Server
from tests.simulation.vocabulary import Document, Place

STEP = 0.5
KEEP_ALIVE = 3.0
OPENING = 8.0
"""Seconds after which an opening that gets nowhere is given up."""
LONGEST_DELAY = 2.0
_ANEW = ("compacted", "epochChanged", "readInterrupted", "notReady")

_encode = msgspec.json.Encoder().encode


class Client:
    """One client of a world."""

    application = "default"

    def __init__(
        self,
        user: str,
        specs: list[Document],
        servers: Sequence[Server | Balancer],
        ledger: Ledger,
        clock: Clock,
        network: Network,
        random: Random,
    ) -> None:
        self.host = ledger.name
        self.user = user
        self.ledger = ledger
        self.servers = servers
        self._specs = specs
        self._clock = clock
        self._network = network
        self._random = random
        self._line: Line | None = None
        self._attempts = 0
        self._refs = 0
        self._token: str | None = "" if random.random() < 0.7 else None
        """To go on with the session; empty: wished for, None: not."""
        self._is_monotonic = random.random() < 0.3
        self._extra = 0
        self._is_calm = False
        """It does nothing more than to follow."""
        self.is_slow = False
        """It reads nothing, or a little now and then."""
        self.refusal = ""
        """Why it may not log in."""
        clock.after(random.random(), self._dial)
        clock.after(random.random() * STEP, self._step)

    def __repr__(self) -> str:
        return f"<Client {self.host} of {self.user}>"

    def be_calm(self) -> None:
        """From now on only follow."""
        self._is_calm = True
        self.read_again()

    def read_again(self) -> None:
        """The end of a time of slow reading."""
        if self.is_slow:
            self.is_slow = False
            self.ledger.stalled(self._clock.now)
            self.ready()

    # ------------------------------------------------------------ the connection

    def _dial(self) -> None:
        self._server = self.servers[self._attempts % len(self.servers)]
        self._phase = "connecting"
        self._began_at = self._clock.now
        self._line = self._network.dial(self, self._server, PORT)

    def connected(self, line: Line) -> None:
        """The connection stands: log in."""
        if line is not self._line:
            return
        now = self._clock.now
        self.ledger.begin_session(self._server.behind(line), now)
        self._silence = SilenceWatch(KEEP_ALIVE, now)
        self._phase = "opening"
        self._nonce = base64.b64encode(self._random.randbytes(18)).decode()
        self._handshake = ClientHandshake(self.user or self.application, self._nonce)
        self._open(self._token)
        self.ready()

    def _open(self, token: str | None) -> None:
        """Log in, or go on by a token."""
        opening: Document = {
            "message": "open",
            "application": self.application,
            "user": self.user,
            "keepAlive": {"local": KEEP_ALIVE, "remote": KEEP_ALIVE},
        }
        place = self.ledger.place
        if place is not None:
            opening["seen"] = _cursor(place)
            opening["monotonic"] = self._is_monotonic
        if token is not None:
            opening["token"] = token
        opening["data"] = self._nonce if token else self._handshake.first()
        if token and place is not None and self._may_go_on():
            opening["subscriptions"] = self._specs
            opening["since"] = _cursor(place)
        self._tried = token or ""
        self._send(opening)

    def broken(self, line: Line, reason: str, gone: bool) -> None:
        """The connection is gone."""
        if line is self._line:
            self._come_back(reason, 0)

    def _come_back(self, reason: str, code: int) -> None:
        """Connect again later."""
        now = self._clock.now
        self._line = None
        self._phase = "away"
        self.ledger.end_session(f"{code} {reason}", now)
        self._attempts += self._random.random() < 0.7
        self._tries = min(self._tries + 1, 4) if self.refusal else 1
        self._clock.after(self._random.random() * min(LONGEST_DELAY, 0.5 * 2**self._tries),
                          self._dial)  # fmt: skip

    _tries = 0

    def relieved(self) -> None:
        """The server has read something."""

    def leave(self) -> None:
        """Close in an orderly way, and come back."""
        if self._line is not None and self._phase == "open":
            self._line.send(0, [Goodbye(1000, "")])
            self._part("it left")

    def _part(self, reason: str) -> None:
        line, self._line = self._line, None
        if line is not None:
            line.leave(0, reason)
            self._come_back(reason, 0)

    def ready(self) -> None:
        """Something has come."""
        line = self._line
        if line is None or self.is_slow or self._phase == "connecting":
            return
        self._take(line.pull(0), line)

    def _take(self, items: list[Item], line: Line) -> None:
        if not items:
            return
        self._silence.heard(self._clock.now)
        for item in items:
            if line is not self._line:
                return
            if isinstance(item, bytes):
                self._receive(item)
            elif isinstance(item, Goodbye):
                self._line = None
                line.leave(0, "answered the CLOSE")
                self._come_back(item.reason, item.code)
            elif item == PING:
                line.send(0, [PONG])

    def _send(self, message: Document) -> None:
        assert self._line is not None
        self.ledger.sent(message, self._clock.now)
        self._line.send(0, [_encode(message)])

    def _ask(self, message: str, **fields: Any) -> None:
        self._refs += 1
        self._send({"message": message, "ref": self._refs, **fields})

    # ------------------------------------------------------------ messages

    def _receive(self, data: bytes) -> None:
        message = self.ledger.received(data, self._clock.now)
        kind = message["message"]
        if kind == "challenge":
            self._send({"message": "proof", "data": self._handshake.final(message["data"], SALTED)})
        elif kind == "opened":
            self._opened(message)
        elif kind == "error":
            self._refused(message)
        elif kind == "notificationsLost":
            self._register(anew=True)
        elif kind == "notificationRegistered":
            self._is_registering = False
            if self._has_lost:
                self._register(anew=True)
        elif kind == "tokenRenewed":
            self._token = message["token"]
        elif kind == "draining":
            self._clock.after(message["retryAfter"], self._go_elsewhere, self._line)

    def _opened(self, message: Document) -> None:
        if message.get("restored"):
            assert message["data"] == resume_proof(server_key(SALTED), self._nonce, self._tried)
        else:
            self._handshake.verify(message["data"])
        self._phase, self.refusal, self._tries = "open", "", 0
        self._extra = 0
        self._is_registering = self._has_lost = False
        if self._token is not None:
            self._token = message["token"]
        if not self.ledger.is_live:
            self._register()

    def _go_elsewhere(self, line: Line | None) -> None:
        """The server is about to end: leave it for another one."""
        if line is self._line and not self.is_slow:
            self._attempts += 1
            self.leave()

    _is_registering = _has_lost = False

    def _register(self, anew: bool = False) -> None:
        """Go on from the cursor, or begin with a snapshot."""
        ledger = self.ledger
        if anew and self._is_registering:
            self._has_lost = True  # what it asks for now is not all that it had
            return
        self._is_registering, self._has_lost = True, False
        place = ledger.place
        if place is None or anew or not self._may_go_on() or self._random.random() < 0.05:
            self._ask("registerNotification", subscriptions=self._specs, snapshot=True)
        else:
            since = _cursor(place)
            self._ask("registerNotification", subscriptions=self._specs, since=since)

    def _may_go_on(self) -> bool:
        """Whether the copy is of the subscriptions that it begins a session with."""
        return self.ledger.kept.by_name.keys() == {spec["name"] for spec in self._specs}

    def _refused(self, message: Document) -> None:
        code = message["code"]
        if self._phase == "opening" and self._tried:
            self._token = ""
            self._open("")  # a token that does not count leaves the way open for a login
        elif self._phase == "opening":
            self.refusal = code
        elif code in _ANEW and self._is_registering and "ref" in message:
            self._is_registering = False
            self._register(anew=True)

    # ------------------------------------------------------------ its own doing

    def _step(self) -> None:
        now, random = self._clock.now, self._random
        self._clock.after(STEP, self._step)
        line = self._line
        if line is None:
            return
        if self.is_slow:
            self.ledger.stalled(now)
            if random.random() < 0.2:
                self._take(line.pull_one(0), line)
            return
        if self._phase != "open":
            if now - self._began_at > OPENING:
                self._part("the opening gets nowhere")
            return
        step = self._silence.step(now)
        if step is Step.LOST:
            self._part("nothing was heard")
            return
        if step is Step.POLL:
            line.send(0, [PING])
        self.ledger.watch(now)
        if not self._is_calm and random.random() < 0.3:
            self._do_something()

    def _do_something(self) -> None:
        random = self._random
        choice = random.random()
        if choice < 0.25:
            type_ = random.choice(("skill", "folder", "agentGroup", "skill"))
            filter_ = {"name": random.choice("AB")} if type_ == "skill" else {}
            self._ask("readObjects", objectType=type_, filter=filter_, **self._bounds())
        elif choice < 0.55:
            self._ask("readServerInfo")
        elif choice < 0.65:
            self._ask("readObjects", objectType="skill", filter={"dbid": random.choice(SKILLS)})
        elif choice < 0.8:
            self._write()
        elif choice < 0.86:
            self._subscribe_more()
        elif choice < 0.94:
            self.leave()
        elif self.ledger.place is not None:
            self._send({"message": "acknowledge", "revision": self.ledger.place[1]})

    def _bounds(self) -> Document:
        """Return how new the data of a read must be."""
        random, place = self._random, self.ledger.place
        bounds: Document = {}
        if random.random() < 0.5:
            return bounds
        if random.random() < 0.3:
            return {"freshness": True}
        if place is not None and random.random() < 0.7:
            bounds["minRevision"] = place[1] + random.choice((0, 0, 1))
            bounds["epoch"] = place[0]
        if random.random() < 0.5:
            bounds["maxAge"] = random.choice((0.0, 3.0))
        return {"freshness": bounds}

    def _write(self) -> None:
        random = self._random
        kind, dbids = random.choice((("skill", SKILLS), ("agentGroup", GROUPS_OF_AGENTS)))
        name = random.choice("ABab")
        if kind == "skill" and random.random() < 0.3:
            self._ask("createObject", objectType=kind, object={"tenantDBID": 1, "name": name})
        else:
            dbid = random.choice(dbids)
            self._ask("updateObject", objectType=kind, DBID=dbid, delta={"name": name})

    def _subscribe_more(self) -> None:
        """Subscribe to one thing more for a while, or end that."""
        if self._is_registering or not self.ledger.is_live or self.ledger.is_ahead:
            return
        if self._extra:
            name, self._extra = "extra", 0
            if name in self.ledger.specs.by_name:
                self._ask("unregisterNotification", subscription=name)
        else:
            self._extra = 1
            self._is_registering = True
            kind = self._random.choice(("agentGroup", "folder", "accessGroup"))
            extra = {"name": "extra", "types": [kind]}
            self._ask("registerNotification", subscriptions=[extra], snapshot=True)


def _cursor(place: Place) -> Document:
    return {"epoch": place[0], "revision": place[1]}
