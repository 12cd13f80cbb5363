"""The end of a transaction: documents, references and journal, under the lock of the revision.

Everything is read after the lock was taken, so that two transactions that touch one object
through different rows both see what the other one did.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
from django.db import connection
from django.utils import timezone

from confwire.errors import DatabaseUnavailable
from confwire.messages import Record
from confwire.objects import Document as Body
from confwire.objects import ObjectType
from proxyapp.engine.journal import chain_hash, record_digest, tree_after, tree_text
from proxyapp.models import Change, Commit, Credential, Document, Grant, Revision
from proxyapp.models.base import Configured
from proxyapp.models.door import Key
from proxyapp.services import integrity
from proxyapp.services.documents import document_of, find_all

CHANNEL = "csproxy"
"""Where PostgreSQL tells the number of each new revision."""

_BATCH = 500  # objects named in one statement


@dataclass(slots=True)
class Draft:
    """What a transaction is about to publish."""

    by: str
    origin: str
    touched: list[Key]
    gone: list[Key]
    written: dict[Key, Configured]
    regranted: set[Key]
    recredited: set[Key]


@dataclass(slots=True)
class Step:
    """One object before and after the transaction; None where it did not or does not exist."""

    key: Key
    old: Document | None
    new: Document | None
    old_body: Body = field(default_factory=dict)
    new_body: Body = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it."""

    revision: int | None
    changed: list[Key]


def publish(draft: Draft) -> Published:
    """Write the journal of a transaction.

    Raises:
        RequestError: the data would not hold together; see `integrity`.
    """
    revision = _lock()
    old = {(row.type, row.dbid): row for row in _documents((*draft.touched, *draft.gone))}
    steps = [step for step in _steps(draft, old, revision.number + 1) if _differs(step)]
    if not steps:
        return Published(None, [])
    integrity.check(steps)
    integrity.index_references(steps)
    _write(revision, steps, draft)
    return Published(revision.number, [step.key for step in steps])


def _lock() -> Revision:
    revision = Revision.objects.select_for_update().filter(pk=1).first()
    if revision is None:
        raise DatabaseUnavailable("the database is empty: run manage.py migrate")
    return revision


def _documents(keys: Iterable[Key]) -> Iterator[Document]:
    by_type: dict[int, list[int]] = {}
    for type_, dbid in keys:
        by_type.setdefault(type_, []).append(dbid)
    for type_, dbids in by_type.items():
        for start in range(0, len(dbids), _BATCH):
            yield from Document.objects.filter(type=type_, dbid__in=dbids[start : start + _BATCH])


# ---------------------------------------------------------------- rendering


def _steps(draft: Draft, old: dict[Key, Document], number: int) -> Iterator[Step]:
    instances = draft.written | find_all(
        key for key in draft.touched if not _stands_alone(draft.written.get(key))
    )
    grants = _grants(draft.regranted)
    verifiers = _verifiers(draft.recredited)
    for key in draft.touched:
        before, instance = old.get(key), instances.get(key)
        if instance is None:
            continue  # it was touched, and deleted by another transaction
        body = document_of(instance)
        row = Document(type=key[0], dbid=key[1], revision=number, folder=body["folderDBID"])
        row.body = integrity.text_of(instance.info.title.lower(), body)
        row.acl = grants.get(key, "") if key in draft.regranted else _kept(before, "acl")
        row.verifier = (
            verifiers.get(key, "") if key in draft.recredited else _kept(before, "verifier")
        )
        yield Step(key, before, row, _decoded(before), body)
    for key in draft.gone:
        yield Step(key, old.get(key), None, _decoded(old.get(key)))


def _stands_alone(instance: Configured | None) -> bool:
    """Whether the instance as it was written is all of its document."""
    return instance is not None and instance.object_type not in _COMPOSED


_COMPOSED = {ObjectType.APPLICATION, ObjectType.ACCESS_GROUP}


def _kept(before: Document | None, column: str) -> str:
    return getattr(before, column) if before is not None else ""


def _decoded(row: Document | None) -> Body:
    return msgspec.json.decode(row.body) if row is not None else {}


def _grants(keys: set[Key]) -> dict[Key, str]:
    found: dict[Key, list[tuple[int, int, int]]] = {}
    for type_ in {type_ for type_, _ in keys}:
        dbids = [dbid for kind, dbid in keys if kind == type_]
        for grant in Grant.objects.filter(object_type=type_, object_dbid__in=dbids):
            entry = (*grant.subject, grant.mask)
            found.setdefault((type_, grant.object_dbid), []).append(entry)
    return {key: msgspec.json.encode(sorted(acl)).decode() for key, acl in found.items()}


def _verifiers(keys: set[Key]) -> dict[Key, str]:
    persons = [dbid for type_, dbid in keys if type_ == ObjectType.PERSON]
    applications = [dbid for type_, dbid in keys if type_ == ObjectType.APPLICATION]
    found = {}
    if persons:
        for row in Credential.objects.filter(person__in=persons):
            found.update(dict.fromkeys(row.owners(), row.verifier))
    if applications:
        for row in Credential.objects.filter(application__in=applications):
            found.update(dict.fromkeys(row.owners(), row.verifier))
    return found


def _differs(step: Step) -> bool:
    old, new = step.old, step.new
    if old is None or new is None:
        return old is not new
    return (old.body, old.acl, old.verifier) != (new.body, new.acl, new.verifier)


# ---------------------------------------------------------------- writing


def record_of(row: Document | Change) -> Record:
    """Return the record that servers exchange for a published row."""
    acl = [tuple(entry) for entry in msgspec.json.decode(row.acl)] if row.acl else None
    body = msgspec.Raw((row.body or "null").encode())
    return Record(row.type, row.dbid, row.folder, body, acl, row.verifier)


def _write(revision: Revision, steps: list[Step], draft: Draft) -> None:
    tree = int(revision.tree, 16)
    for step in steps:
        new = record_digest(record_of(step.new)) if step.new is not None else 0
        if step.new is not None:
            step.new.digest = tree_text(new)
        tree = tree_after(tree, int(step.old.digest, 16) if step.old is not None else 0, new)
    revision.number += 1
    revision.tree = tree_text(tree)
    revision.hash = chain_hash(revision.hash, revision.number, tree)
    _write_documents(steps)
    Change.objects.bulk_create(_change_of(step, revision.number, n) for n, step in enumerate(steps))
    Commit.objects.create(
        revision=revision.number,
        at=timezone.now(),
        by=draft.by,
        origin=draft.origin[:255],
        tree=revision.tree,
        hash=revision.hash,
    )
    revision.save(update_fields=["number", "tree", "hash"])
    _notify(revision.number)


def _write_documents(steps: list[Step]) -> None:
    Document.objects.bulk_create(
        [step.new for step in steps if step.new is not None],
        update_conflicts=True,
        unique_fields=["type", "dbid"],
        update_fields=["revision", "folder", "body", "acl", "verifier", "digest"],
    )
    gone = [step.old.pk for step in steps if step.new is None and step.old is not None]
    for start in range(0, len(gone), _BATCH):
        Document.objects.filter(pk__in=gone[start : start + _BATCH]).delete()


def _change_of(step: Step, revision: int, seq: int) -> Change:
    row = step.new or step.old
    assert row is not None, step
    change = Change(
        revision=revision, seq=seq, type=row.type, dbid=row.dbid, folder=row.folder, action="remove"
    )
    if step.new is not None:
        change.action = "put"
        change.body, change.acl, change.verifier = row.body, row.acl, row.verifier
    return change


def _notify(number: int) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(number)])
