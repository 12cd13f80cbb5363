"""Each commit leaves its history: who, from where, and the way back of each object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from confwire.delta import apply
from confwire.objects import BY_NAME
from historylog.models import ChangedProperty, ChangeRecord, Transaction
from proxyapp.models import Commit, Document, Person
from proxyapp.services import access, accounts, changes, objects, recording
from proxyapp.services.documents import find

SKILL = BY_NAME["skill"]


def newest() -> Transaction:
    return Transaction.objects.latest("revision")


def record_of(dbid: int) -> ChangeRecord:
    return ChangeRecord.objects.filter(type=SKILL.type, dbid=dbid).latest("revision")


def paths() -> list[str]:
    rows = ChangedProperty.objects.filter(revision=newest().revision)
    return sorted(rows.values_list("path", flat=True))


@pytest.fixture
def skill(create: Callable[..., int]) -> int:
    return create("skill", tenantDBID=1, name="English", userProperties={"a": {"b": 1}})


@pytest.fixture
def confserv() -> Iterator[None]:
    recording.serve_as("confserv")
    yield
    recording.serve_as("")


def test_every_commit_has_its_transaction(skill: int) -> None:
    commits = set(Commit.objects.values_list("revision", "at", "by", "origin"))
    assert commits == set(Transaction.objects.values_list("revision", "at", "by", "origin"))


def test_a_transaction_says_who_from_where_and_how_much(db: None, confserv: None) -> None:
    person = Person.objects.get(user_name="default")
    origin = "desktop 10.0.0.1 session s1"
    with changes.commit(by=person, origin=origin):
        for name in ("one", "two"):
            objects.create("skill", {"tenantDBID": 1, "name": name}, by=None, origin=origin)
    row = newest()
    assert (row.by, row.person) == (person.user_name, person.dbid)
    assert (row.application, row.session, row.server) == ("desktop", "s1", "confserv")
    assert (row.created, row.changed, row.deleted) == (2, 0, 0)


def test_a_created_object_is_there_as_it_was_made(skill: int) -> None:
    record = record_of(skill)
    assert (record.kind, record.name, record.tenant) == ("created", "English", 1)
    assert (record.body, record.former) == (Document.objects.get(type=13, dbid=skill).body, "")
    assert paths() == []


def test_a_change_leads_back_to_what_was_before(skill: int) -> None:
    before = Document.objects.get(type=13, dbid=skill).body
    delta = {"state": "disabled", "userProperties": {"a": {"b": None}, "c": {"d": 2}}}
    objects.update("skill", skill, delta, by=None, origin="test")
    record = record_of(skill)
    back = apply(SKILL, msgspec.json.decode(record.body), msgspec.json.decode(record.former or ""))
    assert msgspec.json.encode(back).decode() == before
    assert paths() == ["state", "userProperties.a.b", "userProperties.c.d"]


def test_a_deleted_object_leaves_its_document_and_its_grants(skill: int, person: Person) -> None:
    access.grant(find(SKILL.type, [skill]).get(), person, 1, by=None, origin="test")
    before = Document.objects.get(type=13, dbid=skill)
    objects.delete("skill", skill, by=None, origin="test")
    record = record_of(skill)
    assert (record.kind, record.body, record.former) == ("deleted", "", before.body)
    assert (record.acl, record.former_acl) == ("", before.acl)
    assert record.folder == before.folder


def test_grants_are_a_property_of_their_object(skill: int, person: Person) -> None:
    access.grant(find(SKILL.type, [skill]).get(), person, 5, by=None, origin="test")
    record = record_of(skill)
    assert (record.former, record.former_acl) == ("{}", "")
    assert msgspec.json.decode(record.acl) == [[3, person.dbid, 5]]
    assert paths() == ["permissions"]


def test_a_password_is_known_to_have_changed_and_nowhere_kept(person: Person) -> None:
    accounts.set_password(person, "a secret word", by=None, origin="test")
    record = ChangeRecord.objects.latest("revision")
    assert record.secret
    assert paths() == ["passwordUpdatingDate", "secret"]
    verifier = Document.objects.get(type=3, dbid=person.dbid).verifier
    kept = [str(value) for row in ChangeRecord.objects.values() for value in row.values()]
    assert verifier
    assert not any(verifier in text or "SCRAM" in text for text in kept)


def write_former_value(value: str) -> None:
    options: dict[str, Any] = {"options": {"history-log": {"write-former-value": value}}}
    objects.update("application", 99, options, by=None, origin="test")


def test_former_values_are_left_out_where_they_are_not_wanted(skill: int) -> None:
    write_former_value("false")
    objects.update("skill", skill, {"state": "disabled"}, by=None, origin="test")
    assert (record_of(skill).former, record_of(skill).former_acl) == (None, None)
    assert paths() == ["state"]
    objects.delete("skill", skill, by=None, origin="test")
    assert record_of(skill).former is None
    write_former_value("true")
    assert ChangeRecord.objects.latest("revision").former is not None


def test_after_an_error_there_is_no_history(skill: int) -> None:
    before = newest().revision

    def fail() -> None:
        with changes.commit(by=None, origin="test"):
            objects.update("skill", skill, {"state": "disabled"}, by=None, origin="test")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert newest().revision == before
