"""The newest changes in memory: in what order, for whom, and page by page."""

from __future__ import annotations

from typing import Any

import msgspec

from proxyapp.engine.sessions.recent import HIDDEN, RecentQuestion
from tests.proxyapp.engine.bench import FOLDER, OTHER, Bench, T, gone, record


def seen(
    bench: Bench, user: str | None, limit: int = 50, **asked: Any
) -> list[tuple[int, int, int]]:
    found = bench.node.recent_changes(user, RecentQuestion(**asked), limit)
    return [(change.revision, change.seq, change.dbid) for change in found.changes]


def english(name: str) -> Any:
    return record("skill", 601, FOLDER, name=name, tenantDBID=1)


def test_the_newest_comes_first_with_what_was_and_what_is(bench: Bench) -> None:
    bench.commit(english("one"))
    bench.commit(english("two"), gone("skill", 602))
    found = bench.node.recent_changes("bob", RecentQuestion(), 50)
    deleted, changed, first = found.changes
    assert (found.begin, found.next) == (1, None)
    assert [(one.revision, one.seq) for one in found.changes] == [(3, 1), (3, 0), (2, 0)]
    assert deleted.document is None
    assert deleted.former is not None
    assert changed.former is not None
    assert changed.document is not None
    assert msgspec.json.decode(changed.former)["name"] == "one"
    assert msgspec.json.decode(changed.document)["name"] == "two"
    assert (first.name, first.at) == ("one", 1.0)


def test_only_what_may_be_read_now_is_shown(bench: Bench) -> None:
    bench.commit(english("one"), record("skill", 603, OTHER, name="Hidden", tenantDBID=1))
    bench.commit(gone("skill", 603))
    assert seen(bench, "bob") == [(2, 0, 601)]
    assert seen(bench, "eve") == seen(bench, "nobody") == []
    assert seen(bench, None) == [(3, 0, 603), (2, 1, 603), (2, 0, 601)]


def test_a_search_by_type_object_and_person(bench: Bench) -> None:
    bench.commit(english("one"), gone("skill", 602))
    assert seen(bench, None, type=T["skill"], dbid=601) == [(2, 0, 601)]
    assert seen(bench, None, type=T["person"]) == []
    assert len(seen(bench, None, by="TESTER")) == 2
    assert seen(bench, None, by="somebody") == []


def test_pages_follow_each_other_without_gap_or_repetition(bench: Bench) -> None:
    for number in range(5):
        bench.commit(english(f"{number}"), record("skill", 603, OTHER, name=f"{number}"))
    pages, before = [], None
    while True:
        found = bench.node.recent_changes("bob", RecentQuestion(before=before), 2)
        pages.append([change.revision for change in found.changes])
        before = found.next
        if before is None:
            break
    assert [revision for page in pages for revision in page] == [6, 5, 4, 3, 2]


def test_a_person_that_may_not_be_read_is_not_named(bench: Bench) -> None:
    event = bench.database.commit(english("one"))
    event.transaction.by = "eve"
    bench.handle(event)
    (change,) = bench.node.recent_changes("bob", RecentQuestion(), 50).changes
    assert change.by == HIDDEN
    assert seen(bench, "bob", by="eve") == []
    assert seen(bench, None, by="eve") == [(2, 0, 601)]
