"""What a person has rights on, said of whole tables: conditions for lists, not checks of rows.

The folders and the grants to the person hang in the tree of rights that servers answer from, so
there is one rule. What it costs depends on folders and grants, never on the number of objects.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, Lookup, OuterRef, Q

from confwire.objects import BY_NAME, OBJECTS, ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import CONTAINERS, CREATE, NO_PROPAGATE, READ, RightsTree
from proxyapp.engine.data.rights import Grant as Granted
from proxyapp.models import ConfigObject, Document, Folder, Grant, Person, Tenant
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.models.objects import GENERIC_TYPE_CHOICES
from proxyapp.services.lineage import any_of, subjects_of

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup

_FOLDER = int(ObjectType.FOLDER)
_TENANT = int(ObjectType.TENANT)
_KNOWN = frozenset({_FOLDER, _TENANT})
"""Types of which all objects are in the tree."""
_TOP = (_TENANT, 1)
_ALL = frozenset(map(int, OBJECTS))
_GENERIC = frozenset(type_ for type_, _ in GENERIC_TYPE_CHOICES)
_BATCH = 1_000  # objects named in one statement
_ANY_ON_SQLITE = "IN (SELECT value FROM json_each(%s))"


class OneOf(_Lookup):
    """Whether a number is one of many; they are one parameter, however many they are."""

    lookup_name = "one_of"
    prepare_rhs = False

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition for SQLite."""
        lhs, parameters = self.process_lhs(compiler, connection)
        values = json.dumps(sorted(self.rhs))
        return f"{lhs} {_ANY_ON_SQLITE}", [*parameters, values]

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition for PostgreSQL."""
        lhs, parameters = self.process_lhs(compiler, connection)
        return f"{lhs} = ANY(%s::bigint[])", [*parameters, sorted(self.rhs)]


@dataclass(slots=True)
class _Grown:
    """The tree as one person's grants make it."""

    profile: Profile
    tree: RightsTree = field(default_factory=RightsTree)
    masks: dict[Key, int] = field(default_factory=dict)
    """The rights on containers, and on what has grants of its own."""
    inside: dict[int, int] = field(default_factory=dict)
    """The rights on what lies in each folder, unless it has grants of its own."""
    holds: dict[int, int] = field(default_factory=dict)
    """The type of the objects that each folder is for."""

    def mask_in(self, folder: int) -> int:
        return self.profile.mask(self.tree.contents((_FOLDER, folder)))


