"""What views see at the places that a transaction may change, before it and after it.

Only places at which something differs are looked at, and of a view only where it looks, since
a grant on one folder may concern a million rows and none of what most readers asked for. Knows
no wire form and no sessions.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from typing import NamedTuple

import msgspec

from confwire.messages import Record
from confwire.objects import ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import GONE
from proxyapp.engine.data.limits import Limit, is_shown
from proxyapp.engine.data.rights import READ, Key, RightsNode, Subject
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.subscriptions import Subscriptions, View

ROWS_AT_ONCE = 4_000
"""Rows that one transaction may have compared, over all views: some 25 ms. The readers of views
that are beyond it must read anew, which they do at their own pace."""

PLACES_AT_ONCE = 10_000
"""Places at which one transaction may compare what is shown at all, over all profiles: some 25 ms.
Where a limit shows other data and there are more, its readers must read anew."""

_FOLDER = int(ObjectType.FOLDER)

Places = set[RightsNode]


class _Owned(msgspec.Struct):
    """What a root folder lies in."""

    owner: msgspec.Raw = msgspec.Raw(b"")


_decode_owned = msgspec.json.Decoder(_Owned).decode


# ---------------------------------------------------------------- where a view looks


class _Sight(NamedTuple):
    """Where a view looks, among some places."""

    places: Places
    keys: set[Key]
    """Single objects beside."""
    types: Set[int] | None
    """Of the rows at the places; None for all."""


def _sight_of(view: View, places: Places, store: Store) -> _Sight:
    found: Places = set()
    keys: set[Key] = set()
    types: set[int] = set()
    everywhere = every_type = False
    for spec in view.specs:
        if spec.objects:
            keys |= spec.objects
            continue
        types |= spec.types
        every_type = every_type or not spec.types
        everywhere = everywhere or not spec.folders
        keys.update((_FOLDER, folder) for folder in spec.folders)
        found.update(node for node in _below(spec.folders, store) if node in places)
    return _Sight(places if everywhere else found, keys, None if every_type else types)


def _below(folders: Iterable[int], store: Store) -> Iterator[RightsNode]:
    for folder in folders:
        node = store.rights.known_contents((_FOLDER, folder))
        if node is not None:
            yield from node.subtree()


class _Weights:
    """How many rows `_rows` has to look at."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # With the places themselves: they must not be forgotten, and others take their address.
        self._everywhere: dict[tuple[int, frozenset[int] | None], tuple[Places, int]] = {}
        """For those who look at all of some places: most views do, at the same."""

    def of(self, view: View, places: Places) -> int:
        """Return how many there are for a view at these places."""
        if not places:
            return 0
        sight = _sight_of(view, places, self._store)
        if sight.places is not places:
            return len(sight.keys) + self._count(sight.places, sight.types)
        types = None if sight.types is None else frozenset(sight.types)
        known = self._everywhere.get((id(places), types))
        if known is None:
            known = self._everywhere[id(places), types] = places, self._count(places, types)
        return len(sight.keys) + known[1]

    def _count(self, places: Places, types: Container[int] | None) -> int:
        return sum(self._store.count_at(node, types) for node in places)


def _rows(view: View, places: Places, store: Store) -> Iterator[Row]:
    """Yield the rows that these places govern and the view asks for, whatever the rights."""
    if not places:
        return
    sight = _sight_of(view, places, store)
    for node in sight.places:
        for row in store.rows_at(node, sight.types):
            if view.mode_of(row, store) is not None:
                yield row
    for key in sight.keys:
        single = store.get(*key)
        if single is None or single.node not in places:
            continue
        of_types = sight.types is None or single.type in sight.types
        seen = of_types and single.node in sight.places
        if not seen and view.mode_of(single, store) is not None:
            yield single


def _direct(view: View, profile: Profile, keys: Iterable[Key], store: Store) -> set[Key]:
    """Return which of these objects are in the view."""
    found = set()
    for key in keys:
        row = store.get(*key)
        if row is not None and profile.may_read(row) and view.mode_of(row, store) is not None:
            found.add(key)
    return found


def _by_folder(view: View) -> bool:
    return any(spec.folders for spec in view.specs)


# ---------------------------------------------------------------- before and after


