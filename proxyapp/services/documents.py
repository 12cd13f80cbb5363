"""Between rows and documents: one table of bindings serves both directions.

What has no column of its own lives in the JSON column that the binding names. Knows no journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.db import models

from confwire.delta import canonical
from confwire.objects import OBJECTS, Document, Field, Kind, ObjectType
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Folder,
    Host,
    Membership,
    Person,
    Tenant,
)
from proxyapp.models.base import Configured
from proxyapp.models.door import Guarded, Key

_SPARE = frozenset(f"{kind}Field{n}" for kind in ("char", "long") for n in range(1, 5))


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of structures that is kept as rows: how its members are found and told apart."""

    relation: str
    key: str
    columns: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Binding:
    """Where the fields of a type's documents are kept."""

    model: type[Configured]
    columns: Mapping[str, str]
    """Field, or field.member of a structure -> attribute."""
    rows: Mapping[str, Rows] = field(default_factory=dict)
    rest: str = ""
    """The JSON column of all other fields."""
    prefetch: tuple[str, ...] = ()


_COMMON = {"DBID": "dbid", "state": "state", "userProperties": "annex", "folderDBID": "folder_id"}

_PORTS = Rows(
    "ports",
    "id",
    {
        "id": "port_id",
        "port": "port",
        "haSync": "ha_sync",
        "listeningMode": "listening_mode",
        "clientsOnly": "clients_only",
        "connProtocol": "conn_protocol",
        "transportParams": "transport_params",
        "appParams": "app_params",
        "description": "description",
    },
)
_CONNECTIONS = Rows(
    "connections",
    "appServerDBID",
    {
        "appServerDBID": "server_id",
        "id": "port_id",
        "connProtocol": "conn_protocol",
        "timeoutLocal": "timeout_local",
        "timeoutRemote": "timeout_remote",
        "mode": "mode",
        "transportParams": "transport_params",
        "appParams": "app_params",
        "proxyParams": "proxy_params",
        "description": "description",
    },
)

BINDINGS: dict[ObjectType, Binding] = {
    ObjectType.TENANT: Binding(
        Tenant,
        {
            "name": "name",
            "isServiceProvider": "is_service_provider",
            "chargeableNumber": "chargeable_number",
            "parentTenantDBID": "parent_tenant_id",
            "defaultCapacityRuleDBID": "default_capacity_rule_dbid",
            "defaultContractDBID": "default_contract_dbid",
        },
    ),
    ObjectType.FOLDER: Binding(
        Folder,
        {
            "name": "name",
            "type": "type",
            "owner": "owner",
            "folderClass": "folder_class",
            "customType": "custom_type",
            "description": "description",
            "resources": "resources",
        },
    ),
    ObjectType.HOST: Binding(
        Host,
        {
            "name": "name",
            "ipAddress": "ip_address",
            "lcaPort": "lca_port",
            "osInfo.type": "os_type",
            "osInfo.version": "os_version",
            "type": "type",
            "scsDBID": "scs_id",
            "resources": "resources",
        },
    ),
    ObjectType.APP_PROTOTYPE: Binding(
        ApplicationTemplate,
        {"name": "name", "type": "type", "version": "version", "options": "options"},
    ),
    ObjectType.APPLICATION: Binding(
        Application,
        {
            "name": "name",
            "type": "type",
            "version": "version",
            "appPrototypeDBID": "app_prototype_id",
            "isServer": "is_server",
            "serverInfo.hostDBID": "host_id",
            "serverInfo.port": "server_port",
            "serverInfo.backupServerDBID": "backup_server_id",
            "serverInfo.timeout": "timeout",
            "serverInfo.attempts": "attempts",
            "redundancyType": "redundancy_type",
            "isPrimary": "is_primary",
            "autoRestart": "auto_restart",
            "startupType": "startup_type",
            "startupTimeout": "startup_timeout",
            "shutdownTimeout": "shutdown_timeout",
            "workDirectory": "work_directory",
            "commandLine": "command_line",
            "commandLineArguments": "command_line_arguments",
            "componentType": "component_type",
            "accountDBID": "account_id",
            "options": "options",
            "flexibleProperties": "flexible_properties",
            "resources": "resources",
        },
        rows={"portInfos": _PORTS, "appServers": _CONNECTIONS},
        prefetch=("ports", "connections", "tenants", "primaries"),
    ),
    ObjectType.PERSON: Binding(
        Person,
        {
            "tenantDBID": "tenant_id",
            "employeeID": "employee_id",
            "userName": "user_name",
            "lastName": "last_name",
            "firstName": "first_name",
            "emailAddress": "email_address",
            "externalID": "external_id",
            "isAgent": "is_agent",
            "isAdmin": "is_admin",
            "isExternalAuth": "is_external_auth",
            "changePasswordOnNextLogin": "change_password_on_next_login",
            "passwordUpdatingDate": "password_updating_date",
            "appRanks": "app_ranks",
            "agentInfo": "agent_info",
            "address": "address",
            "phones": "phones",
        },
    ),
    ObjectType.ACCESS_GROUP: Binding(
        AccessGroup,
        {"tenantDBID": "tenant_id", "name": "name", "type": "type"},
        rest="details",
        prefetch=("memberships",),
    ),
}
_GENERIC = Binding(ConfigObject, {"tenantDBID": "tenant_id", "name": "name"}, rest="document")


