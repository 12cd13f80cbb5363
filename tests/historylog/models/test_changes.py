"""Rows of the history are added only; what lies at or below a floor may be removed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from historylog.models import ChangedProperty, ChangeRecord, Checkpoint, Transaction

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FAR = 10**6  # revisions that no seed has


@pytest.fixture
def rows(db: None) -> None:
    counts = {"created": 0, "changed": 1, "deleted": 0}
    for revision in (FAR + 1, FAR + 2):
        Transaction(revision=revision, epoch="e", at=NOW, chain="c", **counts).save()
        place = {"revision": revision, "seq": 0}
        record: dict[str, Any] = {"kind": "changed", "type": 13, "dbid": 101, "name": "a"}
        ChangeRecord(
            **place, **record, tenant=1, folder=1, body="{}", former="{}", secret=False
        ).save(force_insert=True)
        ChangedProperty(**place, path="state").save(force_insert=True)


@pytest.mark.parametrize("model", [Transaction, ChangeRecord, ChangedProperty])
def test_no_row_is_changed(rows: None, model: Any) -> None:
    name = "path" if model is ChangedProperty else "chain" if model is Transaction else "name"
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        model.objects.filter(revision=FAR + 1).update(**{name: "other"})


@pytest.mark.parametrize("model", [Transaction, ChangeRecord, ChangedProperty])
def test_rows_go_only_up_to_the_floor(rows: None, model: Any) -> None:
    Checkpoint(revision=FAR + 1, at=NOW, reason="floor", chain="c", signature="s").save()
    query = model.objects.filter(revision__gte=FAR)
    assert query.filter(revision=FAR + 1)._raw_delete(query.db) == 1
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        query._raw_delete(query.db)
    assert query.count() == 1


def test_without_a_floor_nothing_goes(rows: None) -> None:
    Checkpoint(revision=FAR + 5, at=NOW, reason="interval", chain="c", signature="s").save()
    query = Transaction.objects.filter(revision__gte=FAR)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        query._raw_delete(query.db)


def test_checkpoints_stay(db: None) -> None:
    Checkpoint(revision=1, at=NOW, reason="interval", chain="c", signature="s").save()
    for write in (Checkpoint.objects.all().delete, lambda: Checkpoint.objects.update(chain="d")):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            write()
