from __future__ import annotations

from itertools import chain

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from confwire.messages import Record
from proxyapp.engine.data.indexes import Postings
from proxyapp.engine.data.journal import GONE, record_digest
from proxyapp.engine.data.store import Store
from proxyapp.engine.reading.gathering import by_name
from tests.proxyapp.engine.bench import STEADY, T, environment, gone, record

SKILL, FOLDER = T["skill"], T["folder"]
OWNER = {"objectType": "tenant", "DBID": 7}

puts = st.tuples(
    st.integers(1, 700), st.sampled_from(["", "a", "A", "ß", "SS"]), st.integers(0, 3),
    st.integers(0, 2), st.sets(st.sampled_from("XY")), st.booleans(),
)  # fmt: skip


def take(store, step):
    """Let a store take a step; return its record."""
    dbid, name, folder, tenant, options, is_gone = step
    annex = {"S": dict.fromkeys(options, 1)}
    item = record("skill", dbid, folder, name=name, tenantDBID=tenant, userProperties=annex)
    if is_gone:
        item = gone("skill", dbid)
    store.put(item)
    return item


@STEADY
@given(st.lists(puts, max_size=60))
def test_every_index_tells_the_same_as_the_rows(steps):
    store, held = Store(), {}
    for step in steps:
        item = take(store, step)
        held.pop(item.dbid, None)
        if item.body != GONE:
            held[item.dbid] = item
    table = store.tables[SKILL]
    rows = list(table.rows())
    assert [row.dbid for row in rows] == sorted(held)
    assert [row.record() for row in rows] == [held[dbid] for dbid in sorted(held)]
    assert store.count == table.count == len(held)
    assert store.tree == sum(map(record_digest, held.values())) % (1 << 128)
    for name in ("", "a", "ss", "b"):
        found = [row.dbid for row in rows if row.name.casefold() == name]
        assert [row.dbid for row in table.named(name.upper())] == found
    for number in range(4):
        inside = [row.dbid for row in rows if row.folder == number]
        assert list(table.by_folder.get(number, Postings()).walk()) == inside
        owned = [row.dbid for row in rows if row.tenant == number]
        assert list(table.by_tenant.get(number, Postings()).walk()) == owned
    assert list(chain(*table.batches_by_name())) == sorted(rows, key=by_name)
    assert list(chain(*table.batches_by_name(("a", 300)))) == [
        row for row in sorted(rows, key=by_name) if by_name(row) > ("a", 300)
    ]
    for number in range(4):
        inside = [row for row in sorted(rows, key=by_name) if row.folder == number]
        assert list(chain(*table.batches_by_name(folder=number))) == inside
        behind = [row for row in inside if by_name(row) > ("a", 300)]
        assert list(chain(*table.batches_by_name(("a", 300), number))) == behind
    for option in ("x", "y"):
        having = [row.dbid for row in rows if f'"{option.upper()}":'.encode() in row.body]
        assert list(table.by_option.find(("userProperties", "s", option)).walk()) == having
    assert 3 in table.by_folder or not any(row.folder == 3 for row in rows)


@STEADY
@given(st.lists(puts, max_size=60), st.lists(puts, max_size=60))
def test_indexes_that_a_load_left_are_made_while_the_data_changes(load, changes):
    store = Store(indexed=False)
    for step in load:
        take(store, step)
    table = store.tables[SKILL]
    indexing = store.index()
    for number, step in enumerate(changes):
        take(store, step)
        if number % 7 == 0:
            next(indexing, None)
    assert not any(indexing)
    assert table.is_indexed
    rows = list(table.rows())
    assert list(chain(*table.batches_by_name())) == sorted(rows, key=by_name)
    for number in range(4):
        inside = [row for row in sorted(rows, key=by_name) if row.folder == number]
        assert list(chain(*table.batches_by_name(folder=number))) == inside
        behind = [row for row in inside if by_name(row) > ("a", 300)]
        assert list(chain(*table.batches_by_name(("a", 300), number))) == behind
    for option in ("x", "y"):
        having = [row.dbid for row in rows if f'"{option.upper()}":'.encode() in row.body]
        assert list(table.by_option.find(("userProperties", "s", option)).walk()) == having


