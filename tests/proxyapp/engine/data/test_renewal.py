from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from proxyapp.engine.data.renewal import Renewal
from proxyapp.engine.data.store import Store
from tests.proxyapp.engine.bench import STEADY, gone, record

steps = st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["a", "b", None])), max_size=12)


def filled(store, steps):
    for dbid, name in steps:
        store.put(gone("skill", dbid) if name is None else record("skill", dbid, 1, name=name))
    return store


def rows(store):
    return [row.record() for table in store.tables.values() for row in table.rows()]


@STEADY
@given(steps, steps)
def test_the_differences_make_the_store_equal_to_the_new_data(old, new):
    store, wanted = filled(Store(), old), filled(Store(), new)
    renewal = filled(Renewal(store), new)
    assert renewal.tree == wanted.tree
    for item in list(renewal.differences()):
        if item is not None:
            store.put(item)
    assert rows(store) == rows(wanted)


@STEADY
@given(steps)
def test_equal_data_have_no_difference(old):
    store = filled(Store(), old)
    renewal = filled(Renewal(store), old)
    assert not any(renewal.differences())


def test_grants_places_and_verifiers_are_part_of_a_record():
    first = record("skill", 1, 1, name="a")
    for other in (
        record("skill", 1, 2, name="a"),
        record("skill", 1, 1, name="a", acl=[(3, 100, 1)]),
        record("skill", 1, 1, name="a", verifier="v"),
    ):
        store = Store()
        store.put(first)
        renewal = Renewal(store)
        renewal.put(other)
        assert next(iter(renewal.differences())) == other
