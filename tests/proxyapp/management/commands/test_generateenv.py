"""Made-up contact centres are whole, governed by rights, and the same for the same seed."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from confwire.handshake import check_password
from confwire.objects import OBJECTS, ObjectType

T = ObjectType


@contextmanager
def rolled_back() -> Iterator[None]:
    """Undo all that the block writes."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def exported() -> bytes:
    """Return the whole configuration as a file."""
    from proxyapp.services.environments.exporting import export

    return b"".join(export())


def documents(type_: ObjectType) -> list[dict[str, Any]]:
    """Return all published documents of a type."""
    from proxyapp.models import Document

    return [msgspec.json.decode(row.body) for row in Document.objects.filter(type=int(type_))]


@pytest.fixture
def centre(run: Any) -> None:
    """Make a small contact centre."""
    assert run("generateenv", agents=90, seed=3).code == 0


def test_every_change_arrives_as_it_was_made(run: Any, verify_change: Any) -> None:
    with verify_change() as transactions:
        ended = run("generateenv", agents=30, seed=3)
    assert len(transactions) == 3
    assert ended.out.splitlines()[-1].startswith("Completed. ")


def test_the_same_seed_makes_the_same_objects(run: Any) -> None:
    files = []
    for seed in (3, 3, 4):
        with rolled_back():
            run("generateenv", agents=20, seed=seed)
            files.append(exported())
    assert files[0] == files[1] != files[2]


def test_a_seed_is_refused_the_second_time_and_writes_nothing(
    run: Any, centre: None, verify_change: Any
) -> None:
    with verify_change() as transactions:
        ended = run("generateenv", agents=10, seed=3)
    assert (ended.code, transactions) == (1, [])
    assert "tenant Nordwind 3 is there already: choose another --seed" in ended.err
    assert run("generateenv", agents=10, seed=4).code == 0


def test_all_documents_have_the_form_of_their_types(run: Any, centre: None) -> None:
    from proxyapp.services import schemas

    for info in OBJECTS.values():
        for document in documents(info.type):
            given = {
                name: value for name, value in document.items() if not info.by_name[name].derived
            }
            schemas.check(info, given)


def test_agents_have_lines_logins_places_and_skills(run: Any, centre: None) -> None:
    agents = [person for person in documents(T.PERSON) if person.get("isAgent")]
    assert len(agents) == 90
    for agent in agents:
        assert agent["agentInfo"].keys() >= {"placeDBID", "skillLevels", "agentLogins"}
    assert all(len(place["dnDBIDs"]) >= 2 for place in documents(T.PLACE))


def test_names_are_of_many_scripts(run: Any) -> None:
    run("generateenv", agents=300, seed=1)
    letters = {
        unicodedata.name(letter).split()[0]
        for person in documents(T.PERSON)
        for letter in person.get("lastName", "")
    }
    assert letters >= {"LATIN", "CYRILLIC", "CJK", "ARABIC"}
    assert any("É" in person.get("firstName", "") for person in documents(T.PERSON))


def test_a_password_file_lets_all_of_them_log_in(run: Any, tmp_path: Path) -> None:
    from proxyapp.models import Person

    (tmp_path / "password").write_text("correct horse\n")
    run("generateenv", agents=5, seed=1, password_file=tmp_path / "password")
    verifiers = {person.verifier for person in Person.objects.filter(tenant__gt=1)}
    assert len(verifiers) == 1
    assert check_password(verifiers.pop(), "correct horse")


def test_without_a_password_file_none_of_them_can(run: Any, centre: None) -> None:
    from proxyapp.models import Credential

    assert not Credential.objects.filter(person__tenant__gt=1).exists()


@pytest.mark.parametrize("arguments", [{"agents": 0}, {"agents": 1, "seed": -1}])
def test_sizes_that_make_no_sense_are_refused(run: Any, arguments: dict[str, int]) -> None:
    assert run("generateenv", **arguments).code == 1


def test_rights_end_at_the_site_and_at_the_company(run: Any) -> None:
    from proxyapp.engine.data.rights import CHANGE, READ
    from proxyapp.models import AccessGroup, Membership, Person
    from proxyapp.services.access import may

    run("generateenv", agents=160, seed=1, tenants=2)

    def member(group: str, number: int = 0) -> Person:
        row = Membership.objects.filter(
            access_group=AccessGroup.objects.filter(name__startswith=group, tenant__gt=1).order_by(
                "dbid"
            )[0],
            person__state="enabled",
        ).order_by("pk")[number]
        assert row.person is not None
        return row.person

    agent, leader = member("Agents Köln", 5), member("Leaders Köln 01")
    boss, owner = member("Supervisors"), member("Administrators", 1)
    mine, others = (
        Person.objects.filter(is_agent=True, tenant=agent.tenant).order_by("dbid")[n].dbid
        for n in (1, 50)
    )
    stranger = Person.objects.exclude(tenant__in=(1, agent.tenant_id)).order_by("dbid")[0].dbid
    assert not may(agent, READ, T.PERSON, mine)
    assert may(leader, CHANGE, T.PERSON, mine)
    assert may(boss, CHANGE, T.PERSON, mine)
    assert not may(boss, READ, T.PERSON, others)
    assert may(owner, CHANGE, T.PERSON, others)
    assert not may(owner, READ, T.PERSON, stranger)


def test_an_export_of_it_is_imported_again(run: Any, tmp_path: Path) -> None:
    with rolled_back():
        run("generateenv", agents=60, seed=2)
        before = exported()
    path = tmp_path / "environment.json"
    path.write_bytes(before)
    ended = run("importconfig", path)
    assert ended.code == 0, ended.err
    assert exported() == before
    assert "0 object created. 0 object updated." in run("importconfig", path).out