def test_rows_may_come_and_go_while_they_are_walked():
    store = Store()
    for dbid in (1, 2, 300, 301, 900):
        store.put(record("skill", dbid, name="x"))
    walk = store.tables[SKILL].rows()
    seen = [next(walk).dbid]
    store.put(gone("skill", 2))
    store.put(gone("skill", 300))
    store.put(gone("skill", 301))
    store.put(record("skill", 902, name="x"))
    seen += [row.dbid for row in walk]
    assert seen == [1, 900, 902]
    assert [row.dbid for row in store.tables[SKILL].rows(after=900)] == [902]


def test_people_call_objects_by_the_field_of_their_type():
    store = Store()
    named = [
        record("person", 1, userName="bob", name="no"),
        record("dn", 1, number="7001", name="no"),
        record("agentLogin", 1, loginCode="5001"),
        record("ivrPort", 1, portNumber="12"),
        record("skill", 1, name="s"),
        record("personLastLogin", 1),
    ]
    rows = [store.put(item)[1] for item in named]
    assert [row.name for row in rows] == ["bob", "7001", "5001", "12", "s", ""]


def test_a_tenant_and_the_folders_of_a_tenant_belong_to_it():
    store = Store()
    assert store.put(record("tenant", 7, name="t"))[1].tenant == 7
    assert store.put(record("folder", 1, name="f", owner=OWNER))[1].tenant == 7
    assert store.put(record("skill", 1, tenantDBID=3, name="s"))[1].tenant == 3


def test_rows_share_the_numbers_of_their_places():
    store = Store()
    first, second = (
        store.put(msgspec.json.decode(msgspec.json.encode(item), type=Record))[1]
        for item in (record("skill", dbid, 5000, name="s", tenantDBID=6000) for dbid in (1, 2))
    )
    assert first.folder is second.folder
    assert first.tenant is second.tenant


def test_a_change_tells_the_row_before_and_the_row_now():
    store = Store()
    first = store.put(record("skill", 1, name="a"))
    second = store.put(record("skill", 1, name="b"))
    third = store.put(gone("skill", 1))
    assert (first[0], second[0], third) == (None, first[1], (second[1], None))
    assert store.put(gone("skill", 1)) == (None, None)
    assert (store.count, store.tree) == (0, 0)


def test_a_path_names_folders_from_the_top_and_survives_a_circle():
    store = Store()
    for dbid, folder in ((1, 0), (2, 1), (3, 2), (8, 9), (9, 8)):
        store.put(record("folder", dbid, folder, name=f"F{dbid}", owner=OWNER))
    assert store.path(3, lambda row: True) == "F1/F2/F3"
    assert store.path(3, lambda row: row.dbid != 1) == "F2/F3"
    assert store.path(3, lambda row: row.dbid == 1) == ""
    assert store.path(0, lambda row: True) == ""
    assert store.path(8, lambda row: True) == "F9/F8"


def test_ancestors_lead_through_the_object_that_owns_a_folder():
    store = Store()
    store.put(record("folder", 1, name="Switches", owner=OWNER))
    store.put(record("switch", 70, 1, name="S", tenantDBID=1))
    owner = {"objectType": "switch", "DBID": 70}
    store.put(record("folder", 2, name="DNs", owner=owner))
    store.put(record("folder", 3, 2, name="Inner", owner=owner))
    assert list(store.ancestors(3)) == [3, 2, 1]
    assert list(store.ancestors(9)) == []


def test_an_object_that_is_set_apart_has_a_node_of_its_own_for_good():
    store = Store()
    for item in (record("folder", 1), record("folder", 2, 1), record("folder", 3, 1)):
        store.put(item)
    former, tree = store.get(T["folder"], 2).node, store.tree
    made = store.set_apart([(T["folder"], 2), (T["folder"], 4)])
    node = store.get(T["folder"], 2).node
    assert made == {node: former}
    assert node.parent is former
    assert [row.dbid for row in store.rows_at(former)] == [3]
    assert [row.dbid for row in store.rows_at(node)] == [2]
    assert store.tree == tree, "it is another node, not another object"
    assert store.set_apart([(T["folder"], 2)]) == {}
    store.put(record("folder", 2, 3, name="moved"))
    store.put(record("folder", 4, 1))
    assert store.get(T["folder"], 2).node is node
    assert store.get(T["folder"], 4).node is not former
    store.put(gone("folder", 2))
    assert store.rights.own((T["folder"], 2)) is None


def test_what_a_rights_node_governs_is_found_back():
    store = Store()
    for item in environment():
        store.put(item)
    for table in store.tables.values():
        for row in table.rows():
            assert row in list(store.rows_at(row.node))
