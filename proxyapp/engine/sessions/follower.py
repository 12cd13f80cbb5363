"""How a session follows the data: live in a view, or behind with a cursor.

Live, it is told of a change in the turn that applies it. Behind, because its reader is slow
or is still being sent a snapshot, it costs nothing but a cursor and catches up from the
journal; what the journal cannot tell any more is said, never skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice, takewhile
from typing import Literal

from confwire import codec
from confwire.errors import (
    Compacted,
    EpochChanged,
    InvalidParameter,
    TooManySubscriptions,
)
from confwire.messages import (
    Cursor,
    NotificationRegistered,
    NotificationsLost,
    RegisterNotification,
    Subscription,
)
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.filters import compile_filter
from proxyapp.engine.data.journal import Change, Entry
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.fanout import packets
from proxyapp.engine.notifying.parcels import piece_for
from proxyapp.engine.notifying.subscriptions import Spec, View
from proxyapp.engine.reading.gathering import Search
from proxyapp.engine.reading.requests import Pursuit, Task, info_of
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.tokens import UNTOLD

_ENTRIES_A_TURN = 200
_NEVER = 1 << 63
"""A revision that no data reaches."""
MAX_SUBSCRIPTIONS = 64
"""Subscriptions of one session."""


class Follower:
    """The subscriptions of one session."""

    __slots__ = (
        "_connection",
        "_epoch",
        "_resets",
        "_serving",
        "ahead",
        "behind",
        "cursor",
        "seen",
        "specs",
        "told",
        "trusted",
        "view",
    )

    def __init__(self, serving: Serving, connection: int) -> None:
        self._serving = serving
        self._connection = connection
        self.specs: dict[str, Spec] = {}
        # Invariant: `view` is set exactly while there are subscriptions and it is not behind.
        self.view: View | None = None
        self.behind = False
        self.cursor = 0
        """The last revision that was sent; counts while `behind`."""
        self.ahead = 0
        """The revision that the client had seen elsewhere when it registered."""
        self.told = 0
        """Up to where it was told elsewhere all that its subscriptions see."""
        self.trusted: int | None = None
        """Cursors from this revision on are of what is shown here; None: it is not known."""
        self.seen = 0
        """The revision that the client had seen elsewhere when it opened its session."""
        self._resets, self._epoch = 0, ""

    def specs_of(self, subscriptions: Sequence[Subscription]) -> dict[str, Spec]:
        """Return the conditions of subscriptions by their names.

        Raises InvalidParameter, UnknownFilterKey, TooManySubscriptions.
        """
        specs = {item.name: self._spec(item) for item in subscriptions}
        if not specs:
            raise InvalidParameter("a registration needs at least one subscription")
        if len(self.specs.keys() | specs.keys()) > MAX_SUBSCRIPTIONS:
            raise TooManySubscriptions(
                f"a session may have {MAX_SUBSCRIPTIONS} subscriptions:"
                " end some, or name more in one"
            )
        return specs

    def check_first(self, message: RegisterNotification) -> None:
        """Check that a registration may bring a cursor, and go on from there.

        Raises InvalidParameter, EpochChanged, Compacted.
        """
        assert message.since is not None
        if self.specs or message.snapshot:
            raise InvalidParameter(
                "since goes with the first registration of a session, and without a snapshot"
            )
        self.check_since(message.since)

    def check_since(self, since: Cursor) -> None:
        """Check that one can go on from a cursor without a gap.

        Raises EpochChanged, Compacted.
        """
        serving = self._serving
        if since.epoch != serving.epoch:
            raise EpochChanged
        if since.revision > serving.revision and serving.authority.takes_servers:
            raise EpochChanged  # at a proxy it is the proxy that is behind, and will reach it
        if self._is_foreign(since.revision):
            raise Compacted("the cursor may be of a server that shows other data: read anew")
        if since.revision < serving.revision:
            next(serving.journal.since(since.revision))  # raises what cannot be told any more
            if since.revision < serving.journal.structural:
                raise Compacted("rights or folders changed since: read anew")

    def trust(self, part: bytes, since: int) -> None:
        """Take a token's word for the part of the data that its cursors are of."""
        if part != self._serving.issuing.part:
            self.trusted = _NEVER
        elif since != UNTOLD:
            self.trusted = since

    def distrust(self) -> None:
        """What the client knows may be of another part of the data, until it has read anew."""
        self.trusted = _NEVER

    def vouch(self, revision: int) -> None:
        """The client has what is shown here as of a revision, and will be told what follows.

        What it has seen elsewhere, and is not here yet, it may still go by.
        """
        elsewhere = max(self.seen, self.ahead)
        since = revision if elsewhere <= revision else _behind(elsewhere)
        if self.trusted is None or self.trusted > since:
            self.trusted = since
            session = self._serving.roster.get(self._connection)
            if session is not None and self._serving.site.tells_apart(self._serving.store, since):
                session.renew_token()

    def vouched_since(self) -> int:
        """Return from which revision on cursors are of what is shown here, for a token to say."""
        if self.trusted is None:
            return UNTOLD
        since = self._serving.issuing.part_since
        if since <= self.trusted:
            return self.trusted
        # The limit has changed here, perhaps not elsewhere.
        return max(since, _behind(self.ahead))

    def _is_foreign(self, revision: int) -> bool:
        if self.trusted is not None:
            return revision < self.trusted
        return self._serving.site.tells_apart(self._serving.store, revision)

    def snapshot(
        self, ref: int | str, specs: dict[str, Spec], profile_of: Callable[[], Profile]
    ) -> Task:
        """Send what the subscriptions see as of one revision, and follow from there.

        While it is sent the follower is behind; the catching up that ends every task makes up
        for what happened meanwhile.
        """
        serving = self._serving

        def begin() -> Search:
            profile, store = profile_of(), serving.store

            def select(rows: list[Row]) -> list[Row]:
                return [
                    row
                    for row in profile.readable(rows)
                    if any(spec.matches(row, store) for spec in specs.values())
                ]

            return Search(_candidates(store, specs.values()), select)

        found = yield from serving.reader.gatherer.gather(begin)
        missed = []
        if self.behind:  # what the old subscriptions missed is not replayed to the new ones
            missed = self._make_up(profile_of())
        self.told = 0
        self.change(self.specs | specs, profile_of())
        self.fall_behind(found.revision)
        yield missed
        yield from serving.reader.snapshot_packets(ref, found)
        registered = NotificationRegistered(ref=ref, epoch=found.epoch, revision=found.revision)
        yield [codec.encode(registered)]
        self.vouch(found.revision)

    def _spec(self, item: Subscription) -> Spec:
        types = frozenset(int(info_of(name).type) for name in item.types)
        predicate = None
        if item.filter:
            if len(types) != 1:
                raise InvalidParameter("a filter in a subscription needs exactly one object type")
            info = info_of(item.types[0])
            query = compile_filter(info.type, item.filter)
            if query.joins:
                raise InvalidParameter(
                    f"filter key '{query.joins[0][0]}' looks at other objects: it can be read by,"
                    " not subscribed to"
                )
            predicate = self._serving.reader.predicate(info.type, query, ServerProfile())
        return Spec(
            types,
            frozenset(item.tenants),
            frozenset(item.folders),
            frozenset((int(info_of(key.object_type).type), key.dbid) for key in item.objects),
            tuple(sorted(item.filter.items())),
            predicate,
            item.mode,
        )

    def change(self, specs: dict[str, Spec], profile: Profile, since: int | None = None) -> None:
        """Follow by these subscriptions from now on, or from a revision that was sent."""
        behind = self.behind
        self.stop()
        self.specs = specs
        if behind:
            self.behind = bool(specs)
        elif since is not None:
            self.fall_behind(since)
        elif specs:
            self._join(profile)

    def fall_behind(self, revision: int) -> None:
        """Send nothing more for now; all up to `revision` was sent."""
        if self.specs and not self.behind:
            self._leave()
            self.behind = True
            self.cursor = revision
            self._resets, self._epoch = self._serving.journal.resets, self._serving.epoch

    def stop(self) -> None:
        """End all subscriptions."""
        self._leave()
        self.specs = {}
        self._serving.roster.touch(self._connection)
        self.behind = False

    def regroup(self, profile: Profile) -> None:
        """Take over another rights profile."""
        if self.view is not None and self.view.profile is not profile:
            self._leave()
            self._join(profile)

    def lose(self, reason: Literal["compacted", "epoch"]) -> bytes:
        """End all subscriptions because continuity is lost; return the message that says so."""
        self.stop()
        serving = self._serving
        lost = NotificationsLost(epoch=serving.epoch, revision=serving.revision, reason=reason)
        return codec.encode(lost)

    def catch_up(self, profile_of: Callable[[], Profile]) -> Pursuit:
        """Send what the journal holds after the cursor, then go live without a gap."""
        last: list[bytes] = []
        while self.behind and not self._is_level():
            entries, last = self._take_missed(_ENTRIES_A_TURN)
            if entries and entries[0].large:
                yield from self._go_through(entries[0], profile_of())
                continue
            if entries:
                last = self._replay(entries, profile_of())
            if self.behind and not self._is_level():
                yield last
                last = []
        if self.behind:
            self.behind = False
            self._join(profile_of())
        return last

    def _go_through(self, entry: Entry, profile: Profile) -> Task:
        serving = self._serving
        view = View(profile, frozenset(self.specs.values()))
        size = serving.options.number("packet-size")
        parcel = serving.parcels.of(serving.epoch, entry, view, serving.store, size)
        structure = serving.reader.structure
        for message in parcel.messages():
            if structure != serving.reader.structure:
                # What was worked out before a change of rights must not be sent after it.
                yield [self.lose("compacted")]
                return
            yield [message] if message else []
        self.cursor = entry.revision

    def _is_level(self) -> bool:
        journal = self._serving.journal
        return self._resets == journal.resets and self.cursor >= journal.revision

    def _make_up(self, profile: Profile) -> list[bytes]:
        """Return all that was missed, or that it cannot be told."""
        entries, lost = self._take_missed(None)
        return self._replay(entries, profile) if entries else lost

    def _take_missed(self, limit: int | None) -> tuple[list[Entry], list[bytes]]:
        """Return what was missed, of at most so many transactions; or that it cannot be told."""
        try:
            return self._missed(limit), []
        except EpochChanged:
            return [], [self.lose("epoch")]
        except Compacted:
            return [], [self.lose("compacted")]

    def _missed(self, limit: int | None) -> list[Entry]:
        serving = self._serving
        journal = serving.journal
        if self._epoch != serving.epoch:
            raise EpochChanged
        if self.told >= journal.structural:
            self.cursor = max(self.cursor, min(self.told, journal.revision))
            self._resets = journal.resets
        if self._resets != journal.resets or self.cursor < journal.structural:
            raise Compacted
        entries = list(islice(journal.since(self.cursor), limit))
        if limit is not None:  # a large one has its own turns
            small = list(takewhile(lambda entry: not entry.large, entries))
            entries = small or entries[:1]
        return entries

    def _replay(self, entries: list[Entry], profile: Profile) -> list[bytes]:
        self.cursor = entries[-1].revision
        specs = frozenset(self.specs.values())
        serving, revisions = self._serving, (entries[0].revision, entries[-1].revision)
        size = serving.options.number("packet-size")
        # A change of what the profile may read, or of folders, refuses the cursor before.
        key = (serving.epoch, revisions, profile, specs, size, min(self.ahead, revisions[1]))
        return serving.replays.of(key, lambda: self._make(entries, View(profile, specs), size))

    def _make(self, entries: list[Entry], view: View, size: int) -> list[bytes]:
        if all(spec.mode == "state" for spec in view.specs):
            # What the client has seen elsewhere must not be joined to what it has not: it drops
            # the one and takes the other.
            had = [entry for entry in entries if entry.revision <= self.ahead]
            parts = [part for part in (had, entries[len(had) :]) if part]
            steps = [(part[-1].revision, _coalesce(part)) for part in parts]
        else:
            steps = [(entry.revision, entry.changes) for entry in entries]
        serving = self._serving
        store = serving.store
        messages = []
        for revision, changes in steps:
            pieces = [item for change in changes if (item := piece_for(view, change, store))]
            if pieces:
                messages += packets(serving.epoch, revision, pieces, size)
        return messages

    def _join(self, profile: Profile) -> None:
        specs = frozenset(self.specs.values())
        self.view = self._serving.subscriptions.join(self._connection, profile, specs)
        # One of all that are equal is enough for everyone.
        shared = {spec: spec for spec in self.view.specs}
        self.specs = {name: shared[spec] for name, spec in self.specs.items()}

    def _leave(self) -> None:
        if self.view is not None:
            self._serving.subscriptions.leave(self._connection, self.view)
            self.view = None


def _behind(revision: int) -> int:
    """Return the next revision; none where a client claims one that no data reaches."""
    return min(revision + 1, _NEVER)


def _candidates(store: Store, specs: Collection[Spec]) -> Iterator[list[Row]]:
    """Yield the rows of every table that some subscription may match."""
    every = any(not spec.types for spec in specs)
    types = {type_ for spec in specs for type_ in spec.types}
    for type_, table in store.tables.items():
        if every or type_ in types:
            yield from table.batches()


def _coalesce(entries: list[Entry]) -> list[Change]:
    """Return one change per object: from its first state to its last."""
    merged: dict[Key, Change] = {}
    for entry in entries:
        for change in entry.changes:
            key = (change.type, change.dbid)
            first = merged.get(key)
            old = change.old if first is None else first.old
            merged[key] = Change(change.type, change.dbid, old, change.new)
    return [change for change in merged.values() if change.old or change.new]
