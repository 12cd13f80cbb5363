from __future__ import annotations

import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.errors import Compacted
from confwire.messages import Record
from proxyapp.engine.data.journal import (
    TREE_MODULUS,
    Change,
    Entry,
    Journal,
    chain_hash,
    record_digest,
    tree_after,
    tree_text,
)
from tests.proxyapp.engine.bench import STEADY, gone, record


def entry(revision: int, changes: int = 1) -> Entry:
    made = [Change(13, number, None, None) for number in range(changes)]
    return Entry(revision, 1.0, "x", 0, f"h{revision}", made, False)


def filled(capacity: int, *sizes: int) -> Journal:
    journal = Journal(capacity)
    journal.reset(10, "h10")
    for revision, size in enumerate(sizes, 11):
        journal.append(entry(revision, size))
    return journal


def revisions(journal: Journal, since: int) -> list[int]:
    return [item.revision for item in journal.since(since)]


def test_what_came_after_a_cursor_is_told_in_order():
    journal = filled(100, 1, 1, 1)
    assert revisions(journal, 10) == [11, 12, 13]
    assert revisions(journal, 12) == [13]
    assert revisions(journal, 13) == []
    assert repr(journal) == "<Journal 11..13, 3 changes>"


@pytest.mark.parametrize("cursor", [-1, 9, 14])
def test_a_cursor_beyond_the_ring_is_compacted_and_never_silence(cursor):
    with pytest.raises(Compacted):
        revisions(filled(100, 1, 1, 1), cursor)


def test_the_oldest_go_when_the_ring_is_full():
    journal = filled(3, 1, 1, 1, 1, 1)
    assert (journal.compacted, revisions(journal, 12)) == (12, [13, 14, 15])
    assert journal.hash_at(12) == "h12"
    assert journal.hash_at(11) is None


def test_the_newest_is_kept_however_large_it_is():
    journal = filled(3, 1, 50)
    assert revisions(journal, 11) == [12]
    journal.append(entry(13))
    assert revisions(journal, 12) == [13]


def test_a_revision_cannot_be_left_out():
    with pytest.raises(AssertionError):
        filled(3).append(entry(12))


def test_a_reset_forgets_all_and_counts():
    journal = filled(100, 1, 1)
    before = journal.resets
    journal.reset(5, "h5")
    assert (journal.revision, journal.compacted, journal.resets) == (5, 5, before + 1)
    assert [journal.hash_at(revision) for revision in (4, 5, 6, 11)] == [None, "h5", None, None]
    assert revisions(journal, 5) == []


def test_a_digest_takes_in_all_that_servers_must_agree_on():
    base = record("skill", 1, 5, name="a")
    raw = bytes(base.body)
    others = [
        record("skill", 2, 5, name="a"),
        record("dn", 1, 5, name="a"),
        Record(13, 1, 6, base.body),
        Record(13, 1, 5, msgspec.Raw(raw.replace(b" ", b""))),
        Record(13, 1, 5, base.body, [(3, 1, 1)]),
        Record(13, 1, 5, base.body, [(3, 1, 2)]),
        Record(13, 1, 5, base.body, None, "verifier"),
    ]
    assert len({record_digest(item) for item in [base, *others]}) == 8
    assert record_digest(base) == record_digest(Record(13, 1, 5, msgspec.Raw(raw), []))
    assert record_digest(gone("skill", 1)) == 0


@STEADY
@given(st.lists(st.tuples(st.integers(1, 5), st.text(max_size=3) | st.none()), max_size=12))
def test_the_tree_hash_depends_on_the_data_and_not_on_the_way_to_it(steps):
    tree, held = 0, {}
    for dbid, name in steps:
        new = gone("skill", dbid) if name is None else record("skill", dbid, name=name)
        tree = tree_after(tree, held.get(dbid, 0), record_digest(new))
        held[dbid] = record_digest(new)
    assert tree == sum(held.values()) % TREE_MODULUS
    assert int(tree_text(tree), 16) == tree
    assert len(tree_text(tree)) == 32


def test_a_change_hash_tells_histories_apart_that_end_alike():
    one = chain_hash(chain_hash("", 1, 5), 2, 7)
    assert one == chain_hash(chain_hash("", 1, 5), 2, 7)
    assert one != chain_hash(chain_hash("", 1, 6), 2, 7)
    assert one != chain_hash(chain_hash("", 1, 5), 3, 7)


def test_a_place_is_found_by_a_time_as_far_back_as_the_ring_goes():
    journal = Journal(capacity=100)
    journal.reset(10, "h")
    for revision, at in ((11, 5.0), (12, 7.0), (13, 7.0)):
        journal.append(Entry(revision, at, "", 0, "", [], structural=False))
    assert [journal.before(at) for at in (8.0, 7.0, 6.0, 5.0)] == [13, 11, 11, None]


def turns_to_free(journal: Journal, change: Change) -> int:
    """Free what was dropped; return the turns, after which only the caller has the change."""
    turns = 0
    for _ in journal.free():
        turns += 1
    assert sys.getrefcount(change) == 3  # of the caller, of this function, of the call
    return turns


def test_a_large_transaction_that_is_dropped_is_freed_over_many_turns():
    journal = filled(10, 3_500)
    first = next(journal.since(10)).changes[0]
    journal.append(entry(12))
    assert journal.compacted == 11
    assert sys.getrefcount(first) == 3  # of this function, of the call, and not yet freed
    assert turns_to_free(journal, first) == 4
    assert journal.dropped == []


def test_a_full_journal_that_is_reset_is_freed_over_many_turns():
    journal = filled(50_000, *[1] * 2_500, 3_500)
    one, many = (item.changes[0] for item in list(journal.since(10))[-2:])
    journal.reset(20, "h20")
    assert turns_to_free(journal, one) == 3 + 4
    assert turns_to_free(journal, many) == 0


def test_little_is_dropped_at_once():
    journal = filled(10, *[1] * 20)
    assert journal.dropped == []
