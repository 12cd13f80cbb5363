"""What a person may see of the past: what it may read now, and of what is gone, by where it lay.

An object that is there is judged as ever. One that is gone is judged by its last folder, or the
nearest place above that is still there; the grants on it went with it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from confwire.objects import BY_NAME, Document, ObjectType
from historylog.models import ChangeRecord
from proxyapp.choices import FULL_CONTROL, OWNED_TYPES
from proxyapp.engine.rights import READ
from proxyapp.models import Person
from proxyapp.models.door import Key
from proxyapp.services import journal
from proxyapp.services.access import Rights

_FOLDER = int(ObjectType.FOLDER)
CONTAINERS = frozenset({_FOLDER, int(ObjectType.TENANT)} | {int(t) for t in OWNED_TYPES.values()})
"""Types that other objects lie in, or under whose folders they do."""


class Visibility:
    """What a person may see; None is the system, which sees all."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._rights = Rights(person)
        self._homes: dict[int, Key | None] = {}

    def masks(self, folders: Mapping[Key, int]) -> dict[Key, int]:
        """Return the rights on objects, there or gone.

        Args:
            folders: the folder that each was last known to lie in.
        """
        if self._person is None:
            return dict.fromkeys(folders, FULL_CONTROL)
        self._rights.foresee(key for key in folders if key[0] not in CONTAINERS)
        uppers = {
            (row.type, row.dbid): _above(row.type, row.folder, row.body)
            for row in journal.read(folders)
        }
        return {
            key: self._rights.mask_at(key, uppers[key] if key in uppers else self._home(folder))
            for key, folder in folders.items()
        }

    def readable(self, folders: Mapping[Key, int]) -> set[Key]:
        """Return which of these objects the person may read."""
        return {key for key, mask in self.masks(folders).items() if mask & READ}

    def _home(self, folder: int) -> Key | None:
        """Return the nearest place that is there of a folder that may be gone."""
        if folder not in self._homes:
            self._homes[folder] = None  # should folders lie in a ring
            self._homes[folder] = self._nearest(folder)
        return self._homes[folder]

    def _nearest(self, folder: int) -> Key | None:
        if not folder:
            return None
        if any(journal.read([(_FOLDER, folder)])):
            return _FOLDER, folder
        rows = ChangeRecord.objects.filter(type=_FOLDER, dbid=folder).order_by("-revision")
        last = rows.first()
        if last is None:
            return None
        if last.folder:
            return self._home(last.folder)
        above = _above(_FOLDER, 0, last.body or last.former or "{}")
        return above if above is not None and any(journal.read([above])) else None


def _above(type_: int, folder: int, body: str) -> Key | None:
    if folder:
        return _FOLDER, folder
    return owner_of(msgspec.json.decode(body)) if type_ == _FOLDER else None


def owner_of(document: Document) -> Key | None:
    """Return the object that a folder's document says it belongs to."""
    owner = document.get("owner")
    return (int(BY_NAME[owner["objectType"]].type), owner["DBID"]) if owner else None
