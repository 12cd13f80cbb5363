"""Pages of the past join to the whole of it, and what differs is what two states say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from proxyapp.models.door import Key
from proxyapp.services import pastpages
from proxyapp.services.asof import Past
from proxyapp.services.pastpages import Asked, Changed
from tests import pastmodel

Whole = dict[Key, tuple[str, str]]


@pytest.fixture
def states(db: None) -> dict[int, Whole]:
    """Return the whole as of each revision of a random run, by the journal alone."""
    run = random.Random(3)
    for _ in range(60):
        pastmodel.transact(run)
    return pastmodel.replay()


def all_of(read: Any, limit: int) -> list[Any]:
    rows: list[Any] = []
    place = None
    while True:
        page = read(after=place, limit=limit)
        rows += page.rows
        assert len(page.rows) <= limit
        place = page.next
        if place is None:
            return rows


@pytest.mark.parametrize("limit", [7, 1000])
def test_pages_join_to_all_that_was_there(states: dict[int, Whole], limit: int) -> None:
    for revision in random.Random(1).sample(sorted(states)[1:], 8):
        past = Past(revision)
        rows = all_of(lambda past=past, **more: pastpages.objects(past, Asked(**more)), limit)
        assert {row.key: (row.body, row.acl) for row in rows} == states[revision]
        assert [row.key for row in rows] == sorted(states[revision])


def test_a_folder_is_what_lay_right_in_it(states: dict[int, Whole]) -> None:
    revision = sorted(states)[len(states) // 2]
    past = Past(revision)
    places: dict[int, set[Key]] = {}
    for state in past.everything():
        places.setdefault(state.folder, set()).add(state.key)
    for folder, keys in places.items():
        if folder:
            rows = all_of(
                lambda f=folder, **more: pastpages.objects(past, Asked(folder=f, **more)), 5
            )
            assert {row.key for row in rows} == keys


@pytest.mark.parametrize(("limit", "many"), [(3, 5_000), (3, 0), (1000, 5_000), (1000, 0)])
def test_what_differs_is_what_two_states_say(
    states: dict[int, Whole], limit: int, many: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pastpages, "_MANY", many)
    run = random.Random(2)
    for _ in range(6):
        first, last = sorted(run.sample(sorted(states)[1:], 2))
        pasts = Past(first), Past(last)
        rows: list[Changed] = all_of(
            lambda pasts=pasts, **more: pastpages.changed(pasts[0], pasts[1], Asked(**more)), limit
        )
        before, after = states[first], states[last]
        expected = {
            key for key in before.keys() | after.keys() if before.get(key) != after.get(key)
        }
        assert {row.key for row in rows} == expected
        for row in rows:
            kind = (row.key in before, row.key in after)
            words = {(False, True): "created", (True, True): "changed", (True, False): "deleted"}
            assert row.kind == words[kind]
