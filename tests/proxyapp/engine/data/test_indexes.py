from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxyapp.engine.data.indexes import IN_PLACE, Names, Options, Postings
from tests.proxyapp.engine.bench import STEADY

dbids = st.integers(1, 40_000)  # of several pages


@STEADY
@given(st.lists(st.tuples(dbids, st.booleans())), dbids)
def test_postings_are_an_ordered_set(steps, after):
    postings, held = Postings(), set()
    for dbid, out in steps:
        if out:
            postings.discard(dbid)
            held.discard(dbid)
        else:
            postings.add(dbid)
            held.add(dbid)
    assert list(postings.walk()) == sorted(held)
    assert list(postings.walk(after)) == sorted(dbid for dbid in held if dbid > after)
    assert all((dbid in postings) is (dbid in held) for dbid, _ in steps)
    assert bool(postings) is bool(held)


def test_postings_may_change_while_they_are_walked():
    postings = Postings()
    for dbid in (1, 2, 20_000, 40_000):
        postings.add(dbid)
    walk = postings.walk()
    seen = [next(walk)]
    postings.add(3)
    postings.discard(20_000)
    postings.add(40_001)
    assert seen + list(walk) == [1, 2, 40_000, 40_001]


@STEADY
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9)), unique=True))
def test_names_find_what_was_added_in_the_order_of_dbids(pairs):
    names = Names()
    for key, dbid in pairs:
        names.add(key, dbid, IN_PLACE)
    for key in "abc":
        held = sorted(dbid for name, dbid in pairs if name == key)
        assert [dbid for dbid in names.find(key) if dbid in held] == held
    for key, dbid in pairs:
        names.discard(key, dbid, IN_PLACE)
    assert not any(names.find(key) for key in "abc")


def test_names_tell_large_dbids_apart():
    names = Names()
    for dbid in (2**40 - 1, 1):
        names.add("a", dbid, IN_PLACE)
    assert list(names.find("a")) == [1, 2**40 - 1]


def test_an_option_is_known_of_one_or_of_many():
    index = Options()
    key = ("options", "s", "o")
    index.discard(key, 1)
    for dbids in ([7], [7, 9], [7, 8, 9], [8, 9], [9], []):
        for dbid in (7, 8, 9):
            for _ in range(2):  # the second time changes nothing
                (index.add if dbid in dbids else index.discard)(key, dbid)
        assert list(index.find(key).walk()) == dbids
        assert list(index.find(key).walk(7)) == [dbid for dbid in dbids if dbid > 7]
    assert list(index.find(("options", "s", "p")).walk()) == []
