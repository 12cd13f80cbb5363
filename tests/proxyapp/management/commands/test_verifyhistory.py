"""`manage.py verifyhistory`, as an operator runs it."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from historylog import checkpoints
from historylog.models import Checkpoint
from proxyapp.models import Revision


def verify() -> str:
    output = StringIO()
    call_command("verifyhistory", stdout=output)
    return output.getvalue()


def test_it_says_up_to_where_the_history_is_right_and_signed(db: None) -> None:
    number = Revision.objects.get().number
    assert f"up to revision {number}; it is signed up to revision 0." in verify()
    checkpoints.add(number, datetime.now(UTC), "epoch", Revision.objects.get().chain)
    assert f"signed up to revision {number}." in verify()


def test_it_fails_and_says_what_is_wrong_where(db: None) -> None:
    at = datetime.now(UTC)
    Checkpoint.objects.create(revision=1, at=at, reason="epoch", chain="c", signature="s")
    output = StringIO()
    with pytest.raises(CommandError, match="2 problems"):
        call_command("verifyhistory", stdout=output)
    assert output.getvalue().count("revision 1: the ") == 2
