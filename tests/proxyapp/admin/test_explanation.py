"""The page that tells why a person may do what on an object."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from confwire.objects import ObjectType
from proxyapp.models import Folder, Person
from proxyapp.services import access, objects
from proxyapp.services.documents import find


@pytest.fixture
def skill(db: None) -> int:
    body = {"tenantDBID": 1, "name": "<English>"}
    return objects.create("skill", body, by=None, origin="test").dbid


@pytest.fixture
def person(db: None) -> Person:
    body = {"tenantDBID": 1, "userName": "anna", "employeeID": "anna"}
    dbid = objects.create("person", body, by=None, origin="test").dbid
    return Person.objects.get(dbid=dbid)


def page(client: Client, dbid: int, person: str = "") -> str:
    address = reverse("admin:object_rights", args=[int(ObjectType.SKILL), dbid])
    response = client.get(address, {"person": person} if person else {})
    assert response.status_code == 200
    return str(response.content.decode())


def test_each_grant_that_counts_is_named_with_its_place(
    client: Client, skill: int, person: Person
) -> None:
    folder = Folder.objects.get(type="skill", folder=None)
    access.grant(folder, person, 1 | 128, by=None, origin="test")
    assert "everything is forbidden" in page(client, skill, person.user_name)
    access.grant(folder, person, 1, by=None, origin="test")
    shown = page(client, skill, person.user_name)
    assert "Folder Skills</a>, inherited" in shown
    assert "Read" in shown
    access.grant(find(ObjectType.SKILL, [skill]).get(), person, 5, by=None, origin="test")
    shown = page(client, skill, person.user_name)
    assert "this object" in shown
    assert "inherited" not in shown
    assert "&lt;English&gt;" in shown


def test_somebody_who_is_not_there_is_said(client: Client, skill: int) -> None:
    assert "There is no person nobody" in page(client, skill, "nobody")
    assert "errors" not in page(client, skill)


def test_an_object_that_is_not_there_is_not_found(client: Client, db: None) -> None:
    for type_, dbid in ((13, 999), (99, 1)):
        address = reverse("admin:object_rights", args=[type_, dbid])
        assert client.get(address).status_code == 404


def test_the_page_of_an_object_leads_there(client: Client, skill: int) -> None:
    address = reverse("admin:object_rights", args=[int(ObjectType.SKILL), skill])
    shown = client.get(reverse("admin:proxyapp_configobject_change", args=[skill_pk(skill)]))
    assert address in shown.content.decode()


def skill_pk(dbid: int) -> str:
    return str(find(ObjectType.SKILL, [dbid]).get().pk)
