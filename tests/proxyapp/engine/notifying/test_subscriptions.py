from __future__ import annotations

import pytest

from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.store import Store
from proxyapp.engine.notifying.subscriptions import Spec, Subscriptions, View
from tests.proxyapp.engine.bench import FOLDER, INNER, OTHER, T, environment

SKILL, FOLDERS = T["skill"], T["folder"]


@pytest.fixture(scope="module")
def store() -> Store:
    made = Store()
    for item in environment():
        made.put(item)
    return made


def seen(store: Store, spec: Spec) -> set[tuple[int, int]]:
    rows = (row for table in store.tables.values() for row in table.rows())
    return {(row.type, row.dbid) for row in rows if spec.matches(row, store)}


def test_no_condition_is_everything(store):
    assert len(seen(store, Spec())) == store.count


def test_all_conditions_must_hold(store):
    assert seen(store, Spec(types=frozenset({SKILL}))) == {(SKILL, n) for n in (601, 602, 603)}
    spec = Spec(types=frozenset({SKILL}), folders=frozenset({INNER, OTHER}))
    assert seen(store, spec) == {(SKILL, 602), (SKILL, 603)}
    spec = Spec(objects=frozenset({(SKILL, 601), (FOLDERS, INNER)}), types=frozenset({SKILL}))
    assert seen(store, spec) == {(SKILL, 601)}
    assert seen(store, Spec(types=frozenset({SKILL}), tenants=frozenset({2}))) == set()
    assert seen(store, Spec(types=frozenset({SKILL}), predicate=lambda row: row.dbid == 602)) == {
        (SKILL, 602)
    }


def test_a_folder_takes_in_itself_and_all_below(store):
    assert seen(store, Spec(folders=frozenset({FOLDER}))) == {
        (FOLDERS, FOLDER), (FOLDERS, INNER), (SKILL, 601), (SKILL, 602),
    }  # fmt: skip


def test_equal_subscriptions_are_interchangeable_and_others_are_not():
    one = Spec(types=frozenset({SKILL}), filter_=(("state", 1),))
    assert one == Spec(types=frozenset({SKILL}), filter_=(("state", 1),))
    assert one != Spec(types=frozenset({SKILL}), filter_=(("state", True),))
    assert one != Spec(types=frozenset({SKILL}), filter_=(("state", 1),), mode="state")
    assert one != "a subscription"
    assert len({one, Spec(), Spec()}) == 2


def test_one_log_subscription_is_enough_for_deltas(store):
    row = store.get(SKILL, 601)
    state, log = Spec(mode="state"), Spec(types=frozenset({SKILL}))
    profile = ServerProfile()
    assert View(profile, frozenset({state})).mode_of(row, store) == "state"
    assert View(profile, frozenset({state, log})).mode_of(row, store) == "log"
    other = View(profile, frozenset({Spec(types=frozenset({FOLDERS}))}))
    assert other.mode_of(row, store) is None
    assert not other.sees(row, store)
    assert not View(Profile(frozenset()), frozenset({log})).sees(row, store)


def test_sessions_with_the_same_wishes_share_a_view_until_the_last_leaves():
    subscriptions, profile = Subscriptions(), ServerProfile()
    first = subscriptions.join(1, profile, frozenset({Spec()}))
    assert subscriptions.join(2, profile, frozenset({Spec()})) is first
    assert subscriptions.join(3, ServerProfile(), frozenset({Spec()})) is not first
    subscriptions.leave(1, first)
    assert first in list(subscriptions)
    subscriptions.leave(2, first)
    assert len(subscriptions) == 1


def test_a_view_is_found_by_what_can_concern_it_and_by_nothing_else():
    subscriptions, profile = Subscriptions(), ServerProfile()
    everything = subscriptions.join(1, profile, frozenset({Spec()}))
    skills = subscriptions.join(2, profile, frozenset({Spec(types=frozenset({SKILL}))}))
    wish = frozenset({Spec(objects=frozenset({(SKILL, 601), (SKILL, 602)}))})
    two = subscriptions.join(3, profile, wish)
    assert subscriptions.concerned(SKILL, 601) == {everything, skills, two}
    assert subscriptions.concerned(SKILL, 603) == {everything, skills}
    assert subscriptions.concerned(FOLDERS, 601) == {everything}
    for connection, view in ((1, everything), (2, skills), (3, two)):
        subscriptions.leave(connection, view)
    assert subscriptions.concerned(SKILL, 601) == set()
