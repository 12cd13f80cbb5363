"""`manage.py prunehistory`, as an operator runs it."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.utils import timezone

from historylog.models import Transaction
from proxyapp.models import Revision
from proxyapp.services import objects, recording


def prune(*words: str) -> str:
    output = StringIO()
    try:
        call_command("prunehistory", *words, stdout=output)
    finally:
        recording.serve_as("")
    return output.getvalue()


def test_pruning_now_follows_the_options(db: None) -> None:
    options = {"options": {"history-log": {"max-records": 1, "audit-max-records": 2}}}
    objects.update("application", 99, options, by=None, origin="test")
    number = Revision.objects.get().number
    assert f"reaches back to revision {number - 1}." in prune()
    assert Transaction.objects.count() == 1
    assert "0 transactions with 0 changes and 0 entries were removed" in prune("-app", "confserv")


def test_a_clock_that_jumped_is_trusted_when_told_so(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects.create("skill", {"tenantDBID": 1, "name": "new"}, by=None, origin="test")
    prune()
    count = Transaction.objects.count()
    far = timezone.now() + timedelta(days=3650)
    monkeypatch.setattr(timezone, "now", lambda: far)
    output = prune()
    assert "0 transactions" in output
    assert "run this again with -trust-clock" in output
    assert Transaction.objects.count() == count > 1
    assert "-trust-clock" not in prune("-trust-clock")
    assert Transaction.objects.count() == 1
