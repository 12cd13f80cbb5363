"""What must hold at the end of each transaction, whichever way the changes came.

References lead to objects that exist; what is referred to stays; what the system needs keeps
its name and state; the pair and port rules bind Configuration Servers; texts can be stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from django.db.models import Q

from confwire.errors import InvalidParameter, ProtectedObject
from confwire.objects import (
    OBJECTS,
    SUPER_ADMINISTRATORS,
    ObjectType,
    references_of,
)
from confwire.objects import Document as Body
from proxyapp.models import Application, Document, Port, Reference
from proxyapp.models.applications import DEFAULT_PERSON
from proxyapp.models.counters import FIRST
from proxyapp.models.door import Key
from proxyapp.models.pools import pool_refusals
from proxyapp.models.redundancy import Refusal, connection_refusals, port_refusals, refusals_of
from proxyapp.services.deletion import PROTECTED_TYPES
from proxyapp.services.dependents import refusal_of
from proxyapp.services.drafts import Step

Link = tuple[str, int, int]
"""(field path, target's type, target's DBID)"""

_BATCH = 200
_KEPT_FIELDS = ("name", "userName", "employeeID", "state")


def text_of(title: str, body: Body) -> str:
    """Return the canonical JSON of a document.

    Raises:
        InvalidParameter: a text in it cannot be stored.
    """
    try:
        text = msgspec.json.encode(body).decode()
    except UnicodeEncodeError as error:
        raise InvalidParameter(f"{title}: a text holds half a character") from error
    if "\\u0000" in text and _holds_nul(body):
        raise InvalidParameter(f"{title}: a text holds a NUL character")
    return text


def _holds_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_holds_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(map(_holds_nul, value))


def check(steps: Sequence[Step]) -> None:
    """Refuse a transaction after which the data would not hold together.

    Raises:
        ProtectedObject: an object of the system would be renamed, moved or disabled.
        InvalidParameter: an object refers to one that does not exist, or breaks a rule.
        DependencyViolation: an object that others refer to would be deleted.
    """
    for step in steps:
        _check_protected(step)
        _check_administrator(step)
    _check_targets(steps)
    _check_referrers(steps)
    _check_configuration_servers(steps)


# ---------------------------------------------------------------- protected objects


def _check_protected(step: Step) -> None:
    if step.old is None or step.new is None or not _is_protected(step):
        return
    for name in _KEPT_FIELDS:
        if step.old_body.get(name) != step.new_body.get(name):
            title = OBJECTS[ObjectType(step.key[0])].title.lower()
            raise ProtectedObject(
                f"{title} {step.old_body.get('name') or step.old_body.get('userName')} is needed"
                f" by the system itself: its {name} stays as it is",
                property=name,
            )


def _check_administrator(step: Step) -> None:
    """Keep the first administrator in, so that nobody can lock everybody out."""
    members, administrator = "members", {"objectType": "person", "DBID": DEFAULT_PERSON}
    if step.old is None or step.new_body.get("type") != SUPER_ADMINISTRATORS:
        return
    if administrator in step.old_body.get(members, ()) and administrator not in (
        step.new_body.get(members, ())
    ):
        raise ProtectedObject(
            f"access group {step.new_body['name']}: the first administrator stays a member, so that"
            " somebody can always administer",
            property=members,
        )


def _is_protected(step: Step) -> bool:
    type_, dbid = step.key
    if type_ == ObjectType.FOLDER:
        return not step.old_body["folderDBID"]
    return type_ in PROTECTED_TYPES - {ObjectType.HOST} and dbid < FIRST


# ---------------------------------------------------------------- references


def links_of(type_: int, body: Body, acl: str) -> set[Link]:
    """Return all that an object refers to: its document's references and who has grants on it."""
    info = OBJECTS[ObjectType(type_)]
    links = {(path, int(target), dbid) for path, target, dbid in references_of(info, body)}
    grants = msgspec.json.decode(acl) if acl else ()
    return links | {("grants", subject, dbid) for subject, dbid, _ in grants}


def _places_of(body: Body) -> Iterator[Link]:
    if body.get("tenantDBID"):
        yield "tenantDBID", int(ObjectType.TENANT), body["tenantDBID"]
    if body.get("folderDBID"):
        yield "folderDBID", int(ObjectType.FOLDER), body["folderDBID"]


def _difference(step: Step) -> tuple[set[Link], set[Link]]:
    """Return the links that the step adds and those that it removes."""
    type_ = step.key[0]
    old = links_of(type_, step.old_body, step.old.acl) if step.old is not None else set()
    new = links_of(type_, step.new_body, step.new.acl) if step.new is not None else set()
    return new - old, old - new


def _check_targets(steps: Sequence[Step]) -> None:
    present = {step.key for step in steps if step.new is not None}
    wanted: dict[Key, tuple[Key, str]] = {}
    for step in steps:
        if step.new is not None:
            places = set(_places_of(step.new_body)) - set(_places_of(step.old_body))
            for path, target, dbid in _difference(step)[0] | places:
                wanted.setdefault((target, dbid), (step.key, path))
    gone = {step.key for step in steps if step.new is None}
    missing = wanted.keys() - present
    missing -= _existing(missing - gone)
    for key in sorted(missing):
        source, path = wanted[key]
        raise InvalidParameter(
            f"{_words(source)}: {path} names {_words(key)}, which does not exist", property=path
        )


