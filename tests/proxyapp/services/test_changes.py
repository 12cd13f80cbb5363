"""The one door: one change an object and transaction, none after an error, nothing beside it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.db import transaction

from confwire.errors import UniquenessViolation
from confwire.objects import Document, ObjectType
from proxyapp import selectors
from proxyapp.models import Application, Commit, ConfigObject, Folder, Host, Port, Tenant
from proxyapp.models.door import WriteOutsideDoor
from proxyapp.services import changes, integrity, objects

HOST = int(ObjectType.HOST)


def test_saving_twice_is_one_change(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        host = Host(name="machine")
        work.save(host)
        host.ip_address = "10.0.0.1"
        host.save()
    (transaction,) = transactions
    assert [(record.type, record.dbid) for record in transaction.records] == [(HOST, host.dbid)]
    assert work.result == changes.CommitResult(transaction.revision, ((HOST, host.dbid),))


def test_a_nested_block_joins_the_outer_one(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="outer") as outer:
        outer.save(Host(name="one"))
        with changes.commit(by=None, origin="inner") as inner:
            inner.save(Host(name="two"))
        assert inner is outer
    assert [len(transaction.records) for transaction in transactions] == [2]


def test_nothing_is_left_of_a_block_that_failed(verify_change: Any) -> None:
    def fails() -> None:
        with changes.commit(by=None, origin="test") as work:
            work.save(Host(name="machine"))
            raise RuntimeError

    with verify_change() as transactions, pytest.raises(RuntimeError):
        fails()
    assert transactions == []
    assert not Host.objects.filter(name="machine").exists()


def test_a_nested_block_that_failed_takes_only_its_own_changes_along(verify_change: Any) -> None:
    def fails() -> None:
        with changes.commit(by=None, origin="test") as inner:
            inner.save(Host(name="two"))
            raise RuntimeError

    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        work.save(Host(name="one"))
        with pytest.raises(RuntimeError):
            fails()
        work.save(Host(name="three"))
    assert len(transactions[0].records) == 2
    assert set(Host.objects.values_list("name", flat=True)) >= {"one", "three"}


def test_what_did_not_change_makes_no_revision(host: Host) -> None:
    before = selectors.current_revision()
    with changes.commit(by=None, origin="test") as work:
        work.save(host)
    assert work.result == changes.CommitResult(None)
    assert selectors.current_revision() == before


def test_an_object_made_and_deleted_in_one_block_is_no_change(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        host = Host(name="machine")
        work.save(host)
        work.delete(host)
    assert transactions == []


def test_a_port_is_a_change_of_its_application(verify_change: Any, server: Any) -> None:
    dbid = server("proxy", "3000")
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        work.save(Port(application_id=dbid, port_id="gui", port="3001"))
        Application.objects.get(pk=dbid).tenants.set([1])
    assert [record.dbid for record in transactions[0].records] == [dbid]
    assert b'"tenantDBIDs":[1]' in bytes(transactions[0].records[0].body)
    with verify_change() as transactions, changes.commit(by=None, origin="test"):
        Port.objects.get(port_id="gui").delete()
    assert b"gui" not in bytes(transactions[0].records[0].body)


def test_deleting_a_query_goes_through_the_door(verify_change: Any, host: Host) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test"):
        Host.objects.filter(pk=host.pk).delete()
    assert [record.dbid for record in transactions[0].records] == [host.dbid]


def test_many_rows_are_one_transaction(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        work.add(
            ConfigObject(type=int(ObjectType.SKILL), tenant_id=1, name=f"skill {n}")
            for n in range(1200)
        )
    assert [len(transaction.records) for transaction in transactions] == [1200]
    dbids = [record.dbid for record in transactions[0].records]
    assert dbids == sorted(set(dbids))


def test_saving_some_columns_publishes_the_others_as_they_are_stored(
    verify_change: Any, host: Host
) -> None:
    stale = Host.objects.get(pk=host.pk)
    with changes.commit(by=None, origin="test") as work:
        host.ip_address = "10.0.0.1"
        work.save(host)
    with verify_change() as transactions, changes.commit(by=None, origin="test"):
        stale.name = "renamed"
        stale.save(update_fields=["name"])
    assert b"10.0.0.1" in bytes(transactions[0].records[0].body)
    assert Host.objects.get(key="renamed") == host


def test_what_is_published_is_what_was_saved(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        host = Host(name="machine", lca_port=4999, annex={"a": {"b": "c"}})
        work.save(host)
        host.annex["a"]["b"] = "not saved"
    document = msgspec.json.decode(transactions[0].records[0].body)
    assert (document["lcaPort"], document["userProperties"]) == ("4999", {"a": {"b": "c"}})


def test_updating_a_query_is_a_change_of_each_object(verify_change: Any, host: Host) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test"):
        Host.objects.filter(pk=host.pk).update(ip_address="10.0.0.9")
    assert b"10.0.0.9" in bytes(transactions[0].records[0].body)


@pytest.mark.parametrize(
    "write",
    [
        lambda host: Host(name="other").save(),
        lambda host: host.save(),
        lambda host: host.delete(),
        lambda host: Host.objects.create(name="other"),
        lambda host: Host.objects.update(ip_address="10.0.0.1"),
        lambda host: Host.objects.filter(pk=host.pk).delete(),
        lambda host: Host.objects.bulk_create([Host(name="other")]),
        lambda host: Host.objects.bulk_update([host], ["ip_address"]),
        lambda host: Application.objects.get(pk=99).tenants.clear(),
        lambda host: Application.objects.get(pk=99).tenants.add(1),
        lambda host: Port.objects.all().delete(),
    ],
)
def test_nothing_is_written_beside_the_door(host: Host, write: Callable[[Host], Any]) -> None:
    before = selectors.current_revision()
    with pytest.raises(WriteOutsideDoor), transaction.atomic():
        write(host)
    assert selectors.current_revision() == before


def test_the_guard_is_back_after_a_block(host: Host) -> None:
    with changes.commit(by=None, origin="test"):
        pass
    with pytest.raises(WriteOutsideDoor):
        host.save()


def test_a_taken_name_is_refused_whatever_its_case(host: Host) -> None:
    with pytest.raises(UniquenessViolation), changes.commit(by=None, origin="test") as work:
        work.save(Host(name="MACHINE"))


def test_dbids_are_never_given_again(create: Any) -> None:
    given = []
    for _ in range(3):
        given.append(create("skill", tenantDBID=1, name="skill"))
        objects.delete("skill", given[-1], by=None, origin="test")
    assert given == sorted(set(given))
    assert given[0] >= 101


def test_only_the_system_chooses_dbids(db: None) -> None:
    def writes() -> None:
        with changes.commit(by=None, origin="test") as work:
            work.save(Host(dbid=5000, name="machine"))

    with pytest.raises(ValueError, match="given by the server"):
        writes()


def test_a_new_object_lies_in_the_default_folder_of_its_type(host: Host) -> None:
    assert host.folder is not None
    assert (host.folder.name, host.folder.owner) == ("Hosts", {"objectType": "tenant", "DBID": 1})


def test_the_journal_tells_who_and_from_where(create: Any, person: Any) -> None:
    with changes.commit(by=person, origin="admin 10.0.0.7") as work:
        work.save(Host(name="machine"))
    assert work.result is not None
    commit = Commit.objects.get(pk=work.result.revision)
    assert (commit.by, commit.origin) == ("Ärger", "admin 10.0.0.7")


def test_a_new_tenant_has_its_folders_in_the_same_transaction(verify_change: Any) -> None:
    with verify_change() as transactions, changes.commit(by=None, origin="test") as work:
        tenant = Tenant(name="Resources")
        work.save(tenant)
    folders = Folder.objects.filter(owner_type=int(ObjectType.TENANT), owner_dbid=tenant.dbid)
    assert len(transactions[0].records) == 1 + folders.count()
    assert {"Persons", "Switches", "Skills"} <= set(folders.values_list("name", flat=True))


@pytest.mark.django_db
def test_a_document_is_made_into_json_once_in_a_transaction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    text_of = integrity.text_of

    def counted(title: str, body: Document) -> str:
        text = text_of(title, body)
        made.append(text)
        return text

    monkeypatch.setattr(integrity, "text_of", counted)
    with changes.commit(by=None, origin="test") as work:
        host = Host(name="machine")
        work.save(host)
        host.ip_address = "10.0.0.1"
        host.save()
        work.touch(host)
    assert work.result is not None
    assert work.result.revision is not None
    (committed,) = selectors.transactions_since(work.result.revision - 1)
    # The journal and what a node loads have this text.
    assert [bytes(record.body).decode() for record in committed.records] == made
    (loaded,) = selectors.load_records((HOST, host.dbid - 1), 1)
    assert bytes(loaded.body).decode() == made[0]
