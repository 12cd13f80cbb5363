"""Where rights come from, each read in one statement: whose a person has, and the places above.

Both go up a tree of unknown depth, which the database climbs itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import chain
from operator import or_
from typing import TypeVar

from django.db.models import Q

from confwire.objects import ObjectType
from proxyapp.engine.data.rights import NO_PROPAGATE
from proxyapp.models import Folder, Grant, Person
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.models.statements import run

_GROUP = int(ObjectType.ACCESS_GROUP)
_PERSON = int(ObjectType.PERSON)
_FOLDER = int(ObjectType.FOLDER)
_TENANT = int(ObjectType.TENANT)
_BATCH = 1_000  # objects named in one statement
_STARTS = 200  # places that one statement climbs from

_T = TypeVar("_T")

_SUBJECTS = """
WITH RECURSIVE found (dbid) AS (
    SELECT dbid FROM proxyapp_accessgroup WHERE type = 'everyone'
    UNION
    SELECT access_group_id FROM proxyapp_membership WHERE person_id = %s
    UNION
    SELECT membership.access_group_id
    FROM found JOIN proxyapp_membership membership ON membership.group_id = found.dbid
)
SELECT dbid FROM proxyapp_accessgroup WHERE state = 'enabled' AND dbid IN (SELECT dbid FROM found)
"""

_START = "(CAST(%s AS bigint), CAST(%s AS bigint), CAST(%s AS bigint), CAST(%s AS bigint))"

# A place is there with the one below it, instead of its distance: so a ring of folders ends.
_PLACES = """
WITH RECURSIVE place (type, dbid, below_type, below_dbid) AS (
    VALUES {starts}
    UNION
    SELECT
        CAST(CASE WHEN folder.folder_id IS NULL AND folder.dbid IS NOT NULL
            THEN folder.owner_type ELSE %s END AS bigint),
        CASE WHEN folder.dbid IS NOT NULL
            THEN coalesce(folder.folder_id, folder.owner_dbid)
            ELSE coalesce(tenant.folder_id, generic.folder_id) END,
        place.type,
        place.dbid
    FROM place
    LEFT JOIN proxyapp_folder folder
        ON place.type = %s AND folder.dbid = place.dbid
    LEFT JOIN proxyapp_tenant tenant
        ON place.type = %s AND tenant.dbid = place.dbid
    LEFT JOIN proxyapp_configobject generic
        ON generic.type = place.type AND generic.dbid = place.dbid
    WHERE coalesce(folder.dbid, tenant.folder_id, generic.folder_id) IS NOT NULL
)
SELECT place.type, place.dbid, place.below_type, place.below_dbid,
    given.person_id, given.group_id, given.mask
FROM place LEFT JOIN proxyapp_grant given
    ON given.object_type = place.type AND given.object_dbid = place.dbid
"""

# The object itself, which may be about to be written: its grants only.
_OWN = """
UNION ALL
SELECT object_type, object_dbid, 0, 0, person_id, group_id, mask
FROM proxyapp_grant WHERE object_type = %s AND object_dbid = %s
"""


@dataclass(frozen=True, slots=True)
class Source:
    """The nearest grant to a person or one of its groups, which counts on an object."""

    subject: Key
    mask: int
    place: Key
    """The object that the grant is on: the asked one, or one that it lies in."""


@dataclass(slots=True)
class Places:
    """Objects that others lie in, as far as they were asked for, and the grants on them."""

    above: dict[Key, Key] = field(default_factory=dict)
    grants: dict[Key, dict[Key, int]] = field(default_factory=dict)
    _climbed: set[Key] = field(default_factory=set)
    """Places from which all above is known."""

    def of(self, instance: Configured) -> list[Key]:
        """Return the object, its folders upwards, their owner, and so on up to the Environment."""
        return self.at((int(instance.object_type), instance.dbid), key_above(instance))

    def at(self, own: Key, upper: Key | None) -> list[Key]:
        """Return the places of an object by what it lies in, None at the top."""
        if own not in self.grants or (upper is not None and upper not in self._climbed):
            self._read(own, upper)
        places = [own]
        while upper is not None and upper not in places:
            places.append(upper)
            upper = self.above.get(upper)
        return places

    def sources(self, places: Sequence[Key], subjects: Collection[Key]) -> Iterator[Source]:
        """Yield the grants that count for some subjects on an object, by its places upwards."""
        found: set[Key] = set()
        for place in places:
            for subject, mask in sorted(self.grants[place].items()):
                propagates = place == places[0] or not mask & NO_PROPAGATE
                if subject in subjects and subject not in found and propagates:
                    found.add(subject)
                    yield Source(subject, mask, place)

    def foresee(self, uppers: Mapping[Key, Key | None]) -> None:
        """Read what `at` needs of many objects with few statements.

        Args:
            uppers: what each lies in, None at the top.
        """
        new = sorted(uppers.keys() - self.grants.keys())
        self.grants.update((key, {}) for key in new)
        for part in _parts(new, _BATCH):
            for grant in Grant.objects.filter(any_of("object_type", "object_dbid", part)):
                self.grants[grant.object_type, grant.object_dbid][grant.subject] = grant.mask
        places = {place for place in uppers.values() if place is not None}
        for starts in _parts(sorted(places - self._climbed), _STARTS):
            self._climb([(*place, 0, 0) for place in starts])

    def _read(self, own: Key, upper: Key | None) -> None:
        start = upper or own  # nothing is above an object at the top
        self.grants[own] = {}
        self._climb([(*start, *own)], own)

    def _climb(self, starts: Sequence[tuple[int, int, int, int]], own: Key | None = None) -> None:
        """Read all places above some, each told with the one below it, and the grants on them."""
        sql = _PLACES.format(starts=", ".join([_START] * len(starts)))
        values = [*chain.from_iterable(starts), _FOLDER, _FOLDER, _TENANT]
        for row in run(sql + _OWN, [*values, *own]) if own else run(sql, values):
            type_, dbid, below_type, below_dbid, person, group, mask = row
            place = type_, dbid
            grants = self.grants.setdefault(place, {})
            if place != own:
                self._climbed.add(place)
            if below_type:
                self.above[below_type, below_dbid] = place
            if mask is not None:
                grants[(_PERSON, person) if person is not None else (_GROUP, group)] = mask


def any_of(type_: str, dbid: str, keys: Sequence[Key]) -> Q:
    """Return the condition that a row is about one of these objects, one at least.

    Args:
        type_: the column of the type.
        dbid: the column of the DBID.
    """
    by_type: dict[int, list[int]] = {}
    for key in keys:
        by_type.setdefault(key[0], []).append(key[1])
    conditions = [Q((type_, one), (f"{dbid}__in", dbids)) for one, dbids in by_type.items()]
    return reduce(or_, conditions)


def _parts(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def key_above(instance: Configured) -> Key | None:
    """Return what an object lies in: its folder, or of one right under its owner the owner."""
    if instance.folder_id is not None:
        return _FOLDER, instance.folder_id
    if isinstance(instance, Folder):
        return instance.owner_type, instance.owner_dbid
    return None


def subjects_of(person: Person) -> set[Key]:
    """Return the person and all enabled groups that it is in, through groups and Everyone too."""
    groups = {(_GROUP, dbid) for (dbid,) in run(_SUBJECTS, [person.dbid])}
    return {(_PERSON, person.dbid)} | groups