def _existing(keys: Iterable[Key]) -> set[Key]:
    return {
        (row[0], row[1])
        for condition in _conditions(keys, "type", "dbid")
        for row in Document.objects.filter(condition).values_list("type", "dbid")
    }


def _conditions(keys: Iterable[Key], type_name: str, dbid_name: str) -> Iterator[Q]:
    by_type: dict[int, list[int]] = {}
    for type_, dbid in keys:
        by_type.setdefault(type_, []).append(dbid)
    for type_, dbids in by_type.items():
        for start in range(0, len(dbids), _BATCH):
            part = dbids[start : start + _BATCH]
            yield Q(**{type_name: type_, f"{dbid_name}__in": part})


def referrers_of(keys: Iterable[Key]) -> list[Reference]:
    """Return the published references to these objects from others."""
    doomed = set(keys)
    return [
        reference
        for condition in _conditions(doomed, "target_type", "target_dbid")
        for reference in Reference.objects.filter(condition).order_by("pk")
        if (reference.source_type, reference.source_dbid) not in doomed
    ]


def _check_referrers(steps: Sequence[Step]) -> None:
    gone = {step.key for step in steps if step.new is None}
    if not gone:
        return
    settled = {step.key: _difference(step)[1] for step in steps if step.new is not None}
    remaining = [
        reference
        for reference in referrers_of(gone)
        if (reference.path, reference.target_type, reference.target_dbid)
        not in settled.get((reference.source_type, reference.source_dbid), ())
    ]
    if remaining:
        _refuse_referrers(remaining)


def _refuse_referrers(references: list[Reference]) -> None:
    keys = list(dict.fromkeys((row.source_type, row.source_dbid) for row in references))
    names = names_of(keys)
    referrers = [
        {"objectType": OBJECTS[ObjectType(type_)].name, "DBID": dbid, "name": names[type_, dbid]}
        for type_, dbid in keys
    ]
    target = _words((references[0].target_type, references[0].target_dbid))
    raise refusal_of(target, referrers)


def names_of(keys: Iterable[Key]) -> dict[Key, str]:
    """Return the names of published objects; the DBID for what has none, or is not there."""
    keys = list(keys)
    names = {key: str(key[1]) for key in keys}
    for condition in _conditions(keys, "type", "dbid"):
        for row in Document.objects.filter(condition):
            body = msgspec.json.decode(row.body)
            name = body.get("name") or body.get("userName") or body.get("number")
            names[row.type, row.dbid] = str(name or row.dbid)
    return names


def _kind(key: Key) -> str:
    return OBJECTS[ObjectType(key[0])].title.lower()


def _words(key: Key) -> str:
    return f"{_kind(key)} with DBID {key[1]}"


def index_references(steps: Sequence[Step]) -> None:
    """Bring the table of references up to date."""
    added: list[Reference] = []
    for step in steps:
        new, old = _difference(step)
        added += [_reference(step.key, link) for link in sorted(new)]
        if step.new is None and old:
            Reference.objects.filter(source_type=step.key[0], source_dbid=step.key[1]).delete()
        else:
            _unlink(step.key, old)
    Reference.objects.bulk_create(added)


def _reference(source: Key, link: Link) -> Reference:
    path, target_type, target_dbid = link
    return Reference(
        source_type=source[0],
        source_dbid=source[1],
        path=path,
        target_type=target_type,
        target_dbid=target_dbid,
    )


def _unlink(key: Key, links: Iterable[Link]) -> None:
    for path, type_, dbid in links:
        Reference.objects.filter(
            source_type=key[0], source_dbid=key[1], path=path, target_type=type_, target_dbid=dbid
        ).delete()


# ---------------------------------------------------------------- Configuration Servers


def _check_configuration_servers(steps: Sequence[Step]) -> None:
    dbids = [
        step.key[1]
        for step in steps
        if step.key[0] == ObjectType.APPLICATION and step.new_body.get("type") == "configserver"
    ]
    if not dbids:
        return
    # A change of a backup may break what holds between it and its primary.
    concerned = Q(dbid__in=dbids) | Q(backup_server__in=dbids)
    servers = Application.objects.filter(concerned, type="configserver").order_by("dbid")
    for server in servers.prefetch_related("ports", "connections"):
        for name, message in _refusals_of(server):
            raise InvalidParameter(f"application {server}: {message}", property=name)


def _refusals_of(server: Application) -> Iterator[Refusal]:
    yield from refusals_of(server)
    yield from pool_refusals(server)
    yield from port_refusals(list(server.ports.all()))
    yield from connection_refusals(list(server.connections.all()))
    yield from _clashes(server)


def _clashes(server: Application) -> Iterator[Refusal]:
    """Yield what other applications of the host have against the ports of a server."""
    if server.host_id is None:
        return
    numbers = [port.port for port in server.ports.all()]
    others = Port.objects.filter(application__host=server.host_id, port__in=numbers)
    for port in others.exclude(application=server):
        # By its number: who is told may not be one who may read it.
        other = _words((int(ObjectType.APPLICATION), port.application_id))
        yield "port", f"port {port.port} is that of {other} on the same host"
