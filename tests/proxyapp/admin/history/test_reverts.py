"""Reverting from the pages: shown first, then done as a new revision, or refused as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from historylog.models import Transaction
from proxyapp.models import ConfigObject, Document, Folder
from proxyapp.services import changes, objects

See = Callable[..., str]


@pytest.fixture
def confirm(client: Client) -> Callable[..., Any]:
    """Return how to open the page of a revert, and to confirm what it shows."""

    def confirmed(address: str, **more: str) -> Any:
        page = client.get(f"/admin/history/{address}").content.decode()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
        hidden.pop("csrfmiddlewaretoken", None)
        given = {**hidden, "confirm": "1", **more}
        return client.post(f"/admin/history/{address.partition('?')[0]}", given, follow=True)

    return confirmed


def newest() -> int:
    return int(Transaction.objects.latest("revision").revision)


def test_a_preview_changes_nothing(see: See, skill: Any) -> None:
    page = see(f"{skill.page}revert/?revision={skill.changed}")
    assert "created</span> 1 × Skill" in page
    assert newest() == skill.deleted
    assert not ConfigObject.objects.filter(type=13).exists()


def test_an_object_comes_back_as_it_was(skill: Any, confirm: Any) -> None:
    page = confirm(f"{skill.page}revert/?revision={skill.changed}").content.decode()
    assert f"Done, as revision {skill.deleted + 1}" in page
    row = ConfigObject.objects.get(type=13, dbid=skill.dbid)
    assert (row.name, row.state) == ("<English>", "disabled")
    head = Transaction.objects.latest("revision")
    assert (head.by, head.revision) == ("default", skill.deleted + 1)
    assert head.origin.startswith("admin 127.0.0.1 reverting Skill")


def test_a_transaction_is_undone(skill: Any, confirm: Any) -> None:
    confirm(f"transactions/{skill.deleted}/revert/")
    confirm(f"transactions/{skill.changed}/revert/")
    row = ConfigObject.objects.get(type=13, dbid=skill.dbid)
    assert row.annex == {"a": {"b": "1", "c": "old"}}


def test_conflicts_are_shown_and_must_be_accepted(skill: Any, see: See, confirm: Any) -> None:
    address = f"transactions/{skill.changed}/revert/"
    assert "was deleted later" in see(address)

    page = confirm(address).content.decode()
    assert newest() == skill.deleted
    assert "There are conflicts" in page

    page = confirm(f"{address}?overwrite=1", accept="1").content.decode()
    assert f"Done, as revision {skill.deleted + 1}" in page


def test_a_folder_gets_back_all_that_lay_in_it(see: See, confirm: Any) -> None:
    body: dict[str, Any] = {"name": "inner", "type": "skill"}
    folder = objects.create("folder", body, by=None, origin="test").dbid
    with changes.commit(by=None, origin="test") as work:
        bodies = [{"tenantDBID": 1, "name": f"s{n}", "folderDBID": folder} for n in range(30)]
        objects.create_many("skill", bodies, work=work)
    before = newest()
    then = sorted(Document.objects.values_list("type", "dbid", "body"))
    objects.delete("folder", folder, by=None, origin="test")
    address = f"objects/22/{folder}/revert/?revision={before}&subtree=1"
    assert "30 × Skill" in see(address)
    confirm(address)
    assert sorted(Document.objects.values_list("type", "dbid", "body")) == then


def test_what_changed_since_the_preview_is_not_undone_unseen(client: Client, skill: Any) -> None:
    folder = Folder.objects.get(type="skill", folder=None)
    before = newest()
    objects.update("folder", folder.dbid, {"description": "one"}, by=None, origin="test")
    address = f"/admin/history/objects/22/{folder.dbid}/revert/"
    client.get(f"{address}?revision={before}")
    planned = newest()
    objects.update("folder", folder.dbid, {"description": "two"}, by=None, origin="test")
    given = {"revision": str(before), "planned": str(planned), "confirm": "1"}

    page = client.post(address, given).content.decode()

    assert "was changed since this was planned" in page
    assert Folder.objects.get(pk=folder.dbid).description == "two"


def test_a_refusal_is_shown_before_it_happens(see: See, skill: Any) -> None:
    body = {"tenantDBID": 1, "name": "<English>"}
    objects.create("skill", body, by=None, origin="test")
    page = see(f"{skill.page}revert/?revision={skill.changed}")
    assert "It would be refused as a whole" in page
    assert 'name="confirm"' not in page


def test_what_would_be_without_a_password_is_named(see: See) -> None:
    body = {"tenantDBID": 1, "employeeID": "1", "userName": "anna"}
    dbid = objects.create("person", body, by=None, origin="test").dbid
    before = newest()
    objects.delete("person", dbid, by=None, origin="test")
    page = see(f"objects/3/{dbid}/revert/?revision={before}")
    assert "Without one would be: anna" in page


def test_a_revision_must_be_named(see: See, skill: Any) -> None:
    assert "revision=NUMBER" in see(f"{skill.page}revert/", status=400)
    see("transactions/999999/revert/", status=404)


def test_where_nothing_is_to_do_that_is_said(see: See, skill: Any) -> None:
    assert "There is nothing to do" in see(f"{skill.page}revert/?revision={skill.deleted}")