class Reach:
    """What a person has rights on, as of now."""

    def __init__(self, person: Person) -> None:
        self._person = person
        self._subjects = subjects_of(person)
        self._kinds: dict[int, frozenset[int]] = {}

    # ------------------------------------------------------------ everything

    def everywhere(self, needed: int) -> bool:
        """Whether one of the person's subjects has rights on all there is, denied them nowhere."""
        return any(
            all(mask & needed == needed for mask in masks.values())
            for subject, masks in self._by_subject.items()
            if not masks.get(_TOP, NO_PROPAGATE) & NO_PROPAGATE
        )

    @cached_property
    def _grants(self) -> list[Grant]:
        groups = [dbid for _, dbid in self._subjects]
        rows = Grant.objects.filter(Q(person=self._person.dbid) | Q(group__in=groups))
        return [row for row in rows if row.subject in self._subjects]

    @cached_property
    def _by_subject(self) -> dict[Key, dict[Key, int]]:
        found: dict[Key, dict[Key, int]] = {}
        for row in self._grants:
            found.setdefault(row.subject, {})[row.object_type, row.object_dbid] = row.mask
        return found

    # ------------------------------------------------------------ tables

    def having(self, needed: int, model: type[Configured]) -> Q:
        """Return the condition that the person has all these rights on a row of a table."""
        if self.everywhere(needed):
            return Q()
        if model in (Folder, Tenant):
            return self._containers(needed, int(model.TYPE))
        return self._placed(needed, _GENERIC if model is ConfigObject else {int(model.TYPE)})

    def granted(self, needed: int) -> Q:
        """Return the condition that a grant is on an object on which the person has all these."""
        if self.everywhere(needed):
            return Q()
        found = ~Q(type__in=_KNOWN) & self._placed(needed, _ALL - _KNOWN)
        for type_ in _KNOWN:
            found |= Q(type=type_) & self._containers(needed, type_)
        same = Q(type=OuterRef("object_type"), dbid=OuterRef("object_dbid"))
        return Q(Exists(Document.objects.filter(same & found)))

    def _containers(self, needed: int, type_: int) -> Q:
        """Return the condition on folders or tenants, which are all known."""
        masks = self._grown.masks.items()
        return Q(OneOf(F("dbid"), {key[1] for key, mask in masks if key[0] == type_
                                   and mask & needed == needed}))  # fmt: skip

    def _placed(self, needed: int, types: Set[int]) -> Q:
        """Return the condition on objects by their folder, and where they have grants by those.

        Args:
            types: of the objects of the table; of several a column says which.
        """
        grown = self._grown
        found = _one_side(needed, grown.inside)
        for own in {row.object_type for row in self._grants} & types:
            masks = {key[1]: mask for key, mask in grown.masks.items() if key[0] == own
                     and grown.tree.own(key) is not None}  # fmt: skip
            is_type = Q(type=own) if len(types) > 1 else Q()
            yes = {dbid for dbid, mask in masks.items() if mask & needed == needed}
            no = masks.keys() - yes
            found &= ~(is_type & Q(OneOf(F("dbid"), no))) if no else Q()
            found |= is_type & Q(OneOf(F("dbid"), yes)) if yes else Q(pk__in=[])
        return found

    # ------------------------------------------------------------ kinds of objects

    def kinds(self, needed: int) -> frozenset[int]:
        """Return the types of which there may be objects on which the person has all these."""
        if self.everywhere(needed):
            return _ALL
        if needed not in self._kinds:
            grown = self._grown
            found = {grown.holds[one] for one, mask in grown.inside.items() if _has(mask, needed)}
            found |= {
                key[0]
                for key, mask in grown.masks.items()
                if _has(mask, needed) and (key[0] in _KNOWN or grown.tree.own(key) is not None)
            }
            self._kinds[needed] = frozenset(found)
        return self._kinds[needed]

    @cached_property
    def creatable(self) -> frozenset[int]:
        """The types of which the person may create objects in some folder."""
        if self.everywhere(CREATE):
            return _ALL
        grown = self._grown
        homes = {one for one in grown.holds if _has(grown.masks[_FOLDER, one], CREATE)}
        return frozenset({grown.holds[one] for one in homes} | ({_FOLDER} if homes else set()))

    # ------------------------------------------------------------ objects

    def readable(self, keys: Collection[Key]) -> set[Key]:
        """Return which of these objects the person may read; what is gone is not among them."""
        if self.everywhere(READ):
            return set(keys)
        grown = self._grown
        known = {key: grown.masks[key] for key in keys if key in grown.masks}
        for type_, dbid, folder in _places_of({key for key in keys if key not in known}):
            known[type_, dbid] = grown.mask_in(folder)
        return {key for key, mask in known.items() if mask & READ}

    @cached_property
    def _grown(self) -> _Grown:
        grants: dict[Key, list[Granted]] = {}
        for row in self._grants:
            key = row.object_type, row.object_dbid
            grants.setdefault(key, []).append((*row.subject, row.mask))
        grown = _Grown(Profile(frozenset(self._by_subject)))
        nodes = {}
        for type_, dbid, place, holds in _all_containers():
            own = grants.get((type_, dbid), ())
            nodes[type_, dbid] = grown.tree.place(type_, dbid, place, own)
            if type_ == _FOLDER:
                grown.holds[dbid] = holds
        for type_, dbid, folder in _places_of(grants.keys() - nodes.keys()):
            key = type_, dbid
            nodes[key] = grown.tree.place(*key, (_FOLDER, folder), grants[key])
        # Only now everything hangs where it belongs.
        grown.masks = {key: grown.profile.mask(node) for key, node in nodes.items()}
        grown.inside = {dbid: grown.mask_in(dbid) for dbid in grown.holds}
        return grown


def _has(mask: int, needed: int) -> bool:
    return mask & needed == needed


def _one_side(needed: int, inside: dict[int, int]) -> Q:
    """Return the condition on a folder, by those with the rights or by those without: the fewer.

    What lies in no folder is in neither.
    """
    yes = {folder for folder, mask in inside.items() if _has(mask, needed)}
    if 2 * len(yes) <= len(inside):
        return Q(OneOf(F("folder"), yes)) if yes else Q(pk__in=[])
    return Q(folder__gt=0) & ~Q(OneOf(F("folder"), inside.keys() - yes))


def _all_containers() -> Iterator[tuple[int, int, Key, int]]:
    """Yield type, DBID and place of all that others lie in; of folders also what they hold."""
    types = {info.name: int(info.type) for info in BY_NAME.values()}
    columns = "dbid", "folder_id", "owner_type", "owner_dbid", "type"
    for dbid, folder, *owner, held in Folder.objects.values_list(*columns):
        place = (_FOLDER, folder) if folder is not None else (owner[0], owner[1])
        yield _FOLDER, dbid, place, types[held]
    for dbid, folder in Tenant.objects.values_list("dbid", "folder_id"):
        yield _TENANT, dbid, (_FOLDER, folder or 0), 0
    generic = ConfigObject.objects.filter(type__in=CONTAINERS - _KNOWN)
    for type_, dbid, folder in generic.values_list("type", "dbid", "folder_id"):
        yield type_, dbid, (_FOLDER, folder or 0), 0


def _places_of(keys: Iterable[Key]) -> Iterator[tuple[int, int, int]]:
    """Yield type, DBID and folder of those of these objects that are there."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _BATCH):
        condition = any_of("type", "dbid", ordered[start : start + _BATCH])
        yield from Document.objects.filter(condition).values_list("type", "dbid", "folder")
