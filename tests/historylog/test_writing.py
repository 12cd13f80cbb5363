"""What one statement writes on PostgreSQL and several on SQLite is read back the same."""

from __future__ import annotations

from datetime import UTC, datetime

from historylog.models import ChangedProperty, ChangeRecord, Transaction
from historylog.records import Head, Step
from proxyapp.models import Revision
from proxyapp.services import journal
from proxyapp.services.drafts import Recording

AT = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
STEPS = [
    Step(0, "created", 13, 901, "A b", 1, 2, "{}", "", "", "", False),
    Step(1, "changed", 13, 902, "c", 1, 2, "{}", None, "[[3,1,1]]", None, True, ("a", "b")),
    Step(2, "deleted", 13, 903, "d", 1, 2, "", '{"x":1}', "", "[]", False),
]


def test_all_columns_are_read_back_as_they_were_written(db: None) -> None:
    revision = Revision.objects.get().number + 1
    head = Head(
        revision, "e", AT, "anna", 101, "admin 10.0.0.1", "admin", "", "confserv", "", 1, 1, 1
    )
    lines = [
        journal.Line(s.seq, s.type, s.dbid, "put" if s.body else "remove", 2, s.body, s.acl, "", "")
        for s in STEPS
    ]
    place = journal.Head(revision, AT, "anna", "admin 10.0.0.1", "0" * 32, "hash")
    journal.write(place, lines, Recording(head, STEPS, "chain"), 0)
    row = Transaction.objects.get(revision=revision)
    assert tuple(getattr(row, name) for name in Head._fields) == head
    assert row.chain == Revision.objects.get().chain == "chain"
    names = Step._fields[:-1]
    records = ChangeRecord.objects.filter(revision=revision).order_by("seq")
    assert list(records.values_list(*names)) == [step[:-1] for step in STEPS]
    assert [record.key for record in records] == ["a b", "c", "d"]
    properties = ChangedProperty.objects.filter(revision=revision)
    assert set(properties.values_list("seq", "path")) == {(1, "a"), (1, "b")}
