"""What the options of the master's Application object say is what is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from historylog.models import Transaction
from historylog.retention import Limits
from proxyapp.services import objects, recording, retention


def set_options(dbid: int, **options: int) -> None:
    given = {"history-log": {name.replace("_", "-"): value for name, value in options.items()}}
    objects.update("application", dbid, {"options": given}, by=None, origin="test")


def test_without_options_the_defaults_count(db: None) -> None:
    assert retention.limits() == Limits(365, 10_000_000)


def test_the_options_of_the_master_count(db: None) -> None:
    set_options(99, audit_expiration=40, audit_max_records=5000)
    assert retention.limits() == Limits(40, 5000)


def test_a_server_of_another_name_has_options_of_its_own(server: Callable[..., int]) -> None:
    set_options(server("master-2", "2222"), expiration=1, audit_expiration=7)
    recording.serve_as("master-2")
    try:
        assert retention.limits().days == 7
    finally:
        recording.serve_as("")


def test_pruning_follows_them(create: Callable[..., int]) -> None:
    set_options(99, expiration=1, audit_expiration=2)
    create("skill", tenantDBID=1, name="new")
    newest = Transaction.objects.latest("revision")
    assert retention.prune(newest.at).transactions == 0
    assert retention.prune(newest.at + timedelta(days=3)).floor == newest.revision - 1


def test_a_clock_years_ahead_takes_nothing_until_a_person_says_that_it_is_right(
    create: Callable[..., int],
) -> None:
    set_options(99, expiration=1, audit_expiration=2)
    create("skill", tenantDBID=1, name="new")
    newest = Transaction.objects.latest("revision")
    retention.prune(newest.at)
    count = Transaction.objects.count()
    far = newest.at + timedelta(days=3650)
    assert retention.prune(far).judged == newest.at
    assert Transaction.objects.count() == count
    assert retention.prune(far, believe=True).judged is None
    assert Transaction.objects.get() == newest
