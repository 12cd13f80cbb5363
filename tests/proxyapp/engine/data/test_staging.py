"""A store that took a transaction in by staging is the store that took it in record by record."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from confwire.messages import Record
from proxyapp.engine.data.journal import Change
from proxyapp.engine.data.staging import Staging
from proxyapp.engine.data.store import Store
from proxyapp.engine.reading.gathering import by_name
from tests.proxyapp.engine.bench import FOLDER, OTHER, STEADY, T, environment, gone, record


def loaded(records: list[Record]) -> Store:
    store = Store()
    for item in records:
        store.put(item)
    return store


def stage(store: Store, records: list[Record]) -> Staging:
    staging = Staging(store)
    for item in records:
        staging.add(item)
    return staging


def put(store: Store, item: Record) -> Change | None:
    old, new = store.put(item)
    return None if old is None and new is None else Change(item.type, item.dbid, old, new)


def contents(store: Store) -> dict[str, object]:
    """Return all that readers can find in a store, and how they find it."""
    rows = [row for table in store.tables.values() for row in table.rows()]
    skills = store.tables[T["skill"]]
    return {
        "tree": store.tree,
        "count": (store.count, {type_: table.count for type_, table in store.tables.items()}),
        "rows": [(row.type, row.dbid, row.body, row.node.container) for row in rows],
        "names": {row.name: [r.dbid for r in skills.named(row.name)] for row in rows},
        "folders": {key: list(found.walk()) for key, found in skills.by_folder.items()},
        "order": [by_name(row) for rows in skills.batches_by_name() for row in rows],
        "options": [list(skills.by_option.find(("userProperties", "s", o)).walk()) for o in "xyz"],
        "tenants": {key: list(found.walk()) for key, found in skills.by_tenant.items()},
    }


def some_records(random: Random, count: int) -> list[Record]:
    """Return records of skills, of a folder and with grants, each object once."""
    records = []
    for dbid in random.sample(range(590, 590 + 2 * count), count):
        choice = random.random()
        if choice < 0.3:
            records.append(gone("skill", dbid))
            continue
        acl = [(21, 201, 1)] if choice > 0.9 else None
        name = random.choice(["Same", "same", "Other", f"Skill {dbid}"])
        folder, tenant = random.choice([FOLDER, OTHER, 700]), random.choice([1, 2])
        annex = {"s": {random.choice("xyz"): "1"}}
        records.append(
            record("skill", dbid, folder, acl, name=name, tenantDBID=tenant, userProperties=annex)
        )
    owner = {"objectType": "tenant", "DBID": 1}
    records.append(record("folder", 700, FOLDER, name="New", type="skill", owner=owner))
    random.shuffle(records)
    return records


@STEADY
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_staging_leads_to_the_same_store(seed, count):
    random = Random(seed)
    before = environment() + some_records(random, count)[: count // 2]
    records = some_records(random, count)
    plain, staged = loaded(before), loaded(before)
    expected = [change for item in records if (change := put(plain, item))]
    changes = stage(staged, records).flip(lambda item: put(staged, item))
    assert contents(staged) == contents(plain)
    assert [(c.type, c.dbid, c.old and c.old.body, c.new and c.new.body) for c in changes] == [
        (c.type, c.dbid, c.old and c.old.body, c.new and c.new.body) for c in expected
    ]


def test_names_of_a_large_transaction_stay_in_order_and_unseen_until_the_flip():
    random = Random(2)

    def named(dbids):
        return [record("skill", dbid, name=f"{random.randrange(10**6)}") for dbid in dbids]

    store = loaded(environment() + named(range(1_000, 2_500)))
    before = contents(store)
    doomed = [gone("skill", dbid) for dbid in range(1_200, 2_000)]
    staging = stage(store, [*named(range(2_000, 5_000)), *doomed])
    assert contents(store) == before
    staging.flip(lambda item: put(store, item))
    rows = store.tables[T["skill"]].rows()
    assert contents(store)["order"] == sorted((row.name.casefold(), row.dbid) for row in rows)


@STEADY
@given(st.integers(0, 2**32))
def test_until_the_flip_readers_see_the_store_as_it_was(seed):
    random = Random(seed)
    store = loaded(environment())
    before = contents(store)
    staging = stage(store, some_records(random, 40))
    assert contents(store) == before
    staging.flip(lambda item: put(store, item))
    assert contents(store) != before


def test_a_walk_that_is_under_way_goes_on_with_what_the_flip_has_brought():
    store = loaded([record("skill", dbid, FOLDER, name="old") for dbid in (601, 602, 603)])
    walk = store.tables[T["skill"]].rows()
    assert next(walk).dbid == 601
    changed = [gone("skill", 602), record("skill", 603, FOLDER, name="new")]
    stage(store, changed).flip(lambda item: put(store, item))
    assert [(row.dbid, row.name) for row in walk] == [(603, "new")]