def binding_of(type_: ObjectType) -> Binding:
    """Return where objects of a type are kept."""
    return BINDINGS.get(type_, _GENERIC)


def columns_of(type_: ObjectType, fields: Iterable[str]) -> dict[str, str]:
    """Return the attribute of each of some fields that a type keeps in a column of its own."""
    columns = {**_COMMON, **binding_of(type_).columns}
    return {name: columns[name] for name in fields if name in columns}


def has_rows(type_: ObjectType) -> bool:
    """Whether objects of a type are more than one row."""
    return type_ in _KEPT_ELSEWHERE


# ---------------------------------------------------------------- finding


def find(type_: ObjectType, dbids: Iterable[int] | None = None) -> models.QuerySet[Any]:
    """Return the query for objects of a type, with all that their documents need."""
    binding = binding_of(type_)
    query = binding.model._default_manager.prefetch_related(*binding.prefetch)
    if binding.model is ConfigObject:
        query = query.filter(type=int(type_))  # type: ignore[misc]
    return query if dbids is None else query.filter(dbid__in=list(dbids))


def find_all(keys: Iterable[Key]) -> dict[Key, Configured]:
    """Return those of the named objects that exist."""
    by_type: dict[int, list[int]] = {}
    for type_, dbid in keys:
        by_type.setdefault(type_, []).append(dbid)
    return {
        (type_, instance.dbid): instance
        for type_, dbids in by_type.items()
        for start in range(0, len(dbids), 500)
        for instance in find(ObjectType(type_), dbids[start : start + 500])
    }


def lock(type_: ObjectType, dbid: int) -> Configured | None:
    """Return an object that nobody else writes until the transaction ends."""
    if binding_of(type_).model is ConfigObject:
        return ConfigObject.lock(type_, dbid)
    instance: Configured | None = find(type_, [dbid]).select_for_update().first()
    return instance


def new_instance(type_: ObjectType) -> Configured:
    """Return an empty, unsaved object of a type."""
    model = binding_of(type_).model
    return ConfigObject(type=int(type_)) if model is ConfigObject else model()


# ---------------------------------------------------------------- rows -> document


def document_of(instance: Configured) -> Document:
    """Return the canonical document of an object as its rows stand."""
    binding, info = binding_of(instance.object_type), instance.info
    document = {item.name: _value_of(instance, binding, item) for item in info.fields}
    return canonical(info, document)


def _value_of(instance: Any, binding: Binding, item: Field) -> Any:
    name = item.name
    attribute = binding.columns.get(name) or _COMMON.get(name)
    if attribute:
        return getattr(instance, attribute)
    if name in binding.rows:
        rows = binding.rows[name]
        return [_structure_of(row, rows) for row in getattr(instance, rows.relation).all()]
    if name == "tenantDBIDs":
        return [tenant.pk for tenant in instance.tenants.all()]
    if name == "members" and isinstance(instance, AccessGroup):
        return [_member_of(row) for row in instance.memberships.all()]
    if item.kind is Kind.STRUCT and not binding.rest:
        members = ((inner.name, f"{name}.{inner.name}") for inner in item.fields)
        return {inner: getattr(instance, binding.columns[path]) for inner, path in members}
    return getattr(instance, binding.rest).get(name)


def _structure_of(row: Any, rows: Rows) -> Document:
    structure: Document = {
        name: getattr(row, attribute) for name, attribute in rows.columns.items()
    }
    structure.update(row.spare)
    return structure


