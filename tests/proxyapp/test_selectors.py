"""What nodes read: pages that miss nothing, transactions that are whole."""

from __future__ import annotations

from proxyapp import selectors
from proxyapp.models import Commit, Host
from proxyapp.services import changes


def add_hosts(count: int) -> int:
    with changes.commit(by=None, origin="test") as work:
        first = Host.objects.count()
        work.add(Host(name=f"host {first + n}") for n in range(count))
    assert work.result is not None
    assert work.result.revision is not None
    return work.result.revision


def test_pages_together_are_all_records(db: None) -> None:
    add_hosts(25)
    pages, after = [], (0, 0)
    while page := selectors.load_records(after, limit=7):
        pages += page
        after = (page[-1].type, page[-1].dbid)
    everything = selectors.load_records(limit=10_000)
    assert pages == everything
    assert len(pages) == selectors.count_records()


def test_transactions_come_in_order_after_a_revision(db: None) -> None:
    start = selectors.current_revision().revision
    revisions = [add_hosts(1) for _ in range(4)]
    found = selectors.transactions_since(start + 1, limit=2)
    assert [transaction.revision for transaction in found] == revisions[1:3]
    assert found[0].hash == selectors.hash_at(revisions[1])
    assert found[0].epoch == selectors.current_revision().epoch


def test_a_big_transaction_comes_in_parts_with_the_last_one_marked(db: None) -> None:
    start = selectors.current_revision().revision
    add_hosts(25)
    add_hosts(1)
    parts = selectors.transactions_since(start, part=10)
    assert [(len(part.records), part.last) for part in parts] == [
        (10, False),
        (10, False),
        (5, True),
        (1, True),
    ]
    assert [bool(part.hash) for part in parts] == [False, False, True, True]


def test_the_last_transaction_has_the_hashes_of_the_position(db: None) -> None:
    add_hosts(1)
    position = selectors.current_revision()
    last = selectors.transactions_since(position.revision - 1)[-1]
    assert (int(last.tree, 16), last.hash) == (position.tree, position.hash)
    assert last.at > 1_700_000_000


def test_nothing_comes_after_the_end(db: None) -> None:
    assert selectors.transactions_since(selectors.current_revision().revision) == []


def test_a_pruned_journal_says_how_far_it_reaches(db: None) -> None:
    assert selectors.oldest_revision() == 0
    revision = add_hosts(1)
    Commit.objects.filter(revision__lt=revision).delete()
    assert selectors.oldest_revision() == revision - 1
    assert selectors.hash_at(revision - 1) is None


def test_a_deleted_object_comes_as_gone(db: None) -> None:
    add_hosts(1)
    with changes.commit(by=None, origin="test") as work:
        work.delete(Host.objects.latest("dbid"))
    last = selectors.transactions_since(selectors.current_revision().revision - 1)[-1]
    assert bytes(last.records[0].body) == b"null"
