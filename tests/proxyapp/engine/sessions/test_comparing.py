"""What differs between two moments is what the states at both say, of what may be read now."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from proxyapp.engine import events
from tests.proxyapp.engine.bench import (
    BOB,
    FOLDER,
    OTHER,
    Client,
    Proxy,
    T,
    gone,
    master,
    record,
    skills,
)


def skill(dbid: int, name: str, folder: int = FOLDER, **more: Any) -> Any:
    return record("skill", dbid, folder, name=name, tenantDBID=1, **more)


def differing(client: Client, revision: int, until: int | None = None, **more: Any) -> Any:
    """Return (kind, names) of all pages, by DBID."""
    found: dict[int, tuple[Any, ...]] = {}
    fields: dict[str, Any] = {"objectType": "skill", "revision": revision, **more}
    if until is not None:
        fields["until"] = until
    while True:
        (answer,) = client.ask("comparePast", **fields)
        assert answer["message"] == "pastCompared", answer
        for change in answer["changes"]:
            assert change["DBID"] not in found
            names = [change.get(part, {}).get("name") for part in ("former", "delta", "object")]
            found[change["DBID"]] = (change["change"], *(name for name in names if name))
        if "next" not in answer:
            return found
        assert answer["next"]["DBID"] in found, "a page that ends at nothing that is shown"
        fields["after"] = answer["next"]


def test_made_changed_and_deleted_objects_differ(bench):
    bob = bench.login("bob")
    bench.commit(skill(700, "a"), skill(701, "b"))
    bench.commit(skill(700, "A"), gone("skill", 701), skill(702, "c"))
    bench.commit(skill(700, "later"), skill(703, "later"))
    assert differing(bob, 2, 3) == {
        700: ("updated", "a", "A"), 701: ("deleted", "b"), 702: ("created", "c"),
    }  # fmt: skip
    assert differing(bob, 2)[700] == ("updated", "a", "later")
    assert differing(bob, 4) == {}


def test_what_is_as_it_was_does_not_differ(bench):
    for change in (skill(700, "a"), skill(700, "b"), skill(700, "a"), gone("skill", 700)):
        bench.commit(change)
    assert differing(bench.login("bob"), 2, 4) == {}
    assert differing(bench.login("bob"), 1, 5) == {}


def test_no_page_ends_at_what_may_not_be_seen(bench):
    hidden = [skill(dbid, "hidden", OTHER) for dbid in range(1000, 3500)]
    bench.commit(*hidden, skill(9000, "seen"))
    assert differing(bench.login("bob"), 1) == {9000: ("created", "seen")}
    assert differing(bench.login("eve"), 1) == {}


def test_no_page_of_the_history_ends_at_what_may_not_be_seen(bench):
    bench.log.pairs = [
        events.PastPair(T["skill"], dbid, (OTHER, []), None, (OTHER, b'{"DBID":%d}' % dbid))
        for dbid in (*range(500, 510), 601, *range(690, 700))
    ]
    assert differing(bench.login("bob"), 0).keys() == {601}
    assert differing(bench.login("eve"), 0) == {}


def test_a_comparison_is_of_a_name_a_folder_or_all_types(bench):
    bob = bench.login("bob")
    bench.commit(skill(700, "one"), skill(701, "two"))
    bench.commit(skill(700, "three"), skill(701, "four"))
    assert differing(bob, 2, name="O*").keys() == {700}
    assert differing(bob, 2, name="FOUR").keys() == {701}
    assert differing(bob, 2, DBID=701).keys() == {701}
    assert differing(bob, 2, folderDBID=FOLDER).keys() == {700, 701}
    assert differing(bob, 2, folderDBID=FOLDER + 9000) == {}
    assert differing(bob, 2, tenantDBID=1).keys() == {700, 701}
    assert differing(bob, 2, tenantDBID=2) == {}
    assert differing(bob, 2, objectType="").keys() == {700, 701}


def test_only_what_may_be_read_now_is_told(bench):
    bench.commit(skill(700, "moved"), skill(701, "gone"), skill(702, "granted", OTHER))
    bench.commit(skill(700, "moved", OTHER), gone("skill", 701))
    bench.commit(skill(702, "granted now", OTHER, acl=[(3, BOB, 1)]))
    assert differing(bench.login("bob"), 1, 4).keys() == {702}
    assert differing(bench.login("bob"), 2, 4).keys() == {701, 702}
    assert differing(bench.login("eve"), 1) == {}


@pytest.mark.parametrize("limit", [1, 7, 0])
def test_pages_bring_all_once_however_many(bench, limit):
    count = 60 if limit else 4500
    bench.commit(*skills(count, description="x" * 40))
    assert len(differing(bench.login("bob"), 1, limit=limit)) == count


@pytest.mark.parametrize("seed", range(4))
def test_any_two_revisions_differ_as_their_states_do(bench, seed):
    rng = random.Random(seed)
    states: dict[int, dict[int, str]] = {1: {}}
    for revision in range(2, 25):
        state, changes = dict(states[revision - 1]), []
        for dbid in rng.sample(range(700, 712), rng.randint(1, 4)):
            if dbid in state and rng.random() < 0.4:
                del state[dbid]
                changes.append(gone("skill", dbid))
            else:
                state[dbid] = rng.choice("abc")
                changes.append(skill(dbid, state[dbid]))
        bench.commit(*changes)
        states[revision] = state
    bob = bench.login("bob")
    for _ in range(40):
        begin, end = sorted(rng.choices(list(states), k=2))
        old, new = states[begin], states[end]
        expected = {dbid for dbid in old.keys() | new if old.get(dbid) != new.get(dbid)}
        assert differing(bob, begin, end, limit=rng.randint(0, 4)).keys() == expected


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"revision": 2, "until": 1},
        {"revision": 1, "until": 9},
        {"revision": 1, "time": 5.0},
        {"revision": 1, "until": 1, "untilTime": 5.0},
        {"revision": 1, "DBID": 5},
        {"revision": 1, "folderDBID": -1},
        {"revision": 1, "objectType": "nothing"},
        {"revision": 1, "after": {"objectType": "nothing", "DBID": 1}},
        {"revision": 1, "after": {"objectType": "skill", "DBID": -1}},
    ],
)
def test_nonsense_is_refused(bench, request_):
    bench.commit(skill(700, "a"))
    assert bench.login("bob").error("comparePast", **request_) == "invalidParameter"


def test_a_proxy_says_how_far_back_it_goes():
    proxy = Proxy(master())
    proxy.start()
    (answer,) = proxy.login("bob").ask("comparePast", revision=0)
    assert (answer["code"], answer["data"]["oldest"]) == ("historyExpired", 1)


def test_what_is_older_is_found_in_the_history_and_judged_here(bench):
    def body(dbid: int, name: str) -> tuple[int, bytes]:
        document = {"DBID": dbid, "name": name, "folderDBID": FOLDER, "tenantDBID": 1}
        return FOLDER, json.dumps(document).encode()

    bench.log.pairs = [
        events.PastPair(T["skill"], 601, None, body(601, "x"), body(601, "y")),
        events.PastPair(T["skill"], 690, (FOLDER, []), body(690, "z"), None),
        events.PastPair(T["skill"], 691, (OTHER, []), body(691, "z"), None),
        events.PastPair(T["skill"], 602, None, body(602, "same"), body(602, "same")),
    ]
    bob = bench.login("bob")
    assert differing(bob, 0) == {601: ("updated", "x", "y"), 690: ("deleted", "z")}
    assert differing(bob, 0, name="Y").keys() == {601}
    assert differing(bob, 0, tenantDBID=3) == {}
    assert differing(bench.login("eve"), 0) == {}


def test_a_history_that_cannot_be_read_is_said(bench):
    bench.log.pairs = None
    assert bench.login("bob").error("comparePast", revision=0) == "databaseUnavailable"
