"""Who may be told which grants, and why an account has its rights."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from confwire.messages import UpdatePermissions
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import BOB, EVE, FOLDER, USERS, Bench, Client, Proxy, record


def ask(client: Client, object_type: str, dbid: int, person: int = 0) -> dict[str, Any]:
    (answer,) = client.ask("readPermissions", objectType=object_type, DBID=dbid, personDBID=person)
    return answer


@pytest.fixture
def boss(bench: Bench) -> Client:
    """A person who may read permissions on all skills, and the other persons."""
    acl = [(21, USERS, 1), (3, 100, 33)]
    owner = {"objectType": "tenant", "DBID": 1}
    bench.commit(record("folder", FOLDER, name="Skills", type="skill", owner=owner, acl=acl))
    bench.commit(
        record("skill", 601, FOLDER, name="x", tenantDBID=1, acl=[(3, BOB, 5 | 128)]),
        record("person", BOB, FOLDER, userName="bob", tenantDBID=1,
               verifier=bench.database.records[3, BOB].verifier),
        record("application", 100, 500, name="default", type="sce",
               acl=[(21, USERS, 9), (3, EVE, 9), (3, 100, 9)]),
    )  # fmt: skip
    return bench.login("default")


def test_the_grants_are_told_to_who_may_read_them(boss: Client) -> None:
    answer = ask(boss, "skill", 601)
    assert answer["permissions"] == [{"subjectType": "person", "subjectDBID": BOB, "mask": 133}]
    assert "mask" not in answer
    assert ask(boss, "skill", 602)["permissions"] == []


def test_the_rights_of_another_are_explained(boss: Client) -> None:
    answer = ask(boss, "skill", 601, BOB)
    assert answer["mask"] == 5
    assert answer["because"] == [
        {"subjectType": "person", "subjectDBID": BOB, "mask": 5, "objectType": "skill",
         "DBID": 601},
        {"subjectType": "accessGroup", "subjectDBID": USERS, "mask": 1, "objectType": "folder",
         "DBID": FOLDER},
    ]  # fmt: skip


def test_everybody_learns_the_own_rights_and_no_more(bench: Bench, boss: Client) -> None:
    bob = bench.login("bob")
    answer = ask(bob, "skill", 601, BOB)
    assert answer["mask"] == 5
    assert "permissions" not in answer
    for person in (0, 100, EVE):
        assert ask(bob, "skill", 601, person)["code"] == "noPermission"


@pytest.mark.parametrize(("object_type", "dbid"), [("skill", 603), ("skill", 999), ("switch", 1)])
def test_what_may_not_be_read_is_not_there(boss: Client, object_type: str, dbid: int) -> None:
    assert ask(boss, object_type, dbid)["code"] == "objectNotFound"


def test_a_person_that_may_not_be_read_is_not_there(boss: Client) -> None:
    assert ask(boss, "skill", 601, EVE)["code"] == "objectNotFound"
    assert ask(boss, "skill", 601, 999)["code"] == "objectNotFound"


def test_a_wrong_type_is_said(boss: Client) -> None:
    assert ask(boss, "unicorn", 1)["code"] == "invalidParameter"


def test_grants_are_set_as_a_write(bench: Bench, boss: Client) -> None:
    given = [{"subjectType": "person", "subjectDBID": BOB, "mask": 1}]
    boss.post("updatePermissions", objectType="skill", DBID=601, permissions=given, recursive=True)
    (command,) = bench.of(commands.Write)
    assert isinstance(command.request, UpdatePermissions)
    assert command.request.recursive
    assert msgspec.to_builtins(command.request.permissions) == given
    bench.handle(events.Written(command.ticket, bench.database.revision, 601))
    assert boss.inbox[-1]["message"] == "permissionsUpdated"


def test_a_proxy_answers_and_sets_nothing(bench: Bench, proxy: Proxy) -> None:
    bob = proxy.login("bob")
    assert ask(bob, "skill", 601, BOB)["mask"] == 1
    fields: dict[str, Any] = {"objectType": "skill", "DBID": 601, "permissions": []}
    assert bob.error("updatePermissions", **fields) == "readOnlyServer"


@pytest.mark.parametrize("mask", [-1, 256, "1"])
def test_a_mask_that_is_none_is_refused(boss: Client, mask: Any) -> None:
    given = [{"subjectType": "person", "subjectDBID": BOB, "mask": mask}]
    fields = {"objectType": "skill", "DBID": 601, "permissions": given}
    assert boss.error("updatePermissions", **fields) == "invalidParameter"
