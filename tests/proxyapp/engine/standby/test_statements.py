"""What the other server of a pair said, in the order in which it said it."""

from __future__ import annotations

import itertools
import random

import pytest

from proxyapp.engine.standby.statements import PATIENCE, Statements


@pytest.fixture
def statements() -> Statements:
    return Statements("own")


def test_what_is_said_is_numbered(statements):
    assert [statements.next() for _ in range(3)] == [1, 2, 3]


def test_of_two_lines_the_slower_one_brings_no_news(statements):
    heard = [statements.is_news("one", said) for said in (1, 3, 2, 3, 4)]
    assert heard == [True, True, False, False, True]


def test_a_new_run_counts_from_the_beginning_and_the_former_one_no_more(statements):
    assert statements.is_news("one", 7)
    assert statements.is_news("two", 1)
    assert not statements.is_news("one", 8)
    assert statements.is_news("two", 2)


def test_a_run_that_goes_on_talking_is_not_the_former_one(statements):
    assert statements.is_news("two", 1)
    assert statements.is_news("one", 9), "the last word of the dead one came after the new one's"
    heard = [statements.is_news("two", said) for said in range(2, 2 + PATIENCE)]
    assert heard == [False] * (PATIENCE - 1) + [True]


def test_without_a_line_nothing_old_can_come(statements):
    assert statements.is_news("one", 7)
    statements.forget()
    assert statements.is_news("one", 1)


@pytest.mark.parametrize("seed", range(50))
def test_the_last_word_is_what_stays_in_whichever_order_two_lines_bring_it(seed):
    chance = random.Random(seed)
    statements = Statements("own")
    lines = [[], []]
    for said in range(1, 30):
        for line in lines:
            if chance.random() < 0.7:
                line.append(said)
    kept = [line[:] for line in lines]
    last = 0
    while any(lines):
        said = chance.choice([line for line in lines if line]).pop(0)
        if statements.is_news("one", said):
            assert said > last
            last = said
    assert last == max(itertools.chain(*kept))