class Difference(msgspec.Struct, gc=False):
    """What differs for the sessions of a view that have the same profile now."""

    view: View
    profile: Profile
    connections: list[int]
    too_much: bool = False
    """It was not worked out, since too many rows would have to be looked at."""
    before: set[Key] = set()
    """The objects of the transaction that were in the view …"""
    after: set[Key] = set()
    """… and those that are."""
    lost: list[Row] = []
    """Other objects that are no longer in the view …"""
    gained: list[Row] = []
    """… and those that are new in it."""


class Comparison:
    """Notes what views see before a transaction; then works out what differs after it."""

    def __init__(
        self, store: Store, subscriptions: Subscriptions, records: Sequence[Record]
    ) -> None:
        """Note what is seen now; the records have not been taken in yet."""
        self._store = store
        self._keys = [(record.type, record.dbid) for record in records]
        self._movers = [key for key, record in zip(self._keys, records, strict=True)
                        if self._moves(record)]  # fmt: skip
        self._left = ROWS_AT_ONCE
        self._weights = _Weights(store)
        self._places = store.rights.affected_by(self._keys)
        self._moving = self._moved()
        self._asked = _asked(subscriptions, self._keys)
        self.views = [view for view in subscriptions if view.members]
        self._readable = {
            profile: _readable(profile, self._places)
            for profile in {view.profile for view in self.views}
        }
        self._limits = {profile: profile.limit for profile in self._readable}
        self._direct: dict[View, set[Key]] = {}
        self._moved_rows: dict[View, dict[Key, Row]] = {}
        self._note()

    def _moves(self, record: Record) -> bool:
        """Whether what lies in the object, if anything, gets another place."""
        old = self._store.get(record.type, record.dbid)
        if old is None or record.body == GONE or old.folder != record.folder:
            return True
        if record.folder or old.body == record.body:
            return False
        return _decode_owned(old.body).owner != _decode_owned(record.body).owner

    def _moved(self) -> Places:
        contents = (self._store.rights.known_contents(key) for key in self._movers)
        return {below for node in contents if node is not None for below in node.subtree()}

    def _note(self) -> None:
        """Note what each view sees of the objects themselves, and of what moves along."""
        weights = {}
        for view in self.views:
            moving = self._moving & self._readable[view.profile] if _by_folder(view) else set()
            weights[view] = self._weights.of(view, moving) + len(self._asked.get(view, ()))
        for view in sorted(self.views, key=weights.__getitem__):
            if not self._afford(weights[view]):
                continue
            self._direct[view] = _direct(view, view.profile, self._asked.get(view, ()), self._store)
            if self._moving and _by_folder(view):
                moving = self._moving & self._readable[view.profile]
                rows = _rows(view, moving, self._store)
                self._moved_rows[view] = {(row.type, row.dbid): row for row in rows}

    def _afford(self, weight: int) -> bool:
        """Take so much of what may be looked at in all, if it is still there."""
        if weight > self._left:
            return False
        self._left -= weight
        return True

    def settle(
        self,
        regrouped: Mapping[View, Mapping[Profile, list[int]]],
        apart: Mapping[RightsNode, RightsNode],
    ) -> Iterator[Difference]:
        """Yield what differs, now that the transaction is in the store.

        Args:
            regrouped: the profiles that the sessions of each view have now.
            apart: the nodes that have come for single objects, each with that which governed its
                object before.
        """
        places = self._places | self._store.rights.affected_by(self._keys)
        moving = self._moving | self._moved()
        for readable in self._readable.values():
            readable.update([node for node, former in apart.items() if former in readable])
        flips = _Flips(self._store, self._readable, self._limits, places)
        open_: list[tuple[int, Difference, Places, Places, Places]] = []
        for view, groups in regrouped.items():
            for profile, connections in groups.items():
                found = Difference(view, profile, connections)
                flipped = flips.of(view.profile, profile)
                if flipped is None:
                    found.too_much = True
                    yield found
                    continue
                lost, gained = flipped
                within: Places = set()
                if moving and _by_folder(view):
                    within = moving & flips.readable(profile)
                    lost, gained = lost - moving, gained - moving
                weight = sum(self._weights.of(view, at) for at in (lost, gained, within))
                open_.append((weight, found, lost, gained, within))
        for weight, found, lost, gained, within in sorted(open_, key=lambda item: item[0]):
            if found.view in self._direct and self._afford(weight):
                self._fill(found, lost, gained, within)
            else:
                found.too_much = True
            yield found

    def _fill(self, found: Difference, lost: Places, gained: Places, within: Places) -> None:
        view, store = found.view, self._store
        found.before = self._direct[view]
        found.after = _direct(view, found.profile, self._asked.get(view, ()), store)
        changed = set(self._keys)
        before = self._moved_rows.get(view, {})
        after = {(row.type, row.dbid): row for row in _rows(view, within, store)}
        left = [row for key, row in before.items() if key not in after]
        come = [row for key, row in after.items() if key not in before]
        found.lost = [row for row in (*_rows(view, lost, store), *left)
                      if (row.type, row.dbid) not in changed]  # fmt: skip
        found.gained = [row for row in (*_rows(view, gained, store), *come)
                        if (row.type, row.dbid) not in changed]  # fmt: skip


