"""What the history log keeps of a transaction that is about to be published.

Text copies only: names and documents as they were, and the way back to what was before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.utils import timezone

from confwire.delta import diff
from confwire.objects import OBJECTS, ObjectType
from historylog import checkpoints
from historylog.chain import chain_after
from historylog.paths import PERMISSIONS, SECRET, differences
from historylog.records import Head, Step, name_of, source_of, tenant_of
from proxyapp.models import Revision
from proxyapp.services import drafts
from proxyapp.services.drafts import Recording
from proxyapp.services.journal import Position

_CREATED, _CHANGED, _DELETED = "created", "changed", "deleted"

_server = ""


def serve_as(server: str) -> None:
    """Name the Application object of the server that this process is part of."""
    global _server
    _server = server


def serving() -> str:
    """Return the name of that server; empty in a command of an operator."""
    return _server


def begin() -> None:
    """Let the history begin where the data stands, in a database that is older than it."""
    position = Revision.objects.get()
    if position.number and not position.chain and checkpoints.floor() is None:
        checkpoints.add(position.number, timezone.now(), "beginning", "")


def record(
    position: Position, draft: drafts.Draft, steps: Sequence[drafts.Step], at: datetime
) -> Recording:
    """Return what is kept of a transaction that follows a position."""
    kept = [_step(seq, step, position.keeps_former) for seq, step in enumerate(steps)]
    origin = draft.origin[:255]
    application, session = source_of(origin)
    kinds = [step.kind for step in kept]
    head = Head(
        revision=position.revision + 1,
        epoch=position.epoch,
        at=at,
        by=draft.by,
        person=draft.person,
        origin=origin,
        application=application,
        session=session,
        server=_server,
        through=draft.through,
        created=kinds.count(_CREATED),
        changed=kinds.count(_CHANGED),
        deleted=kinds.count(_DELETED),
    )
    return Recording(head, kept, chain_after(position.chain, head, kept))


def _step(seq: int, step: drafts.Step, keeps_former: bool) -> Step:
    old, new = step.old, step.new
    info = OBJECTS[ObjectType(step.key[0])]
    body = step.old_body if new is None else step.new_body
    verifiers = [row.verifier if row is not None else "" for row in (old, new)]
    has_secret = verifiers[0] != verifiers[1]
    former: str | None
    paths: tuple[str, ...] = ()
    if old is None:
        kind, former = _CREATED, ""
    elif new is None:
        kind, former = _DELETED, old.body
    else:
        kind = _CHANGED
        former = msgspec.json.encode(diff(info, step.new_body, step.old_body)).decode()
        paths = _paths(step, has_secret)
    is_kept = keeps_former or old is None
    return Step(
        seq=seq,
        kind=kind,
        type=step.key[0],
        dbid=step.key[1],
        name=name_of(body),
        tenant=tenant_of(info.name, body),
        folder=body["folderDBID"],
        body=new.body if new is not None else "",
        former=former if is_kept else None,
        acl=new.acl if new is not None else "",
        former_acl=(old.acl if old is not None else "") if is_kept else None,
        secret=has_secret,
        paths=paths,
    )


def _paths(step: drafts.Step, has_secret: bool) -> tuple[str, ...]:
    assert step.old is not None
    assert step.new is not None
    info = OBJECTS[ObjectType(step.key[0])]
    paths = {found.path for found in differences(info, step.old_body, step.new_body)}
    if step.old.acl != step.new.acl:
        paths.add(PERMISSIONS)
    if has_secret:
        paths.add(SECRET)
    return tuple(sorted(paths))
