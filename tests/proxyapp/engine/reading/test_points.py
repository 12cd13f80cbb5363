from __future__ import annotations

import json

import pytest

from tests.proxyapp.engine.bench import FOLDER, gone, record


def read(ref: int | str, *, object_type: str = "skill", **filter_) -> bytes:
    message = {"message": "readObjects", "ref": ref, "objectType": object_type, "filter": filter_}
    return json.dumps(message).encode()


def answers(client, *messages: bytes) -> list[tuple[int | str | None, list[int] | str]]:
    """Send the messages together; return ref and DBIDs of each answer (or the error's code)."""
    before = len(client.inbox)
    client.send(*messages)
    client.bench.settle()
    return [
        (a.get("ref"), a.get("code") or [document["DBID"] for document in a["objects"]])
        for a in client.inbox[before:]
    ]


@pytest.fixture
def bob(bench):
    return bench.login("bob")


def test_a_batch_is_answered_in_its_order(bob):
    given = [read(1, dbid=602), read("zwei", dbid=601), read(3, name="FRENCH"), read(4, dbid=602)]
    assert answers(bob, *given) == [(1, [602]), ("zwei", [601]), (3, [602]), (4, [602])]


def test_what_is_no_point_read_keeps_its_place_among_them(bob):
    given = [
        read(1, dbid=601),
        read(2),
        read(3, dbid=602),
        b'{"message":"readObjects","ref":4,"objectType":"skill","filter":{},"limit":1}',
        read(5, dbid=601),
        read(6, dbid=1, object_type="nonsense"),
        b"{not JSON",
        read(7, name="French"),
    ]
    assert answers(bob, *given) == [
        (1, [601]),
        (2, [601, 602]),
        (3, [602]),
        (4, [601]),
        (5, [601]),
        (6, "invalidParameter"),
        (None, "malformedMessage"),
        (7, [602]),
    ]


@pytest.mark.parametrize("asked", [{"dbid": 603}, {"name": "Secret"}, {"dbid": 77}, {"name": "-"}])
def test_hidden_and_absent_look_alike(bob, asked):
    assert answers(bob, read(1, **asked)) == [(1, [])]


def test_a_wildcard_and_a_name_of_two_are_searched_for(bench, bob):
    bench.commit(record("skill", 700, FOLDER, name="french", tenantDBID=1))
    assert answers(bob, read(1, name="French")) == [(1, [602, 700])]
    assert answers(bob, read(1, name="Fr*")) == [(1, [602, 700])]
    bench.commit(gone("skill", 602))
    assert answers(bob, read(1, name="French")) == [(1, [700])]


def test_each_answer_is_of_the_revision_that_it_bears(bench, bob):
    for revision in (2, 3):
        bench.commit(record("skill", 601, FOLDER, name=f"Skill of {revision}", tenantDBID=1))
        (answer,) = bob.ask("readObjects", objectType="skill", filter={"dbid": 601})
        assert (answer["revision"], answer["objects"][0]["name"]) == (
            revision,
            f"Skill of {revision}",
        )


def test_a_new_epoch_is_borne_at_once(bench, bob):
    bob.ask("readObjects", objectType="skill", filter={"dbid": 601})
    bench.database.new_epoch()
    bench.load("epoch")
    bob = bench.login("bob")
    (answer,) = bob.ask("readObjects", objectType="skill", filter={"dbid": 601})
    assert answer["epoch"] == bench.database.epoch != "e1"
