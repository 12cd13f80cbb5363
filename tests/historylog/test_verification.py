"""Whatever is done to the rows is found, and said where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.db import connection

from historylog import checkpoints, retention, verification
from historylog.models import ChangedProperty, ChangeRecord, Checkpoint, Transaction
from historylog.retention import Limits
from historylog.verification import Problem, last_signed
from proxyapp.models import Revision

NOW = datetime(2031, 1, 1, tzinfo=UTC)
Problems = Callable[[], list[Problem]]


@contextmanager
def tampering() -> Iterator[None]:
    """Let rows be changed, as somebody with all rights on the database can."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")
            yield
            cursor.execute("SET session_replication_role = DEFAULT")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        yield
        for _, sql in triggers:
            cursor.execute(sql)


@pytest.fixture
def newest(skill: Callable[..., int]) -> int:
    """Return the newest of six revisions after the seed."""
    for number in range(3):
        dbid = skill(f"skill {number}")
        skill(dbid=dbid, userProperties={"a": {"b": number}})
    return Revision.objects.get().number


def test_what_was_written_is_right(newest: int, problems: Problems) -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (Transaction, {"by": "somebody else"}),
        (Transaction, {"at": NOW}),
        (ChangeRecord, {"body": "{}"}),
        (ChangeRecord, {"former": "{}"}),
        (ChangeRecord, {"secret": True}),
        (ChangedProperty, {"path": "state"}),
    ],
)
def test_a_changed_row_is_found(
    newest: int, problems: Problems, model: type, values: dict[str, object]
) -> None:
    with tampering():
        model.objects.filter(revision=newest - 2).update(**values)  # type: ignore[attr-defined]
    assert problems() == [Problem(newest - 2, "the transaction is not what was written")]


def test_a_missing_transaction_is_found(newest: int, problems: Problems) -> None:
    with tampering():
        for model in (Transaction, ChangeRecord, ChangedProperty):
            model.objects.filter(revision=newest - 1).delete()
    assert problems() == [Problem(newest - 1, f"revision {newest - 1} is missing")]


def test_a_missing_end_is_found(newest: int, problems: Problems) -> None:
    with tampering():
        for model in (Transaction, ChangeRecord, ChangedProperty):
            model.objects.filter(revision__gt=newest - 3).delete()
    assert [found.text for found in problems()] == [
        f"revision {newest - 2} to {newest} are missing"
    ]


def test_a_missing_record_is_found(newest: int, problems: Problems) -> None:
    with tampering():
        ChangeRecord.objects.filter(revision=newest - 1).delete()
    assert [found.revision for found in problems()] == [newest - 1]


def test_a_missing_property_is_found(newest: int, problems: Problems) -> None:
    with tampering():
        ChangedProperty.objects.filter(revision=newest).delete()
    assert [found.revision for found in problems()] == [newest]


def test_inserted_rows_are_found(newest: int, problems: Problems) -> None:
    ChangedProperty(revision=newest, seq=7, path="state").save(force_insert=True)
    ChangedProperty(revision=newest + 9, seq=0, path="state").save(force_insert=True)
    assert [found.revision for found in problems()] == [newest, newest + 9]


def test_an_inserted_transaction_is_found(newest: int, problems: Problems) -> None:
    row = Transaction.objects.get(revision=newest)
    row.revision = newest + 1
    row.save(force_insert=True)
    assert [found.revision for found in problems()] == [newest + 1]


def test_reordered_transactions_are_found(newest: int, problems: Problems) -> None:
    with tampering():
        for model in (Transaction, ChangeRecord, ChangedProperty):
            for old, new in [(newest, 0), (newest - 2, newest), (0, newest - 2)]:
                model.objects.filter(revision=old).update(revision=new)
    assert {newest - 2, newest} <= {found.revision for found in problems()}


def test_a_chain_that_was_made_anew_differs_from_its_checkpoint(
    newest: int, problems: Problems
) -> None:
    checkpoints.add(newest - 1, NOW, "interval", "another chain")
    assert problems() == [Problem(newest - 1, "the chain is not the one that the checkpoint signs")]


def test_a_checkpoint_of_a_stranger_is_found(newest: int, problems: Problems) -> None:
    chain = Transaction.objects.get(revision=newest).chain
    row = {"revision": newest, "reason": "epoch", "chain": chain}
    Checkpoint.objects.create(at=NOW, signature="0" * 64, **row)
    assert [found.revision for found in problems()] == [newest]
    assert last_signed() < newest


def test_what_is_left_after_pruning_is_checked(
    skill: Callable[..., int], newest: int, problems: Problems
) -> None:
    retention.prune(retention.Limits(10**4, 3), NOW, lambda seconds: None)
    assert Transaction.objects.count() == 3
    assert problems() == []
    skill("after the pruning")
    assert problems() == []
    with tampering():
        ChangeRecord.objects.filter(revision=newest - 2).update(name="another")
    assert [found.revision for found in problems()] == [newest - 2]


def test_a_large_transaction_is_checked_in_parts(
    newest: int, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("historylog.verification._PART", 4)  # the seed changes more objects
    assert problems() == []
    ChangedProperty(revision=1, seq=10**6, path="state").save(force_insert=True)
    assert [found.revision for found in problems()] == [1]


def test_a_checkpoint_is_missed_where_one_is_due(
    newest: int, problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "INTERVAL", newest - 1)
    assert problems() == [Problem(newest - 1, "the checkpoint is missing")]


def test_what_is_committed_meanwhile_is_no_problem(newest: int, skill: Callable[..., int]) -> None:
    last_kept, position = verification.newest(), Revision.objects.get()
    skill("meanwhile")
    assert list(verification.verify(position.number, position.chain, last_kept)) == []


def test_a_history_that_goes_on_after_the_data_is_found(newest: int) -> None:
    before = Transaction.objects.get(revision=newest - 1)
    found = list(verification.verify(newest - 1, before.chain))
    text = f"the history goes on after revision {newest - 1}, where the data stands"
    assert [problem for problem in found if problem.revision == newest] == [(newest, text)]


def test_what_is_pruned_meanwhile_is_no_problem(
    newest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "_BATCH", 1)
    position = Revision.objects.get()
    found = verification.verify(position.number, position.chain)
    forged = verification._forged

    def pruned_after_the_start() -> Iterator[Problem]:
        yield from forged()
        retention.prune(Limits(10**4, 2), Transaction.objects.latest("revision").at)

    monkeypatch.setattr(verification, "_forged", pruned_after_the_start)
    assert list(found) == []
