"""What a node is told of the past is what a replay of the journal gives."""

from __future__ import annotations

import random

import pytest

from proxyapp.engine.commands import FindDifferences, FindPast
from proxyapp.engine.events import PastFound
from proxyapp.models.door import Key
from proxyapp.runtime.backthen import find, find_differences
from tests import pastmodel

Whole = dict[Key, tuple[str, str]]


@pytest.fixture
def states(db: None) -> dict[int, Whole]:
    """Return the whole as of each revision of a random run, by the journal alone."""
    run = random.Random(5)
    for _ in range(40):
        pastmodel.transact(run)
    return pastmodel.replay()


def found(type_: int, revision: int | None, dbid: int = 0, folder: int = 0) -> dict[Key, str]:
    rows: dict[Key, str] = {}
    after = 0
    while True:
        page = find(FindPast(1, revision, 0.0, type_, dbid, folder, after, 7))
        assert page.objects is not None
        rows |= {(item.type, item.dbid): item.body.decode() for item in page.objects}
        after = page.following
        if not after:
            return rows


def test_each_type_is_as_a_replay_gives_it(states: dict[int, Whole]) -> None:
    for revision in random.Random(1).sample(sorted(states)[1:], 4):
        whole = states[revision]
        for type_ in {key[0] for key in whole}:
            expected = {key: body for key, (body, _) in whole.items() if key[0] == type_}
            assert found(type_, revision) == expected
            key = min(expected)
            assert found(type_, revision, dbid=key[1]) == {key: expected[key]}


def test_what_is_gone_comes_with_where_it_lay_last(states: dict[int, Whole]) -> None:
    newest = max(states)
    gone = {
        (key, revision)
        for revision, whole in states.items()
        for key in whole
        if key not in states[newest]
    }
    assert gone
    for key, revision in sorted(gone)[:20]:
        page = find(FindPast(1, revision, 0.0, key[0], key[1], 0, 0, 7))
        assert page.objects is not None
        (item,) = page.objects
        assert item.place is not None
    present = min(states[newest])
    (item,) = find(FindPast(1, newest, 0.0, present[0], present[1], 0, 0, 7)).objects or ()
    assert item.place is None


def test_two_moments_are_as_a_replay_gives_them(states: dict[int, Whole]) -> None:
    run = random.Random(2)
    for _ in range(4):
        begin, end = sorted(run.sample(sorted(states)[1:], 2))
        old, new = states[begin], states[end]
        differing: dict[Key, tuple[str | None, ...]] = {}
        after: Key | None = (0, 0)
        while after is not None:
            page = find_differences(FindDifferences(1, begin, 0.0, end, 0.0, 0, 0, 0, after, 7))
            assert (page.revision, page.until) == (begin, end)
            for item in page.pairs or ():
                bodies = tuple(part and part[1].decode() for part in (item.former, item.later))
                key = (item.type, item.dbid)
                if bodies[0] != bodies[1]:
                    differing[key] = bodies
                one = FindDifferences(1, begin, 0.0, end, 0.0, *key, 0, (0, 0), 7)
                assert find_differences(one).pairs == [item]
            after = page.following
        bodies_of = {
            key: tuple(whole[key][0] if key in whole else None for whole in (old, new))
            for key in old.keys() | new.keys()
        }
        assert differing == {key: pair for key, pair in bodies_of.items() if pair[0] != pair[1]}
    page = find_differences(FindDifferences(1, -1, 0.0, 1, 0.0, 0, 0, 0, (0, 0), 7))
    assert page.expired


def test_a_time_gives_its_revision(states: dict[int, Whole]) -> None:
    type_ = min(states[max(states)])[0]
    page = find(FindPast(1, None, 4e9, type_, 0, 0, 0, 7))
    assert page.revision == max(states)
    assert isinstance(find(FindPast(1, None, -1e300, type_, 0, 0, 0, 7)), PastFound)


def test_what_is_not_kept_is_said(states: dict[int, Whole]) -> None:
    page = find(FindPast(1, -1, 0.0, 1, 0, 0, 0, 7))
    assert page.expired
    assert page.objects == []
