"""What a person may see of the past: what it may read now, and of what is gone, by where it lay.

An object that is there is judged as ever. One that is gone is judged by its last folder, or the
nearest place above that is still there; the grants on it went with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec

from confwire.objects import BY_NAME, Document, ObjectType
from historylog.models import ChangeRecord
from proxyapp.choices import FULL_CONTROL, OWNED_TYPES
from proxyapp.engine.data.rights import READ
from proxyapp.models import Person
from proxyapp.models.door import Key
from proxyapp.services import journal
from proxyapp.services.access import Rights

_FOLDER = int(ObjectType.FOLDER)
CONTAINERS = frozenset({_FOLDER, int(ObjectType.TENANT)} | {int(t) for t in OWNED_TYPES.values()})
"""Types that other objects lie in, or under whose folders they do."""
_BATCH = 500  # objects named in one statement


class Visibility:
    """What a person may see; None is the system, which sees all."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._rights = Rights(person)
        self._homes: dict[Key, Key | None] = {}

    def masks(self, folders: Mapping[Key, int]) -> dict[Key, int]:
        """Return the rights on objects, there or gone.

        Args:
            folders: the folder that each was last known to lie in.
        """
        if self._person is None:
            return dict.fromkeys(folders, FULL_CONTROL)
        uppers = {
            (row.type, row.dbid): above_of(row.type, row.folder, row.body)
            for row in journal.read(folders)
        }
        gone = {key: (_FOLDER, folder) for key, folder in folders.items() if key not in uppers}
        self._find_homes(set(gone.values()))
        uppers.update((key, self._homes[place]) for key, place in gone.items())
        self._rights.foresee(uppers)
        return {key: self._rights.mask_at(key, uppers[key]) for key in folders}

    def readable(self, folders: Mapping[Key, int]) -> set[Key]:
        """Return which of these objects the person may read."""
        return {key for key, mask in self.masks(folders).items() if mask & READ}

    def _find_homes(self, places: Set[Key]) -> None:
        """Find the nearest place that is there of each, all of one height at once."""
        above: dict[Key, Key | None] = {}
        waiting = places - self._homes.keys()
        while waiting:
            there = {(row.type, row.dbid) for row in journal.read(waiting)}
            self._homes.update((place, place) for place in there)
            gone = _last_above(waiting - there)
            above.update(gone)
            waiting = {place for place in gone.values() if place is not None}
            waiting -= self._homes.keys() | above.keys()
        for place, upper in above.items():
            passed = {place}  # should folders lie in a ring
            while upper in above and upper not in passed:
                passed.add(upper)
                upper = above[upper]
            self._homes[place] = self._homes.get(upper) if upper is not None else None


def _last_above(places: Set[Key]) -> dict[Key, Key | None]:
    """Return what each of these, which are gone, lay in at last; None when it is not known."""
    found: dict[Key, Key | None] = dict.fromkeys(places)
    dbids = sorted(dbid for type_, dbid in places if type_ == _FOLDER)
    for start in range(0, len(dbids), _BATCH):
        part = dbids[start : start + _BATCH]
        rows = ChangeRecord.objects.filter(type=_FOLDER, dbid__in=part, kind="deleted")
        for row in rows.order_by("revision"):
            found[_FOLDER, row.dbid] = above_of(_FOLDER, row.folder, row.former or "{}")
    return found


def above_of(type_: int, folder: int, body: str) -> Key | None:
    """Return what a published object lies in; None at the top."""
    if folder:
        return _FOLDER, folder
    return owner_of(msgspec.json.decode(body)) if type_ == _FOLDER else None


def owner_of(document: Document) -> Key | None:
    """Return the object that a folder's document says it belongs to."""
    owner = document.get("owner")
    return (int(BY_NAME[owner["objectType"]].type), owner["DBID"]) if owner else None
