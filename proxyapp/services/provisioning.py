"""Making objects with what belongs to them: default folders, applications from templates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confwire.errors import InvalidParameter
from confwire.objects import BY_NAME, OBJECTS, ObjectType
from proxyapp.choices import OWNED_TYPES, TENANT_FOLDER_TYPES, default_folder_name
from proxyapp.models import Application, ApplicationTemplate, ConfigObject, Folder, Tenant
from proxyapp.models.base import Configured
from proxyapp.models.folders import ENVIRONMENT
from proxyapp.services.secrets import without_secrets

if TYPE_CHECKING:
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
    roots = Folder.objects.filter(
        type=OBJECTS[type_].name, owner_type=int(owner_type), owner_dbid=owner_dbid, folder=None
    )
    return roots.order_by("dbid").first()


def place(instance: Configured) -> None:
    """Put a new object that has no folder into the default folder of its type.

    The first folder of its type and owner stays where it is: it is the default folder.

    Raises:
        InvalidParameter: there is no such folder, since the owner does not exist.
    """
    if instance.folder_id is not None:
        return
    held, owner_type, owner_dbid = home_of(instance)
    instance.folder = default_folder(held, owner_type, owner_dbid)
    if instance.folder is None and not _is_top(instance):
        title = OBJECTS[owner_type].title.lower()
        raise InvalidParameter(
            f"{instance.info.title.lower()} {instance}: there is no {title} with DBID {owner_dbid}"
        )


def home_of(instance: Configured) -> tuple[ObjectType, ObjectType, int]:
    """Return what tells an object's default folder: type held, owner's type and DBID."""
    if isinstance(instance, Folder):
        return BY_NAME[instance.type].type, ObjectType(instance.owner_type), instance.owner_dbid
    owned = instance.folder_owner if isinstance(instance, ConfigObject) else None
    tenant: int = getattr(instance, "tenant_id", None) or ENVIRONMENT
    owner_type, owner_dbid = owned or (ObjectType.TENANT, tenant)
    return instance.object_type, ObjectType(owner_type), owner_dbid


def _is_top(instance: Configured) -> bool:
    if isinstance(instance, Folder):
        return True
    return isinstance(instance, Tenant) and instance.dbid == ENVIRONMENT


def application_from(template: ApplicationTemplate) -> Application:
    """Return a new, unsaved application with the options of a template, but not its secrets."""
    return Application(app_prototype=template, options=without_secrets(template.options))
