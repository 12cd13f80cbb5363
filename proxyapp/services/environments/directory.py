"""Which objects of the database the natural keys of files name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from confwire.objects import OBJECTS, ObjectType
from proxyapp.choices import default_folder_name
from proxyapp.models import ConfigObject, Folder
from proxyapp.models.base import key_of
from proxyapp.services import documents
from proxyapp.services.environments.errors import FileError
from proxyapp.services.environments.natural_keys import NaturalKey
from proxyapp.services.provisioning import folder_types_of

_BATCH = 500


class Directory:
    """Natural key -> DBID, as far as the objects exist; asks the database once for each key."""

    def __init__(self) -> None:
        self._known: dict[NaturalKey, int] = {}
        self._missing: set[NaturalKey] = set()

    def dbid_of(self, key: NaturalKey) -> int | None:
        """Return the DBID of an object, None when there is no such object."""
        if key not in self._known and key not in self._missing:
            self.look_up([key])
        return self._known.get(key)

    def remember(self, key: NaturalKey, dbid: int) -> None:
        """Take note of an object that was created."""
        self._known[key] = dbid

    def forget_missing(self) -> None:
        """Ask anew for what was missing: creating objects makes folders, too."""
        self._missing.clear()

    def look_up(self, keys: Iterable[NaturalKey]) -> None:
        """Ask for many keys, and those that are parts of them, with few statements."""
        levels: dict[int, dict[NaturalKey, None]] = defaultdict(dict)
        for key in keys:
            _sort_in(key, levels)
        for depth in sorted(levels):
            unknown = [
                key for key in levels[depth] if key not in self._known and key not in self._missing
            ]
            by_type: dict[ObjectType, list[NaturalKey]] = defaultdict(list)
            for key in unknown:
                by_type[key.type].append(key)
            for type_, group in by_type.items():
                self._look_up_type(type_, group)

    def _look_up_type(self, type_: ObjectType, keys: list[NaturalKey]) -> None:
        if type_ is ObjectType.FOLDER:
            for key in keys:
                self._take(key, self._folder(key))
            return
        texts = {key: self._text_of(key) for key in keys}
        found = _find(type_, [text for text in texts.values() if text])
        for key, text in texts.items():
            dbid = found.get(text)
            if key.is_loose and text and dbid is None:
                dbid = _find_loosely(key, text)
            self._take(key, dbid)

    def _take(self, key: NaturalKey, dbid: int | None) -> None:
        if dbid is None:
            self._missing.add(key)
        else:
            self._known[key] = dbid

    def _text_of(self, key: NaturalKey) -> str:
        """Return the natural key as the database has it, empty when its owner does not exist."""
        values: list[str | int] = []
        for part in key.parts:
            if isinstance(part, NaturalKey):
                dbid = self._known.get(part)
                if dbid is None:
                    return ""
                values.append(dbid)
            else:
                values.append(part or "")
        return key_of(values)

    # ------------------------------------------------------------ folders

    def _folder(self, key: NaturalKey) -> int | None:
        type_, owner, *path = key.parts
        assert isinstance(owner, NaturalKey), key
        dbid = self._known.get(owner)
        if dbid is None or not path:
            return None
        place = int(owner.type), dbid
        above = [0, *self._elided(owner, str(type_))]
        for depth, name in enumerate(path, start=1):
            types = {type_} if depth == len(path) else {type_, "folder"}
            above = _children(place, above, [str(held) for held in types], str(name))
        return above[0] if above else None

    def _elided(self, owner: NaturalKey, type_: str) -> list[int]:
        root = self.level_of(owner, type_)
        return [root] if root else []

    def level_of(self, owner: NaturalKey, type_: str) -> int:
        """Return the folder that stands for the owner's own level; 0 when there is none.

        Right under an owner lie its default folders only. What files put beside them lies in the
        default folder that takes folders of any type; of owners without it, in that of the type.
        """
        held = "folder" if owner.type is ObjectType.TENANT else type_
        roots = Folder.objects.filter(
            owner_type=int(owner.type), owner_dbid=self.dbid_of(owner) or 0, folder=None, type=held
        )
        return roots.order_by("dbid").values_list("dbid", flat=True).first() or 0


def is_default_folder(key: NaturalKey) -> bool:
    """Whether an object of the owner's type gets this folder as it is created."""
    type_, owner, *path = key.parts
    assert isinstance(owner, NaturalKey), key
    names = {OBJECTS[held].name: default_folder_name(held) for held in folder_types_of(owner.type)}
    return len(path) == 1 and key_of([str(path[0])]) == key_of([names.get(str(type_), "")])


def _sort_in(key: NaturalKey, levels: dict[int, dict[NaturalKey, None]]) -> int:
    depth = max((_sort_in(part, levels) for part in key.inner()), default=-1) + 1
    levels[depth].setdefault(key)
    return depth


def _batches(texts: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(texts), _BATCH):
        yield texts[start : start + _BATCH]


def _find(type_: ObjectType, texts: list[str]) -> dict[str, int]:
    query = documents.find(type_).prefetch_related(None)
    return {
        text: dbid
        for batch in _batches(texts)
        for text, dbid in query.filter(key__in=batch).values_list("key", "dbid")
    }


def _find_loosely(key: NaturalKey, text: str) -> int | None:
    rows = ConfigObject.objects.filter(type=int(key.type), key__startswith=text)
    dbids = list(rows.values_list("dbid", flat=True)[:2])
    if len(dbids) > 1:
        raise FileError(f"{key} may be one of several: say its name")
    return dbids[0] if dbids else None


def _children(
    owner: tuple[int, int], above: Iterable[int], types: list[str], name: str
) -> list[int]:
    """Return the folders of a name, default folders first."""
    keys = [key_of([*owner, parent, type_, name]) for parent in above for type_ in types]
    rows = Folder.objects.filter(key__in=keys).values_list("folder_id", "dbid")
    return [dbid for _, dbid in sorted(rows, key=lambda row: row[0] or 0)]
