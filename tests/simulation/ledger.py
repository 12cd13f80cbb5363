"""The recorded history of one client, checked against the truth message by message.

It keeps the copy that the protocol lets a client keep, and knows from the truth what the copy
must be at each revision. Each check names the guarantee that it stands for.
"""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Any

import msgspec

from confwire import delta
from confwire.epochs import is_behind
from confwire.objects import BY_NAME
from tests.proxyapp.engine.bench import T
from tests.simulation.server import Server
from tests.simulation.story import Violation
from tests.simulation.truth import Moment, Specs, Truth
from tests.simulation.vocabulary import Document, Key, Place

ANSWERED = 20.0
"""Seconds within which a request is answered, or the session ends."""
WRITTEN = 35.0
"""The same for a write through a proxy: it may wait for its link to be found dead, and another."""
HEARD = 35.0
"""Seconds within which a live session hears something."""
FOLLOWED = 1.5
"""Seconds that a change may take from the database to a master."""
NOTICED = 6.5
"""The same, where a proxy may not have noticed yet that its link is dead."""
_REMEMBERED = 40
_BETWEEN_TRANSACTIONS = ("progress", "objectsRead", "notificationRegistered")

_decode = msgspec.json.Decoder().decode


class Ledger:
    """What one client has sent and got, over all its sessions."""

    def __init__(self, name: str, person: int, truth: Truth, capacity: int) -> None:
        self.name = name
        self.person = person
        self._truth = truth
        self._capacity = capacity
        self.copy: dict[Key, Document] = {}
        self.place: Place | None = None
        """Up to where the copy has everything."""
        self.kept = Specs({})
        """The subscriptions of which the copy is."""
        self.past: deque[str] = deque(maxlen=_REMEMBERED)
        self.count = 0
        """Transactions that were taken in."""
        self.restarts = 0
        """Snapshots that were taken in."""
        self.answers = 0
        self.application = 100
        self.is_limited = False
        """Some server may show a part of the data only."""
        self.tokens_hold = False
        """Nothing happens in this world that would end a resume token."""
        self._server: Server | None = None
        self._session = ""
        """What the last session was called."""
        self._place_of: tuple[Server | None, int] = None, 0
        """Which process told the last of what the copy has."""
        self._is_vouched = False
        """A token has come that says so."""
        self.end_session("", 0.0)

    # ------------------------------------------------------------ sessions

    def begin_session(self, server: Server, now: float) -> None:
        """A connection to this server stands."""
        self._server = server
        self._life = server.lives
        self.past.append(f"{now:.3f} connected to {server.application}")

    def end_session(self, reason: str, now: float) -> None:
        """The connection is gone."""
        self.past.append(f"{now:.3f} lost: {reason}")
        self.specs = Specs({})
        self.is_live = False
        self.is_open = False
        self._last = 0
        """The last revision that this session was told, in its epoch."""
        self._epoch = ""
        self._parts: list[Document] = []
        self._whole: Place | None = None
        self._read_at: Place | None = None
        self._pending: dict[int, tuple[Document, float]] = {}
        self._gathered: dict[Key, Document] = {}
        self._total = 0
        self._in_snapshot = False
        self._heard_at = now
        self._opening: Document = {}
        self._is_first = True
        """No packet of the present read has come."""
        self._is_restored = False
        self._told_age, self._source = 0.0, ""
        self._marked_behind = False

    def sent(self, message: Document, now: float) -> None:
        """The client sends this."""
        self.past.append(f"{now:.3f} -> {_shorten(message)}")
        if message["message"] == "open":
            self._opening = message
        if "ref" in message:
            self._pending[message["ref"]] = message, now

    def received(self, data: bytes, now: float) -> Document:
        """The client has got this; returns it decoded."""
        message: Document = _decode(data)
        self.past.append(f"{now:.3f} <- {_shorten(message)}")
        handler = _HANDLERS.get(message["message"])
        if self._parts and message["message"] in _BETWEEN_TRANSACTIONS:
            self._fail("Atomic", f"{message['message']} within a transaction")
        if handler is not None:
            handler(self, message, now)
        return message

    def watch(self, now: float) -> None:
        """Look for what should have come by now; the client has read all that was there."""
        for message, at in self._pending.values():
            if now - at > (WRITTEN if "delta" in message else ANSWERED):
                self._fail("NoSilentHang", f"no answer to {message} of {at:.1f} at {now:.1f}")
        if self.is_live and now - self._heard_at > HEARD:
            self._fail("NoSilentHang", f"a live session heard nothing since {self._heard_at:.1f}")

    def stalled(self, now: float) -> None:
        """The client did not read for a while: what is late is its own doing."""
        self._pending = {ref: (message, now) for ref, (message, _) in self._pending.items()}
        self._heard_at = now

    def _fail(self, guarantee: str, text: str) -> None:
        history = "\n  ".join(self.past)
        raise Violation(guarantee, f"{self.name} at {self._server!r}: {text}\n  {history}")

    # ------------------------------------------------------------ checks

    def _moment(self, epoch: str, revision: int) -> Moment:
        moment = self._truth.moments.get((epoch, revision))
        if moment is None:
            self._fail("Bookmarkable", f"there never was a revision {epoch}:{revision}")
        assert moment is not None
        return moment

    def _check_copy(
        self, guarantee: str, copy: dict[Key, Document], epoch: str, revision: int, specs: Specs
    ) -> None:
        wanted = self._moment(epoch, revision).view(self.person, specs, self._site)
        if copy != wanted:
            keys = sorted(copy.keys() | wanted.keys())
            differing = [k for k in keys if copy.get(k) != wanted.get(k)]
            parts = [f"{k}: has {copy.get(k)}, should be {wanted.get(k)}" for k in differing[:3]]
            self._fail(guarantee, f"at {epoch}:{revision} {len(differing)} differ: {parts}")

    @property
    def _site(self) -> int:
        return self._server.site if self._server is not None else 0

    def _check_shown(self, key: Key, message: Document) -> None:
        """Check that the server shows an object, of which it tells more than that it is gone."""
        if not self._moment(message["epoch"], message["revision"]).shows(self._site, key):
            self._fail("Filter", f"{key} is outside the site limit: {_shorten(message)}")

    @property
    def is_ahead(self) -> bool:
        """Whether the server has still to reach what is known already."""
        return (
            self.place is not None and self._epoch == self.place[0] and self._last < self.place[1]
        )

    def is_complete(self) -> bool:
        """Whether the copy is all that may be seen at present."""
        present = self._truth.present
        assert present is not None
        return (
            self.is_live
            and not self._parts
            and self.place is not None
            and self.place[0] == present.place[0]
            and self.copy == present.view(self.person, self.specs, self._site)
        )

    # ------------------------------------------------------------ answers

    def _opened(self, message: Document, now: float) -> None:
        self.is_open = True
        self._moment(message["epoch"], message["revision"])
        self._heard_at = now
        since = self._opening.get("since")
        self._is_restored = bool(message.get("restored"))
        self._is_vouched = self._is_vouched and self._is_restored
        self._check_identity(message)
        if message.get("restored") and since is not None:
            self.specs = Specs({spec["name"]: spec for spec in self._opening["subscriptions"]})
            self.is_live = True
            self._last = min(since["revision"], message["revision"])
            self._epoch = message["epoch"]

    def _check_identity(self, message: Document) -> None:
        """Check that a session keeps its name, and that a pool is one server to its clients."""
        if message.get("restored") and message["session"] != self._session:
            self._fail("Resumable", f"{self._session} goes on under another name")
        self._session = message["session"]
        known = message["server"]["application"]
        if self._server is not None and known != self._server.known_as:
            self._fail("Resumable", f"{self._server.known_as} says it is {known}")

    def _answered(self, message: Document) -> tuple[Document, float]:
        found = self._pending.pop(message["ref"], None)
        if found is None:
            self._fail("Unique", f"an answer to nothing: {message}")
        assert found is not None
        self.answers += 1
        return found

    def _objects_read(self, message: Document, now: float) -> None:
        request, _ = self._pending.get(message["ref"], ({}, 0.0))
        if not request:
            self._fail("Unique", f"an answer to nothing: {_shorten(message)}")
        type_ = T[message["objectType"]]
        if not self._gathered:
            self._read_at = message["epoch"], message["revision"]
        elif self._read_at != (message["epoch"], message["revision"]):
            self._fail("Atomic", f"packets of {self._read_at} and of another revision")
        if len(message["objects"]) != message["count"]:
            self._fail("Atomic", "a packet has another number of objects than it says")
        for document in message["objects"]:
            key = type_, document["DBID"]
            if key in self._gathered:
                self._fail("Unique", f"{key} came twice")
            self._check_shown(key, message)
            self._gathered[key] = document
        self._total = message["total"]
        if self._is_first:
            self._is_first = False
            self._told_age = message.get("age", 0.0)
            self._source = message.get("source", "")
            self._marked_behind = message.get("behind", False)
        if "subscriptions" in request:
            self._in_snapshot = True
        elif message.get("last"):
            self._read_ended(message, now)

    def _objects_sent(self, message: Document, now: float) -> None:
        self._total = message["total"]
        request, _ = self._pending.get(message["ref"], ({}, 0.0))
        if "subscriptions" in request:
            self._in_snapshot = True
            self._read_at = message["epoch"], message["revision"]
        else:
            self._read_ended(message, now)

    def _check_admitted(self, epoch: str, revision: int) -> None:
        """Check that the account may be logged in at a revision, as the session goes on at it."""
        if not self._moment(epoch, revision).admits(self.person, self.application):
            self._fail("Filter", f"the account is served, and barred at {epoch}:{revision}")

    def _read_ended(self, message: Document, now: float) -> None:
        self._check_admitted(message["epoch"], message["revision"])
        request, asked_at = self._answered(message)
        found, self._gathered, self._is_first = self._gathered, {}, True
        if len(found) != self._total:
            self._fail("Atomic", f"{len(found)} objects came of {self._total}")
        self._check_age(request, message, asked_at)
        spec = {"types": [request["objectType"]], "filter": request.get("filter", {})}
        specs = Specs({"read": spec})
        self._check_copy("Filter", found, message["epoch"], message["revision"], specs)

    def _registered(self, message: Document, now: float) -> None:
        request, _ = self._answered(message)
        epoch, revision = message["epoch"], message["revision"]
        given = {spec["name"]: spec for spec in request["subscriptions"]}
        merged = Specs({**self.specs.by_name, **given})
        self._heard_at = now
        if request.get("snapshot"):
            self._take_snapshot(epoch, revision, Specs(given), merged)
        else:
            assert self.place is not None
            since = request["since"]["revision"]
            if since > revision and self._server is not None and self._server.is_master:
                self._fail("Resumable", f"a master took a cursor ahead of it: {since}")
            self._last = min(since, revision)
            self._epoch = epoch
        self.specs = self.kept = merged
        self.is_live = True

    def _take_snapshot(self, epoch: str, revision: int, given: Specs, merged: Specs) -> None:
        found, self._gathered = self._gathered, {}
        self._in_snapshot, self._is_first = False, True
        if len(found) != self._total or self._read_at != (epoch, revision):
            self._fail("Atomic", f"{len(found)} objects of {self._total}, as of {self._read_at}")
        self._check_copy("Filter", found, epoch, revision, given)
        if self.is_live:
            self._check_copy("Reliable", self.copy, epoch, revision, self.specs)
            self.copy = {**self.copy, **found}
        else:
            self.copy = found
        self._check_copy("Reliable", self.copy, epoch, revision, merged)
        self._be_at((epoch, revision))
        self._epoch, self._last = epoch, revision
        self.restarts += 1

    def _be_at(self, place: Place) -> None:
        """The copy has all up to there, by this process."""
        self.place = place
        self._place_of = self._server, self._life

    def _unregistered(self, message: Document, now: float) -> None:
        self._answered(message)
        rest = {k: v for k, v in self.specs.by_name.items() if k != message["subscription"]}
        self.specs = self.kept = Specs(rest)
        self.is_live = bool(rest)
        assert self.place is not None
        wanted = self._moment(*self.place).view(self.person, self.specs, self._site)
        self.copy = {key: document for key, document in self.copy.items() if key in wanted}

    def _written(self, message: Document, now: float) -> None:
        self._answered(message)
        moment = self._moment(message["epoch"], message["revision"])
        key = T[message["objectType"]], message["DBID"]
        if message["message"] == "objectCreated" and message["object"] is not None:
            item = moment.records.get(key)
            if item is None or _decode(item.body) != message["object"]:
                self._fail("Atomic", f"{key} was answered and is not there")

    def _info(self, message: Document, now: float) -> None:
        _, asked_at = self._answered(message)
        place = message["epoch"], message["revision"]
        self._check_admitted(*place)
        self._check_known(place, message["age"], message["source"], asked_at)

    def _check_known(self, place: Place, age: float, source: str, asked_at: float) -> None:
        assert self._server is not None
        late = NOTICED if source == "live" else FOLLOWED
        # The answer is at least as old as its request.
        missed = self._truth.missed(place, asked_at - age - late)
        if missed is not None:
            said = f"an answer of {asked_at:.2f} says age {age:.2f} {source}"
            self._fail("Fresh", f"{said}, and lacks {missed!r} of {missed.at:.2f}")

    def _check_age(self, request: Document, message: Document, asked_at: float) -> None:
        """Check that the data of a read is as new as it says, and as it was to be."""
        place = message["epoch"], message["revision"]
        seen = self._opening.get("seen")
        older = seen is not None and is_behind(*place, seen["epoch"], seen["revision"])
        if older and (self._opening["monotonic"] or not self._marked_behind):
            self._fail("Fresh", f"{place} was read after {seen} was seen elsewhere")
        bounds = request.get("freshness", False)
        if bounds is False:
            return
        self._check_known(place, self._told_age, self._source, asked_at)
        if bounds is True:
            return
        least = bounds.get("epoch", place[0]), bounds.get("minRevision", 0)
        if is_behind(*place, *least) or self._told_age > bounds.get("maxAge", inf):
            self._fail("Fresh", f"{place}, age {self._told_age}, was read with bounds {bounds}")

    def _error(self, message: Document, now: float) -> None:
        code = message["code"]
        if code in ("internalError", "invalidParameter", "malformedMessage", "unknownMessage"):
            self._fail("NoSilentHang", f"refused: {message}")
        if code == "tokenRefused" and self.tokens_hold:
            self._fail("Resumable", f"a token is refused for no reason: {message}")
        if "ref" not in message:
            return
        request, _ = self._answered(message)
        if "subscriptions" in request or "objectType" in request:
            self._gathered, self._in_snapshot, self._is_first = {}, False, True
        if code == "epochChanged" and len({epoch for epoch, _ in self._truth.moments}) == 1:
            self._fail("Resumable", "epochChanged, and there was one epoch only")
        if code == "compacted":
            since = request["since"]
            self._check_compacted((since["epoch"], since["revision"]))

    def _check_compacted(self, since: Place) -> None:
        """Check that there is a reason not to go on from a cursor."""
        server, present = self._server, self._truth.present
        assert server is not None
        assert present is not None
        if self._life != server.lives or since[0] != present.place[0]:
            return
        told = self._place_of == (server, server.lives) and self._is_vouched
        own = self._is_restored and told
        if self.is_limited and not own:  # it may be of another part of the data
            return
        begun = server.loads[0] if len(server.loads) == 1 else None
        if begun is None or begun[0] != since[0] or begun[1] > since[1]:
            return
        missed = self._truth.between(*since, present.place[1])
        if not all(moment.is_plain for moment in missed):
            return
        if sum(len(moment.changed) for moment in missed) < self._capacity:
            self._fail("Resumable", f"compacted, and the server has all since {begun}")

    # ------------------------------------------------------------ notifications

    def _changed(self, message: Document, now: float) -> None:
        self._heard_at = now
        if self._in_snapshot:
            self._fail("Atomic", "a notification within a snapshot")
        if not self.is_live:
            self._fail("Filter", "a notification without a subscription")
        place = message["epoch"], message["revision"]
        if self._parts and self._whole != place:
            self._fail("Atomic", f"{self._whole} was not finished when {place} began")
        self._whole = place
        for change in message["changes"]:
            if change["change"] not in ("deleted", "left"):
                self._check_shown((T[change["objectType"]], change["DBID"]), message)
        self._parts += message["changes"]
        if message.get("last"):
            changes, self._parts = self._parts, []
            self._take(place, changes)

    def _take(self, place: Place, changes: list[Document]) -> None:
        assert self.place is not None
        epoch, revision = place
        is_next = epoch == self._epoch
        if is_next and revision <= self._last:
            self._fail("Ordered", f"{epoch}:{revision} came after {self._last}")
        self._epoch, self._last = epoch, revision
        if epoch == self.place[0] and revision <= self.place[1]:
            return  # from a server that is behind: it was had from another one
        self._moment(epoch, revision)
        before: Moment | None = None
        if epoch == self.place[0] and self.specs.has_log:
            before = self._truth.moments.get((epoch, revision - 1))
        if before is not None and self._server is not None and not self._server.has_loaded(place):
            self._check_copy("Reliable", self.copy, epoch, revision - 1, self.specs)
        else:
            before = None
        self._apply(place, changes, before)
        self._check_copy("Reliable", self.copy, epoch, revision, self.specs)
        self._be_at(place)
        self.count += 1

    def _apply(self, place: Place, changes: list[Document], before: Moment | None) -> None:
        now = self._moment(*place)
        seen: set[Key] = set()
        copy = dict(self.copy)
        if not changes:
            self._fail("Unique", "a transaction without changes")
        for change in changes:
            key = T[change["objectType"]], change["DBID"]
            if key in seen:
                self._fail("Unique", f"two changes of {key} in one transaction")
            seen.add(key)
            kind = change["change"]
            if (kind in ("created", "entered")) is (key in copy):
                self._fail("Reliable", f"{kind} {key}, and the copy says otherwise")
            self._check_kind(kind, key, before, now)
            if kind in ("created", "entered"):
                copy[key] = change["object"]
            elif kind in ("deleted", "left"):
                del copy[key]
            else:
                copy[key] = self._updated(key, change, copy[key], before, now)
        self.copy = copy

    def _check_kind(self, kind: str, key: Key, before: Moment | None, now: Moment) -> None:
        if kind == "deleted" and key in now.records:
            self._fail("Reliable", f"deleted {key}, which is there")
        if kind == "left" and key not in now.records:
            self._fail("Reliable", f"left {key}, which is gone")
        if before is None or kind not in ("created", "entered"):
            return
        if (kind == "created") is (key in before.records):
            self._fail("Reliable", f"{kind} {key} is the wrong word")

    def _updated(
        self, key: Key, change: Document, old: Document, before: Moment | None, now: Moment
    ) -> Document:
        info = BY_NAME[change["objectType"]]
        if "object" in change:
            if before is not None and now.logs(self.specs, now.records[key]):
                self._fail("PrevValue", f"{key} came without former values")
            return change["object"]
        if change["former"] != delta.former(info, old, change["delta"]):
            self._fail("PrevValue", f"{change['former']} of {change['delta']}, and it was {old}")
        return delta.apply(info, old, change["delta"])

    def _progress(self, message: Document, now: float) -> None:
        self._heard_at = now
        if not self.is_live or self._in_snapshot or self.place is None:
            self._fail("Bookmarkable", "progress for a session that follows nothing")
            return
        epoch, revision = message["epoch"], message["revision"]
        if epoch == self._epoch and revision < self._last:
            self._fail("Ordered", f"progress {revision} after {self._last}")
        self._epoch, self._last = epoch, revision
        if epoch == self.place[0] and revision <= self.place[1]:
            return
        self._check_copy("Bookmarkable", self.copy, epoch, revision, self.specs)
        self._be_at((epoch, revision))

    def _renewed(self, message: Document, now: float) -> None:
        self._is_vouched = True

    def _lost(self, message: Document, now: float) -> None:
        self._heard_at = now
        if message["reason"] == "compacted" and self.is_live and self.place is not None:
            self._check_compacted(self.place)
        self._is_vouched = False
        self.specs = Specs({})
        self.is_live = False
        self._parts = []


def _shorten(message: Document) -> str:
    text = msgspec.json.encode(message).decode()
    return text if len(text) < 300 else text[:300] + "…"


_HANDLERS: dict[str, Any] = {
    "opened": Ledger._opened,
    "objectsRead": Ledger._objects_read,
    "objectsSent": Ledger._objects_sent,
    "notificationRegistered": Ledger._registered,
    "notificationUnregistered": Ledger._unregistered,
    "objectCreated": Ledger._written,
    "objectUpdated": Ledger._written,
    "objectDeleted": Ledger._written,
    "serverInfo": Ledger._info,
    "error": Ledger._error,
    "objectsChanged": Ledger._changed,
    "progress": Ledger._progress,
    "notificationsLost": Ledger._lost,
    "tokenRenewed": Ledger._renewed,
}
