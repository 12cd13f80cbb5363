"""The end of a transaction: documents, references and journal, under the lock of the revision.

Everything is read after the lock was taken, so that two transactions that touch one object
through different rows both see what the other one did.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from django.utils import timezone

from confwire.errors import DatabaseUnavailable
from confwire.messages import Record
from confwire.objects import OBJECTS, ObjectType
from confwire.objects import Document as Body
from historylog import checkpoints
from proxyapp.engine.data.journal import chain_hash, record_digest, tree_after, tree_text
from proxyapp.models import Credential, Grant
from proxyapp.models.base import key_of
from proxyapp.models.door import Key
from proxyapp.services import integrity, journal, leadership, recording
from proxyapp.services.documents import document_of, find_all
from proxyapp.services.drafts import Draft, Row, Step
from proxyapp.services.journal import Position

MASTER = "confserv"
"""The master whose options count where a process is part of no server."""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of it."""

    revision: int | None
    changed: list[Key]


def publish(draft: Draft) -> Published:
    """Write the journal of a transaction.

    Raises:
        RequestError: the data would not hold together; see `integrity`. Or another master leads;
            see `leadership`.
    """
    position = journal.lock(key_of([recording.serving() or MASTER]))
    if position is None:
        raise DatabaseUnavailable("the database is empty: run manage.py migrate")
    leadership.check(position.standing)
    old = {(row.type, row.dbid): row for row in journal.read((*draft.touched, *draft.gone))}
    steps = [step for step in _steps(draft, old) if _differs(step)]
    if not steps:
        return Published(None, [])
    integrity.check(steps)
    integrity.index_references(steps)
    _write(position, steps, draft)
    return Published(position.revision + 1, [step.key for step in steps])


# ---------------------------------------------------------------- rendering


def _steps(draft: Draft, old: dict[Key, Row]) -> Iterator[Step]:
    read = find_all(key for key in draft.touched if key not in draft.written)
    bodies = draft.written | {key: document_of(instance) for key, instance in read.items()}
    grants = _grants(draft.regranted)
    verifiers = _verifiers(draft.recredited)
    for key in draft.touched:
        before, body = old.get(key), bodies.get(key)
        if body is None:
            continue  # it was touched, and deleted by another transaction
        text = integrity.text_of(OBJECTS[ObjectType(key[0])].title.lower(), body)
        acl, verifier = (before.acl, before.verifier) if before is not None else ("", "")
        if key in draft.regranted:
            acl = grants.get(key, "")
        if key in draft.recredited:
            verifier = verifiers.get(key, "")
        row = Row(*key, body["folderDBID"], text, acl, verifier)
        yield Step(key, before, row, _decoded(before), body)
    for key in draft.gone:
        yield Step(key, old.get(key), None, _decoded(old.get(key)))


def _decoded(row: Row | None) -> Body:
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


def record_of(row: Row) -> Record:
    """Return the record that servers exchange for a published row."""
    acl = [tuple(entry) for entry in msgspec.json.decode(row.acl)] if row.acl else None
    body = msgspec.Raw((row.body or "null").encode())
    return Record(row.type, row.dbid, row.folder, body, acl, row.verifier)


def _write(position: Position, steps: list[Step], draft: Draft) -> None:
    tree, lines = int(position.tree, 16), []
    for seq, step in enumerate(steps):
        digest = record_digest(record_of(step.new)) if step.new is not None else 0
        old = int(step.old.digest, 16) if step.old is not None else 0
        tree = tree_after(tree, old, digest)
        lines.append(_line(seq, step, tree_text(digest)))
    number, now = position.revision + 1, timezone.now()
    history = recording.record(position, draft, steps, now)
    head = journal.Head(
        revision=number,
        at=now,
        by=draft.by,
        origin=draft.origin[:255],
        tree=tree_text(tree),
        hash=chain_hash(position.hash, number, tree),
    )
    journal.write(head, lines, history, position.standing.term)
    if number % checkpoints.INTERVAL == 0:
        checkpoints.add(number, now, "interval", history.chain)


def _line(seq: int, step: Step, digest: str) -> journal.Line:
    row = step.new
    if row is None:
        assert step.old is not None, step
        return journal.Line(seq, *step.key, "remove", step.old.folder, "", "", "", digest)
    texts = row.body, row.acl, row.verifier, digest
    return journal.Line(seq, *step.key, "put", row.folder, *texts)