def _member_of(row: Membership) -> Document:
    if row.person_id is not None:
        return {"objectType": "person", "DBID": row.person_id}
    return {"objectType": "accessGroup", "DBID": row.group_id}


# ---------------------------------------------------------------- document -> rows


def assign(instance: Configured, document: Document) -> None:
    """Set the columns of an object from a document; a field that is absent gets its default.

    What the server derives is left alone. The rows that belong to it: `assign_rows`.
    """
    binding = binding_of(instance.object_type)
    kept = binding.rows.keys() | _KEPT_ELSEWHERE.get(instance.object_type, set())
    rest = {}
    for item in instance.info.fields:
        value = document.get(item.name)
        if item.derived or item.name in kept:
            continue
        if attribute := binding.columns.get(item.name) or _COMMON.get(item.name):
            _set(instance, attribute, value)
        elif item.kind is Kind.STRUCT and not binding.rest:
            for inner in item.fields:
                attribute = binding.columns[f"{item.name}.{inner.name}"]
                _set(instance, attribute, (value or {}).get(inner.name))
        elif value is not None:
            rest[item.name] = value
    if binding.rest:
        setattr(instance, binding.rest, rest)


_KEPT_ELSEWHERE = {
    ObjectType.APPLICATION: {"tenantDBIDs"},
    ObjectType.ACCESS_GROUP: {"members"},
}


def _set(row: models.Model, attribute: str, value: Any) -> None:
    column = _columns_of(type(row)).get(attribute)
    if column is not None and (value is None or (value == 0 and column.is_relation)):
        value = column.get_default()
    elif value is None:
        value = ""  # a property that stands for several columns
    setattr(row, attribute, value)


@cache
def _columns_of(model: type[models.Model]) -> dict[str, Any]:
    return {column.attname: column for column in model._meta.concrete_fields}


def assign_rows(instance: Configured, document: Document) -> None:
    """Write the rows that belong to a saved object, as few as differ; inside the door only."""
    binding = binding_of(instance.object_type)
    for name, rows in binding.rows.items():
        _assign_rows(instance, rows, document.get(name, []))
    if isinstance(instance, Application):
        instance.tenants.set(document.get("tenantDBIDs", []))
        _settle_port(instance)
    if isinstance(instance, AccessGroup):
        _assign_members(instance, document.get("members", []))


def _assign_rows(instance: Any, rows: Rows, members: list[Document]) -> None:
    relation = getattr(instance, rows.relation)
    existing = {getattr(row, rows.columns[rows.key]): row for row in relation.all()}
    for member in members:
        row = existing.pop(member[rows.key], None)
        before = _structure_of(row, rows) if row is not None else None
        row = row or relation.model(application=instance)
        for name, attribute in rows.columns.items():
            _set(row, attribute, member.get(name))
        row.spare = {name: value for name, value in member.items() if name in _SPARE}
        if _structure_of(row, rows) != before:
            row.save()
    _delete(existing.values())
    _forget(instance, rows.relation)


def _settle_port(instance: Application) -> None:
    """Let port `default` say the port where it is the same, so that both cannot part."""
    default = instance.ports.filter(port_id="default").first()
    if instance.port and default is None and not instance.ports.exists():
        default = instance.ports.create(port_id="default", port=instance.port)
    if instance.port and default is not None and instance.port == default.port:
        instance.port = ""
        instance.save()


def _assign_members(group: AccessGroup, members: list[Document]) -> None:
    existing = {tuple(_member_of(row).values()): row for row in group.memberships.all()}
    for member in members:
        if existing.pop((member["objectType"], member["DBID"]), None) is None:
            column = "person_id" if member["objectType"] == "person" else "group_id"
            Membership(access_group=group, **{column: member["DBID"]}).save()
    _delete(existing.values())
    _forget(group, "memberships")


def _delete(rows: Iterable[Guarded]) -> None:
    for row in rows:
        row.delete()


def _forget(instance: models.Model, relation: str) -> None:
    getattr(instance, "_prefetched_objects_cache", {}).pop(relation, None)


assert all(
    item.name in (*binding.columns, *_COMMON, *binding.rows, "tenantDBIDs", "members")
    or binding.rest
    or item.kind is Kind.STRUCT
    for type_, binding in BINDINGS.items()
    for item in OBJECTS[type_].fields
)
