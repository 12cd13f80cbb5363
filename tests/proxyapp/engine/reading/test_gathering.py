"""Lists beside an oracle, while the data changes under them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confwire.messages import Record
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    FOLDER,
    INNER,
    OTHER,
    STEADY,
    Bench,
    Database,
    T,
    documents,
    environment,
    gone,
    master,
    record,
    settings,
    skills,
)

COUNT = 2_600
SKILL = T["skill"]
NAMES = ("Anna", "anna", "Bob", "bo", "Ä", "ÄB", "")
Document = dict[str, Any]


class Skills:
    """Skills that change at random, and what a read of them must find."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.bench: Bench = master()
        self.bench.commit(*(self.some_skill(dbid) for dbid in range(1_000, 1_000 + COUNT)))
        self.history: dict[int, list[Record]] = {}

    def some_skill(self, dbid: int) -> Record:
        random = self.random
        name = random.choice(NAMES) + random.choice(("", str(random.randrange(COUNT))))
        state = random.choice(("enabled", "enabled", "disabled"))
        annex = {"s": {random.choice("xy"): random.choice("12")}}
        folder = random.choice((FOLDER, FOLDER, FOLDER, INNER, OTHER))
        tenant = random.choice((1, 1, 2))
        return record(
            "skill", dbid, folder, name=name, state=state, tenantDBID=tenant, userProperties=annex
        )

    def change(self) -> None:
        dbids = self.random.sample(range(990, 1_010 + COUNT), self.random.choice((1, 3, 300)))
        self.bench.commit(
            *(
                gone("skill", dbid) if self.random.random() < 0.3 else self.some_skill(dbid)
                for dbid in dbids
            )
        )
        self.remember()

    def remember(self) -> None:
        database = self.bench.database
        self.history[database.revision] = [
            item for (kind, _), item in database.records.items() if kind == SKILL
        ]

    def some_request(self) -> Document:
        random = self.random
        choices: Document = {
            "folder_dbid": random.choice((FOLDER, INNER, OTHER)),
            "tenant_dbid": random.choice((1, 2)),
            "state": "enabled",
            "name": random.choice(("anna", "B*", "*1*", "ä*")),
            "annex": random.choice(("s/x", "S/Y", "s/x=1", "s/*=2")),
        }
        keys = random.sample(sorted(choices), random.choice((0, 0, 1, 1, 2)))
        request: Document = {"filter": {key: choices[key] for key in keys}}
        if random.random() < 0.6:
            request |= {"order": "name", "limit": random.choice((1, 50, 1_000))}
            if random.random() < 0.5:
                request |= {"afterName": random.choice((*NAMES, "zz")), "after": 2_000}
        else:
            request |= {"limit": random.choice((0, 0, 1, 50, 1_500, 9_000))}
            request |= {"after": random.choice((0, 0, 1_500))}
        return request

    def expected(self, request: Document, revision: int) -> list[int]:
        found = []
        for item in self.history[revision]:
            document = json.loads(bytes(item.body))
            if item.folder != OTHER and _matches(document, request["filter"]):
                place = (document["name"].casefold(), item.dbid)
                if request.get("order") != "name":
                    place = ("", item.dbid)
                if place > (request.get("afterName", "").casefold(), request.get("after", 0)):
                    found.append(place)
        return [dbid for _, dbid in sorted(found)[: request["limit"] or None]]


def _matches(document: Document, conditions: Document) -> bool:
    name = document["name"].casefold()
    annex = {
        (option, value)
        for options in document["userProperties"].values()
        for option, value in options.items()
    }
    tests = {
        "folder_dbid": lambda wanted: document["folderDBID"] == wanted,
        "tenant_dbid": lambda wanted: document["tenantDBID"] == wanted,
        "state": lambda wanted: document["state"] == wanted,
        "name": lambda wanted: {
            "anna": name == "anna", "B*": name[:1] == "b", "*1*": "1" in name, "ä*": name[:1] == "ä"
        }[wanted],
        "annex": lambda wanted: any(
            option in ("x" if "x" in wanted else "y" if "Y" in wanted else "xy")
            and value in (wanted[-1] if "=" in wanted else "12")
            for option, value in annex
        ),
    }  # fmt: skip
    return all(tests[key](wanted) for key, wanted in conditions.items())


@STEADY
@given(st.integers(0, 2**32))
def test_a_list_shows_one_revision_whatever_changes_under_it(seed):
    world = Skills(seed)
    world.bench.commit(*(gone("skill", dbid) for dbid in (601, 602, 603)))
    world.remember()
    bob = world.bench.login("bob")
    for _ in range(4):
        request = world.some_request()
        world.bench.hold_again = True
        bob.inbox.clear()
        bob.post("readObjects", objectType="skill", **request)
        while not bob.inbox:
            if world.random.random() < 0.5:
                world.change()
            world.bench.turn()
        world.bench.settle()
        found = [document["DBID"] for document in documents(bob.inbox)]
        assert found == world.expected(request, bob.inbox[0]["revision"]), request
        assert bob.inbox[0]["total"] == len(found)


def test_every_object_is_on_one_page_by_name():
    world = Skills(5)
    world.bench.commit(gone("skill", 601), gone("skill", 602))
    world.remember()
    bob = world.bench.login("bob")
    found, after = [], {}
    while True:
        page = list(
            documents(bob.ask("readBrief", objectType="skill", order="name", limit=200, **after))
        )
        found += [document["DBID"] for document in page]
        if len(page) < 200:
            break
        after = {"afterName": page[-1]["name"], "after": page[-1]["DBID"]}
    everything = {"filter": {}, "order": "name", "limit": 0}
    assert found == world.expected(everything, world.bench.database.revision)


def test_persons_are_in_the_order_of_their_user_names():
    acl = [(21, 201, 1)]
    bench = master()
    bench.commit(
        *(
            record("person", dbid, acl=acl, userName=name, firstName="x")
            for dbid, name in ((300, "zoe"), (301, "Änne"), (302, "Max"))
        )
    )
    answers = bench.login("bob").ask("readObjects", objectType="person", order="name", limit=9)
    assert [document["userName"] for document in documents(answers)] == ["Max", "zoe", "Änne"]


@pytest.mark.parametrize(
    "page",
    [{"order": "name"}, {"order": "name", "limit": 1_001}, {"order": "age", "limit": 1},
     {"afterName": "x", "limit": 1}],
)  # fmt: skip
def test_a_page_that_makes_no_sense_is_refused(bench, page):
    bob = bench.login("bob")
    assert bob.error("readBrief", objectType="skill", **page) == "invalidParameter"


def test_a_list_by_name_waits_until_the_index_is_made():
    bench = Bench(Node.for_master(settings()), Database(environment() + skills(600)))
    bench.hold_again = True
    bench.load()
    bob = bench.login("bob")
    bob.post("readBrief", objectType="skill", order="name", limit=1)
    bench.turn()
    assert bob.inbox == []
    bob.post("readBrief", objectType="skill", filter={"annex": "s/o"})
    bob.post("readBrief", objectType="skill")
    bench.settle()
    assert [message["total"] for message in bob.inbox] == [1, 0, 602]