def _asked(subscriptions: Subscriptions, keys: Iterable[Key]) -> dict[View, list[Key]]:
    """Return which of these objects may concern which view."""
    found: dict[View, list[Key]] = {}
    for key in keys:
        for view in subscriptions.concerned(*key):
            found.setdefault(view, []).append(key)
    return found


def _readable(profile: Profile, places: Places) -> Places:
    return {node for node in places if profile.mask(node) & READ}


class _Flips:
    """At which places a reader may see what it could not, or the other way round."""

    def __init__(
        self,
        store: Store,
        before: Mapping[Profile, Places],
        limits: Mapping[Profile, Limit | None],
        places: Places,
    ) -> None:
        self._store = store
        self._before = before
        self._limits = limits
        """Those of the profiles before."""
        self._places = places
        self._after: dict[Profile, Places] = {}
        self._granting: dict[frozenset[Subject], Places] = {}
        self._known: dict[tuple[Profile, Profile], tuple[Places, Places] | None] = {}
        self._turned: dict[tuple[Limit | None, Limit | None], Places | None] = {}
        self._left = PLACES_AT_ONCE

    def readable(self, profile: Profile) -> Places:
        """Return at which of the places a profile may read now."""
        found = self._after.get(profile)
        if found is None:
            found = self._after[profile] = _readable(profile, self._places)
        return found

    def of(self, old: Profile, new: Profile) -> tuple[Places, Places] | None:
        """Return the places that are lost and gained by who had one profile and has another.

        None: there are too many to look at.
        """
        if (old, new) not in self._known:
            self._known[old, new] = self._find(old, new)
        return self._known[old, new]

    def _find(self, old: Profile, new: Profile) -> tuple[Places, Places] | None:
        before, after = self._before[old], self.readable(new)
        limit = self._limits[old]
        if old is not new or limit != new.limit:
            turned = self._turned_by(limit, new.limit)
            if turned is None or len(turned) > self._left:
                return None
            self._left -= len(turned)
            # Elsewhere nothing changed but the reader: its old rights are as they were.
            elsewhere = (self._granted(old.subjects ^ new.subjects) | turned) - self._places
            former = old if limit == old.limit else Profile(old.subjects, limit)
            before = before | _readable(former, elsewhere)
            after = after | _readable(new, elsewhere)
        return before - after, after - before

    def _turned_by(self, old: Limit | None, new: Limit | None) -> Places | None:
        """Return the places that only one of two limits shows, None where there are too many."""
        if old == new:
            return set()
        if (old, new) not in self._turned:
            rights, turned = self._store.rights, None
            if len(rights) <= PLACES_AT_ONCE:
                turned = {n for n in rights.nodes() if is_shown(old, n) != is_shown(new, n)}
            self._turned[old, new] = turned
        return self._turned[old, new]

    def _granted(self, subjects: frozenset[Subject]) -> Places:
        """Return the places where some grant, there or above, names one of these."""
        found = self._granting.get(subjects)
        if found is None:
            found = self._granting[subjects] = set()
            for node in self._store.rights.nodes():
                if node not in found and not subjects.isdisjoint(node.grants):
                    found.update(node.subtree())
        return found
