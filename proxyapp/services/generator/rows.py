"""New rows for made-up objects, ready to be added many at once."""

from __future__ import annotations

from typing import Any

from confwire.objects import OBJECTS, ObjectType
from proxyapp.models import ConfigObject, Folder, Tenant
from proxyapp.models.base import Configured
from proxyapp.services.changes import Work
from proxyapp.services.provisioning import add_default_folders

Roots = dict[str, Folder]
"""What a folder holds -> the default folder of an owner."""


def generic(
    type_: ObjectType,
    tenant: Tenant | None,
    folder: Folder,
    name: str = "",
    *,
    annex: dict[str, Any] | None = None,
    **document: Any,
) -> ConfigObject:
    """Return a new object of a type without a table of its own."""
    return ConfigObject(
        type=int(type_),
        tenant=tenant,
        folder=folder,
        name=name,
        annex=annex or {},
        document=document,
    )


def default_folders(work: Work, owner: Configured) -> Roots:
    """Return the default folders of an object, made where they are missing."""
    add_default_folders(work, owner)
    roots = Folder.objects.filter(
        owner_type=int(owner.object_type), owner_dbid=owner.dbid, folder=None
    )
    return {folder.type: folder for folder in roots.order_by("-dbid")}


def subfolder(above: Folder, name: str, held: ObjectType | None = None) -> Folder:
    """Return a new folder inside another one, for the same type unless another is given."""
    type_ = above.type if held is None else OBJECTS[held].name
    return Folder(folder=above, name=name, type=type_)
