"""The chain depends on everything, and a signature on everything and the key."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from historylog.chain import chain_after, is_signed, sign
from historylog.records import Head, Step

AT = datetime(2030, 1, 1, tzinfo=UTC)
HEAD = Head(7, "epoch", AT, "anna", 101, "admin", "admin", "", "confserv", "", 0, 1, 0)
STEP = Step(0, "changed", 13, 101, "a", 1, 2, "{}", "{}", "", "", False, ("state",))


def test_equal_transactions_have_equal_hashes() -> None:
    assert chain_after("c", HEAD, [STEP]) == chain_after("c", HEAD, iter([STEP]))


@pytest.mark.parametrize("field", Head._fields)
def test_each_field_of_the_head_counts(field: str) -> None:
    other = HEAD._replace(**{field: "other"})
    assert chain_after("c", other, [STEP]) != chain_after("c", HEAD, [STEP])


@pytest.mark.parametrize("field", Step._fields)
def test_each_field_of_a_step_counts(field: str) -> None:
    other = STEP._replace(**{field: ("other",)})
    assert chain_after("c", HEAD, [other]) != chain_after("c", HEAD, [STEP])


def test_the_order_of_steps_and_what_was_before_count() -> None:
    second = STEP._replace(seq=1)
    assert chain_after("c", HEAD, [STEP, second]) != chain_after("c", HEAD, [second, STEP])
    assert chain_after("c", HEAD, [STEP]) != chain_after("d", HEAD, [STEP])


def test_nothing_kept_is_something_else_than_nothing_there() -> None:
    unkept = STEP._replace(former=None)
    assert chain_after("c", HEAD, [unkept]) != chain_after("c", HEAD, [STEP._replace(former="")])


def test_a_signature_is_of_one_checkpoint_and_one_key() -> None:
    checkpoint: tuple[Any, ...] = (7, AT, "floor", "chain")
    signature = sign("key", *checkpoint)
    assert is_signed(["other", "key"], *checkpoint, signature)
    assert not is_signed(["other"], *checkpoint, signature)
    assert not is_signed(["key"], 8, *checkpoint[1:], signature)
    assert not is_signed(["key"], *checkpoint[:3], "other chain", signature)
