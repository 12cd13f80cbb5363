from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, transaction

from confwire.messages import HistoryEntry
from historylog import writer
from historylog.models import EntryRecord, Store

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kept() -> None:
    writer.keep([HistoryEntry(kind="loaded", at=at) for at in (1_000.0, 2_000.0)])


def test_an_entry_cannot_be_changed():
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EntryRecord.objects.update(reason="other")
    assert not EntryRecord.objects.filter(reason="other").exists()


def test_an_entry_cannot_be_deleted_unless_pruning_has_raised_the_floor_above_it():
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EntryRecord.objects.all().delete()
    Store.objects.update(floor=datetime.fromtimestamp(1_500, UTC))
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        EntryRecord.objects.all().delete()
    assert EntryRecord.objects.filter(at__lt=datetime.fromtimestamp(1_500, UTC)).delete()[0] == 1
    assert EntryRecord.objects.count() == 1
