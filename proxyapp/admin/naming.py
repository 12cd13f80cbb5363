"""How pages name objects: by name, by folder path, with a link; many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.urls import reverse

from confwire.objects import OBJECTS, ObjectType
from proxyapp.models import ConfigObject, Folder
from proxyapp.models.door import Key
from proxyapp.models.objects import RELATIONAL_TYPES
from proxyapp.services.browsing import HIDDEN
from proxyapp.services.documents import binding_of
from proxyapp.services.integrity import names_of

Readable = Callable[[set[Key]], set[Key]]
"""Returns which of some objects the viewer may read."""

_SEPARATOR = " / "
_UNSEEN = "…"


def title_of(type_: int) -> str:
    """Return the title of an object type: "Application"."""
    return OBJECTS[ObjectType(type_)].title


def titles_of(keys: Iterable[Key], readable: Readable | None = None) -> dict[Key, str]:
    """Return for each object its type and name: "Application confserv".

    Args:
        readable: says which objects the viewer may read; of the others the DBID is told.
    """
    asked = set(keys)
    seen = readable(asked) if readable is not None else asked
    titles = {key: f"{title_of(key[0])} {key[1]} {HIDDEN}" for key in asked - seen}
    return titles | {key: f"{title_of(key[0])} {name}" for key, name in names_of(seen).items()}


def paths_of(dbids: Iterable[int | None], readable: Readable | None = None) -> dict[int, str]:
    """Return the paths of folders: "Environment / Applications / Proxies".

    Args:
        readable: says which objects the viewer may read; of the others no name is told.
    """
    folders = _with_parents({dbid for dbid in dbids if dbid is not None})
    owners = names_of({(folder.owner_type, folder.owner_dbid) for folder in folders.values()})
    if readable is not None:
        seen = readable({(int(ObjectType.FOLDER), dbid) for dbid in folders} | owners.keys())
        owners = {key: name if key in seen else _UNSEEN for key, name in owners.items()}
        for dbid, folder in folders.items():
            if (ObjectType.FOLDER, dbid) not in seen:
                folder.name = _UNSEEN
    paths = {}
    for dbid, folder in folders.items():
        parts: list[str] = []
        place: Folder | None = folder
        while place is not None and len(parts) < len(folders):
            parts.append(place.name)
            place = folders.get(place.folder_id or 0)
        parts.append(owners[folder.owner_type, folder.owner_dbid])
        paths[dbid] = _SEPARATOR.join(reversed(parts))
    return paths


def _with_parents(dbids: set[int]) -> dict[int, Folder]:
    """Return folders and all folders above them, with one query a level."""
    folders: dict[int, Folder] = {}
    while dbids:
        level = Folder.objects.filter(dbid__in=dbids).only(
            "name", "folder", "owner_type", "owner_dbid"
        )
        folders |= {folder.dbid: folder for folder in level}
        above = {folder.folder_id for folder in level if folder.folder_id is not None}
        dbids = above - folders.keys()
    return folders


def url_of(type_: int, dbid: int) -> str:
    """Return the address of an object's page; empty when there is no such object."""
    model = binding_of(ObjectType(type_)).model
    pk: int | None = dbid
    if type_ not in RELATIONAL_TYPES:
        pks = ConfigObject.objects.filter(type=type_, dbid=dbid).values_list("pk", flat=True)
        pk = pks.first()
    if pk is None:
        return ""
    return reverse(f"admin:proxyapp_{model._meta.model_name}_change", args=[pk])
