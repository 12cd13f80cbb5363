"""Deleting an object with all that lies in it, in dependency order.

Who refers to a deleted object from outside is found when the transaction is published.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from django.contrib.admin.models import LogEntry
from django.db import models

from confwire.errors import DependencyViolation, ProtectedObject
from confwire.objects import OBJECTS, ObjectType
from proxyapp.choices import OWNED_TYPES
from proxyapp.models import (
    AccessGroup,
    Application,
    ConfigObject,
    Connection,
    Credential,
    Folder,
    Grant,
    Membership,
    Person,
    Port,
    Tenant,
)
from proxyapp.models.base import Configured
from proxyapp.models.counters import FIRST
from proxyapp.services.documents import binding_of

PROTECTED_TYPES = frozenset(
    {
        ObjectType.TENANT,
        ObjectType.PERSON,
        ObjectType.APPLICATION,
        ObjectType.APP_PROTOTYPE,
        ObjectType.ACCESS_GROUP,
        ObjectType.HOST,
    }
)
"""Of these, the objects with DBIDs of the system are never deleted."""


Permit = Callable[[list[Configured]], None]
"""Refuses what somebody may not delete. What comes into a folder after it is not deleted."""


def delete(instance: Configured, permit: Permit | None = None) -> list[Configured]:
    """Delete an object and what lies in it; return them in the order of deletion.

    Raises:
        ProtectedObject: the system itself needs the object.
        DependencyViolation: a tenant still has objects.
    """
    doomed = doomed_by(instance, permit)
    _delete_rows(doomed)
    return doomed


def delete_alone(instances: Collection[Configured]) -> None:
    """Delete objects that nothing lies in.

    Raises:
        ProtectedObject: the system itself needs one of them.
    """
    for instance in instances:
        _refuse_system_object(instance)
    _delete_rows(instances)


def doomed_by(instance: Configured, permit: Permit | None = None) -> list[Configured]:
    """Return what `delete` would delete, unless it refuses to.

    Raises:
        ProtectedObject: the system itself needs the object, or one that lies in it.
        DependencyViolation: a tenant still has objects.
    """
    _refuse_protected(instance)
    doomed = cascade_of(instance)
    if permit is not None:
        permit(doomed)
    for one in doomed:
        if one.pk != instance.pk or type(one) is not type(instance):
            _refuse_system_object(one)
    return doomed


def cascade_of(instance: Configured) -> list[Configured]:
    """Return what would be deleted with an object, contents first, the object last.

    Raises:
        DependencyViolation: a tenant still has objects.
    """
    return list({(type(one), one.pk): one for one in _cascade(instance)}.values())


def _refuse_protected(instance: Configured) -> None:
    _refuse_system_object(instance)
    if isinstance(instance, Folder) and instance.is_root:
        raise ProtectedObject(f"folder {instance} is a default folder: it goes with its owner only")


def _refuse_system_object(instance: Configured) -> None:
    if instance.object_type in PROTECTED_TYPES and instance.dbid < FIRST:
        raise ProtectedObject(
            f"{instance.info.title.lower()} {instance} is needed by the system itself: keep it"
        )


def _cascade(instance: Configured) -> Iterator[Configured]:
    """Yield what goes with an object, contents first, and the object last."""
    if isinstance(instance, Folder):
        for content in _contents_of(instance):
            yield from _cascade(content)
    elif isinstance(instance, Tenant):
        _refuse_full(instance)
        yield from _folders_of(instance)
    elif instance.object_type in OWNED_TYPES.values():
        yield from _folders_of(instance)
    yield instance


def _folders_of(owner: Configured) -> Iterator[Configured]:
    roots = Folder.objects.filter(
        owner_type=int(owner.object_type), owner_dbid=owner.dbid, folder=None
    )
    for root in roots.order_by("dbid"):
        yield from _cascade(root)


def _contents_of(folder: Folder) -> Iterator[Configured]:
    models_ = {binding_of(type_).model for type_ in OBJECTS}
    for model in sorted(models_, key=lambda model: model._meta.label):
        yield from model._default_manager.filter(folder=folder).order_by("dbid")


def _refuse_full(tenant: Tenant) -> None:
    holding = [
        ConfigObject.objects.filter(tenant=tenant),
        Person.objects.filter(tenant=tenant),
        AccessGroup.objects.filter(tenant=tenant),
        Tenant.objects.filter(parent_tenant=tenant),
    ]
    count = sum(query.count() for query in holding)
    if count:
        raise DependencyViolation(
            f"tenant {tenant} holds {count} objects: delete or move them first", count=count
        )


def _delete_rows(doomed: Iterable[Configured]) -> None:
    by_model: dict[type[Configured], list[Configured]] = {}
    for instance in doomed:
        by_model.setdefault(type(instance), []).append(instance)
    for model, instances in by_model.items():
        for start in range(0, len(instances), 500):
            part = instances[start : start + 500]
            _delete_parts(model, part)
            _erase(model._default_manager.filter(pk__in=[instance.pk for instance in part]))


def _delete_parts(model: type[Configured], instances: list[Configured]) -> None:
    dbids = [instance.dbid for instance in instances]
    for type_ in {instance.object_type for instance in instances}:
        _erase(Grant.objects.filter(object_type=int(type_), object_dbid__in=dbids))
    if model is Application:
        _erase(Port.objects.filter(application__in=dbids))
        _erase(Connection.objects.filter(application__in=dbids))
        _erase(Credential.objects.filter(application__in=dbids))
        _erase(Application.tenants.through.objects.filter(application__in=dbids))
    elif model is Person:
        _erase(Credential.objects.filter(person__in=dbids))
        _erase(LogEntry.objects.filter(user__in=dbids))
    elif model is AccessGroup:
        _erase(Membership.objects.filter(access_group__in=dbids))


def _erase(query: models.QuerySet[models.Model]) -> None:
    # Past the guard, and without collecting what refers to the rows: foreign keys are checked
    # at the end of the transaction, after the references were.
    query._raw_delete(query.db)
