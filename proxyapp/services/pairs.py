"""What a pair of servers means for its two objects: their roles, and what the backup takes over.

A backup Configuration Server has the connections, the tenants and the annex of its primary, and
nobody changes them there. Servers that run are not parted: what clients and backup know of each
other would be of another pair.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from django.db.models import Q

from confwire.errors import DependencyViolation, UnchangeableProperty
from confwire.objects import ObjectType
from historylog import sessions
from proxyapp.models import Application, Document
from proxyapp.models.redundancy import is_backup
from proxyapp.services import documents, secrets

if TYPE_CHECKING:
    from proxyapp.models.door import Key
    from proxyapp.services.changes import Work

TAKEN_OVER = ("appServers", "tenantDBIDs", "userProperties", "flexibleProperties")
"""Properties of a backup that are those of its primary."""


def follow(work: Work, keys: Iterable[Key]) -> None:
    """Write what follows from changes of applications.

    Raises DependencyViolation, UnchangeableProperty.
    """
    dbids = [dbid for type_, dbid in keys if type_ == ObjectType.APPLICATION]
    if not dbids:
        return
    before = _published(dbids)
    after = dict(Application.objects.filter(dbid__in=dbids).values_list("dbid", "backup_server_id"))
    for dbid in dbids:
        old, new = _backup_of(before.get(dbid, {})), after.get(dbid)
        if old is not None and old != new:
            _refuse_parting(before[dbid], old)
        if old != new:
            for partner in filter(None, (old, new)):
                _align(work, partner)
    paired = Q(backup_server__isnull=False) | Q(primaries__isnull=False)
    servers = Application.objects.filter(paired, dbid__in=dbids, type="configserver")
    for server in servers.distinct():
        _keep_in_step(work, server, before.get(server.dbid))


def _published(dbids: list[int]) -> dict[int, dict[str, Any]]:
    rows = Document.objects.filter(type=int(ObjectType.APPLICATION), dbid__in=dbids)
    return {dbid: msgspec.json.decode(body) for dbid, body in rows.values_list("dbid", "body")}


def _backup_of(document: dict[str, Any]) -> int | None:
    backup: int | None = document.get("serverInfo", {}).get("backupServerDBID")
    return backup


# ---------------------------------------------------------------- making and parting


def _align(work: Work, dbid: int) -> None:
    """Let a server that is, or was, a backup follow its role."""
    application = Application.objects.filter(dbid=dbid).first()
    if application is None:
        return
    work.touch(application)
    if not application.is_configuration_server or application.backup_server_id is not None:
        return
    wanted = "warmstandby" if is_backup(application) else "coldstandby"
    if application.redundancy_type != wanted:
        application.redundancy_type = wanted
        work.save(application)


def _refuse_parting(primary: dict[str, Any], backup_dbid: int) -> None:
    backup = _published([backup_dbid]).get(backup_dbid, {})
    names = [document.get("name", "") for document in (primary, backup)]
    if primary.get("type") == "configserver" and all(map(sessions.is_open, names)):
        raise DependencyViolation(
            f"'{names[0]}' and '{names[1]}' are a pair and both run: servers of a pair cannot be"
            " separated at run time. Stop both, change the configuration, then start each again",
            property="serverInfo",
        )


# ---------------------------------------------------------------- what is taken over


def _keep_in_step(work: Work, server: Application, before: dict[str, Any] | None) -> None:
    if server.backup_server is not None:
        _take_over(work, server, server.backup_server)
        return
    primary = server.primaries.first()
    if primary is not None:
        _refuse_own(primary, server, before, _taken_over(primary, server))
        _take_over(work, primary, server)


def _refuse_own(
    primary: Application, backup: Application, before: dict[str, Any] | None, wanted: dict[str, Any]
) -> None:
    """Refuse what somebody gives a backup of its own."""
    given = _of(documents.document_of(backup))
    changed = [name for name in TAKEN_OVER if before and before.get(name) != given.get(name)]
    own = [name for name in changed if given.get(name) != wanted.get(name)]
    if own:
        raise UnchangeableProperty(
            f"{backup} is the backup of {primary}, and has its connections, tenants and annex:"
            f" change {', '.join(own)} there",
            properties=own,
        )


def _take_over(work: Work, primary: Application, backup: Application) -> None:
    present, wanted = documents.document_of(backup), _taken_over(primary, backup)
    if _of(present) == wanted:
        return
    whole = {name: value for name, value in present.items() if name not in TAKEN_OVER} | wanted
    documents.assign(backup, whole)
    work.save(backup)
    documents.assign_rows(backup, whole)


def _taken_over(primary: Application, backup: Application) -> dict[str, Any]:
    found = _of(documents.document_of(primary))
    found = secrets.carried(primary, backup, found)
    servers = [item for item in found.get("appServers", ()) if item["appServerDBID"] != backup.pk]
    return {**found, "appServers": servers} if servers else _without(found, "appServers")


def _of(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in TAKEN_OVER if name in document}


def _without(document: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}
