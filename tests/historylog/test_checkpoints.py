"""Checkpoints are signed with the secret key, of which a former one is still known."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from historylog import checkpoints

AT = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)


def test_a_checkpoint_is_genuine_as_it_is_read_back(db: None) -> None:
    made = checkpoints.add(7, AT, "interval", "chain")
    made.refresh_from_db()
    assert checkpoints.is_genuine(made)


def test_another_secret_key_is_told_apart_unless_it_is_a_former_one(
    db: None, settings: Any
) -> None:
    made = checkpoints.add(7, AT, "interval", "chain")
    settings.SECRET_KEY, former = "another", settings.SECRET_KEY
    assert not checkpoints.is_genuine(made)
    settings.SECRET_KEY_FALLBACKS = [former]
    assert checkpoints.is_genuine(made)


def test_the_floor_is_the_highest_one(db: None) -> None:
    for revision, reason in [(3, "floor"), (9, "interval"), (5, "floor")]:
        checkpoints.add(revision, AT, reason, "chain")
    found = checkpoints.floor()
    assert found is not None
    assert found.revision == 5
