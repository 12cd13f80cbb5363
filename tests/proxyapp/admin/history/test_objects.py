"""The history of one object, two revisions side by side, and the object as it once was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from historylog.models import Transaction
from proxyapp.models import ConfigObject, Folder, Grant, Person
from proxyapp.services import access, objects

See = Callable[..., str]


def test_all_changes_are_listed_whoever_made_them(see: See, skill: Any) -> None:
    page = see(skill.page)
    assert page.count('name="former"') == 4
    assert "desk 10.0.0.7" in page
    assert "not there any more" in page
    assert "userProperties.a.c" in page


def test_the_page_of_an_object_leads_to_all_its_changes(client: Client) -> None:
    dbid = objects.create("skill", {"tenantDBID": 1, "name": "x"}, by=None, origin="t").dbid
    row = ConfigObject.objects.get(type=13, dbid=dbid)
    page = client.get(f"/admin/proxyapp/configobject/{row.pk}/history/", follow=True)
    assert page.redirect_chain == [(f"/admin/history/objects/13/{dbid}/", 302)]
    assert f"/admin/proxyapp/configobject/{row.pk}/change/" in page.content.decode()
    gone = client.get("/admin/proxyapp/person/999/history/")
    assert gone["Location"] == "/admin/"


def test_the_page_of_a_grant_leads_to_the_changes_of_its_object(client: Client) -> None:
    grant = Grant.objects.first()
    assert grant is not None
    page = client.get(f"/admin/proxyapp/grant/{grant.pk}/history/")
    expected = f"/admin/history/objects/{grant.object_type}/{grant.object_dbid}/"
    assert page["Location"] == expected
    assert client.get("/admin/proxyapp/grant/99999/history/")["Location"] == "/admin/"


def test_two_revisions_stand_side_by_side(see: See, skill: Any) -> None:
    page = see(f"{skill.page}diff/?former={skill.created}&revision={skill.changed}")
    for path, sign, word in (("state", "~", "changed"), ("userProperties.a.b", "+", "added")):
        row = page.split(f"<code>{path}</code>")[1].split("</tr>")[0]
        assert f'<span class="sign" aria-hidden="true">{sign}</span> {word}' in row
    assert "<code>name</code>" not in page


def test_the_order_of_the_revisions_does_not_matter(see: See, skill: Any) -> None:
    backwards = see(f"{skill.page}diff/?former={skill.changed}&revision={skill.created}")
    assert f"revisions {skill.created} and {skill.changed}" in backwards


def test_what_is_the_same_is_shown_on_demand(see: See, skill: Any) -> None:
    query = f"former={skill.created}&revision={skill.changed}&everything=1"
    page = see(f"{skill.page}diff/?{query}")
    row = page.split("<code>name</code>")[1].split("</tr>")[0]
    assert row.count("&lt;English&gt;") == 2
    assert "same" in row


def test_coming_and_going_is_said(see: See, skill: Any) -> None:
    page = see(f"{skill.page}diff/?former={skill.created - 1}&revision={skill.changed}")
    assert f"not there at revision {skill.created - 1}" in page
    assert f"not there at revision {skill.deleted}" in see(
        f"{skill.page}diff/?former={skill.changed}&revision={skill.deleted}"
    )


def test_permissions_have_names(see: See) -> None:
    folder = Folder.objects.get(type="skill", folder=None)
    before = Transaction.objects.latest("revision").revision
    access.grant(folder, Person.objects.get(pk=100), 5, by=None, origin="test")
    page = see(f"objects/22/{folder.dbid}/diff/?former={before}")
    assert "Person 100 (default): Read, Change" in page


def test_references_have_names(see: See) -> None:
    host = objects.create(
        "host",
        {"name": "machine", "type": "networkserver", "lcaPort": "1", "osInfo": {"type": "linux"}},
        by=None,
        origin="test",
    ).dbid
    before = Transaction.objects.latest("revision").revision
    objects.update("application", 99, {"serverInfo": {"hostDBID": host}}, by=None, origin="test")
    assert f"{host} (machine)" in see(f"objects/9/99/diff/?former={before}")


def test_it_is_shown_as_it_was(see: See, skill: Any) -> None:
    page = see(f"{skill.page}at/?revision={skill.changed - 1}")
    assert "<span>old</span>" in page
    assert "Revert to this" in page
    assert "It was not there" in see(f"{skill.page}at/?revision={skill.created - 1}")
    at = Transaction.objects.get(revision=skill.changed).at
    page = see(f"{skill.page}at/?time={at:%Y-%m-%dT%H:%M:%S.%f}")
    assert "<span>new</span>" in page


@pytest.mark.parametrize("query", ["at/?revision=999999", "diff/?former=1&revision=999999"])
def test_what_is_yet_to_come_is_said(see: See, skill: Any, query: str) -> None:
    assert "there is no revision 999999 yet" in see(skill.page + query, status=404).lower()


@pytest.mark.parametrize("page", ["", "diff/?former=1", "at/", "revert/?revision=1"])
def test_nothing_is_told_of_what_never_was(see: See, page: str) -> None:
    see(f"objects/9999/1/{page}", status=404)
