"""Making objects with what belongs to them: default folders, applications from templates."""

from __future__ import annotations

import copy

from confwire.objects import OBJECTS, ObjectType
from proxyapp.choices import OWNED_TYPES, TENANT_FOLDER_TYPES, default_folder_name
from proxyapp.models import Application, ApplicationTemplate, ConfigObject, Folder, Tenant
from proxyapp.models.base import Configured
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.services.changes import Work


def folder_types_of(type_: ObjectType) -> tuple[ObjectType, ...]:
    """Return the types for which each object of this type has a default folder."""
    if type_ is ObjectType.TENANT:
        return TENANT_FOLDER_TYPES
    return tuple(held for held, owner in OWNED_TYPES.items() if owner is type_)


def add_default_folders(work: Work, owner: Configured) -> None:
    """Give an object the default folders that it lacks; one statement for all."""
    owner_type = int(owner.object_type)
    roots = Folder.objects.filter(owner_type=owner_type, owner_dbid=owner.dbid, folder=None)
    existing = set(roots.values_list("type", flat=True))
    work.add(
        Folder(
            name=default_folder_name(held),
            type=OBJECTS[held].name,
            owner_type=owner_type,
            owner_dbid=owner.dbid,
            folder_class="default",
        )
        for held in folder_types_of(owner.object_type)
        if OBJECTS[held].name not in existing
    )


def default_folder(type_: ObjectType, owner_type: ObjectType, owner_dbid: int) -> Folder | None:
    """Return the folder that objects of a type lie in unless another one is given."""
    return (
        Folder.objects.filter(
            type=OBJECTS[type_].name, owner_type=int(owner_type), owner_dbid=owner_dbid, folder=None
        )
        .order_by("dbid")
        .first()
    )


def place(instance: Configured) -> None:
    """Put an object that has no folder into the default folder of its type."""
    if instance.folder_id is not None or is_root(instance):
        return
    if isinstance(instance, Folder):
        held = next(info.type for info in OBJECTS.values() if info.name == instance.type)
        owner = ObjectType(instance.owner_type), instance.owner_dbid
        instance.folder = default_folder(held, *owner)
        return
    owned = instance.folder_owner if isinstance(instance, ConfigObject) else None
    tenant: int = getattr(instance, "tenant_id", None) or ENVIRONMENT
    kind, dbid = owned or (ObjectType.TENANT, tenant)
    instance.folder = default_folder(instance.object_type, ObjectType(kind), dbid)


def is_root(instance: Configured) -> bool:
    """Whether the object rightly lies in no folder: the Environment, and default folders."""
    if isinstance(instance, Folder):
        return not instance._state.adding and instance.is_root
    return isinstance(instance, Tenant) and instance.dbid == ENVIRONMENT


def application_from(template: ApplicationTemplate) -> Application:
    """Return a new, unsaved application with the options of a template."""
    return Application(app_prototype=template, options=copy.deepcopy(template.options))
