"""Who wants to hear of what: subscriptions, and the views that readers share.

A view is all subscriptions of a session together with its rights profile. Sessions that asked
for the same with the same rights share one, so a change is matched once for all of them.
Knows no wire form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from confwire.objects import ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store

Predicate = Callable[[Row], bool]


class Spec:
    """One subscription's conditions: all that are given must hold.

    Equal ones are interchangeable.
    """

    __slots__ = (
        "_hash",
        "_identity",
        "filter",
        "folders",
        "mode",
        "objects",
        "predicate",
        "tenants",
        "types",
    )

    def __init__(
        self,
        types: frozenset[int] = frozenset(),
        tenants: frozenset[int] = frozenset(),
        folders: frozenset[int] = frozenset(),
        objects: frozenset[Key] = frozenset(),
        filter_: tuple[tuple[str, str | int | bool], ...] = (),
        predicate: Predicate | None = None,
        mode: Literal["log", "state"] = "log",
    ) -> None:
        self.types = types
        self.tenants = tenants
        self.folders = folders
        self.objects = objects
        self.filter = filter_
        self.predicate = predicate
        self.mode = mode
        # 1 and True are equal, and mean different things to a filter.
        conditions = tuple((key, type(value), value) for key, value in filter_)
        self._identity = (types, tenants, folders, objects, conditions, mode)
        self._hash = hash(self._identity)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Spec) and self._identity == other._identity

    def __hash__(self) -> int:
        return self._hash

    def matches(self, row: Row, store: Store) -> bool:
        """Whether the row meets every condition, whatever the rights."""
        return (
            (not self.types or row.type in self.types)
            and (not self.objects or (row.type, row.dbid) in self.objects)
            and (not self.tenants or row.tenant in self.tenants)
            and (not self.folders or self.covers(_folder_of(row), store))
            and (self.predicate is None or self.predicate(row))
        )

    def covers(self, folder: int, store: Store) -> bool:
        """Whether the folder is one of those asked for, or lies below one."""
        return not self.folders.isdisjoint(store.ancestors(folder))


def _folder_of(row: Row) -> int:
    return row.dbid if row.type == ObjectType.FOLDER else row.folder


class View:
    """Sessions with equal rights and equal subscriptions."""

    __slots__ = ("members", "profile", "specs")

    def __init__(self, profile: Profile, specs: frozenset[Spec]) -> None:
        self.profile = profile
        self.specs = specs
        self.members: set[int] = set()
        """Connections, without those that lag behind."""

    def mode_of(self, row: Row, store: Store) -> Literal["log", "state"] | None:
        """Return how a change of this row is delivered, None where it is not asked for."""
        mode: Literal["log", "state"] | None = None
        for spec in self.specs:
            if spec.matches(row, store):
                if spec.mode == "log":
                    return "log"
                mode = "state"
        return mode

    def sees(self, row: Row, store: Store) -> bool:
        """Whether the row is in the view: readable and asked for."""
        return self.profile.may_read(row) and self.mode_of(row, store) is not None


class Subscriptions:
    """All views, found by what can concern them."""

    def __init__(self) -> None:
        self._views: dict[tuple[Profile, frozenset[Spec]], View] = {}
        self._by_type: dict[int, set[View]] = {}  # 0: any type
        self._by_object: dict[Key, set[View]] = {}

    def __len__(self) -> int:
        return len(self._views)

    def __iter__(self) -> Iterator[View]:
        return iter(list(self._views.values()))

    def join(self, connection: int, profile: Profile, specs: frozenset[Spec]) -> View:
        """Add a session to the view of its rights and subscriptions."""
        view = self._views.get((profile, specs))
        if view is None:
            view = self._views[profile, specs] = View(profile, specs)
            for entry in self._entries(specs):
                entry.add(view)
        view.members.add(connection)
        return view

    def leave(self, connection: int, view: View) -> None:
        """Take a session out of its view, and forget a view that has none left."""
        view.members.discard(connection)
        if not view.members:
            del self._views[view.profile, view.specs]
            for entry in self._entries(view.specs):
                entry.discard(view)
            self._prune(view.specs)

    def _entries(self, specs: frozenset[Spec]) -> Iterator[set[View]]:
        """Yield every index entry under which a view with these subscriptions is found."""
        for spec in specs:
            for key in spec.objects:
                yield self._by_object.setdefault(key, set())
            for type_ in () if spec.objects else spec.types or (0,):
                yield self._by_type.setdefault(type_, set())

    def _prune(self, specs: frozenset[Spec]) -> None:
        for spec in specs:
            for key in spec.objects:
                if not self._by_object.get(key):
                    self._by_object.pop(key, None)

    def concerned(self, type_: int, dbid: int) -> set[View]:
        """Return the views that a change of this object may concern."""
        found: set[View] = set()
        for views in (
            self._by_type.get(type_),
            self._by_type.get(0),
            self._by_object.get((type_, dbid)),
        ):
            if views:
                found = found | views if found else set(views)
        return found

    def concerned_by(self, keys: Iterable[Key]) -> set[View]:
        """Return the views that changes of any of these objects may concern."""
        types: set[int] = {0}
        found: set[View] = set()
        for key in keys:
            types.add(key[0])
            if key in self._by_object:
                found |= self._by_object[key]
        return found.union(*(self._by_type.get(type_, ()) for type_ in types))
