"""The pages of objects of all other types, edited as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from confwire.objects import ObjectType
from proxyapp.models import ConfigObject, Folder
from proxyapp.models.objects import GENERIC_TYPE_CHOICES

LIST = "/admin/proxyapp/configobject/"
Save = Callable[..., Any]


def add(type_: ObjectType) -> str:
    return f"{LIST}add/?type={int(type_)}"


def errors(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    found: dict[str, list[str]] = page.context["adminform"].form.errors
    return found


@pytest.fixture
def switch(save: Save) -> ConfigObject:
    """Return a switch that was made in the browser."""
    save(add(ObjectType.PHYSICAL_SWITCH), name="office")
    office = ConfigObject.objects.get(name="office")
    document = json.dumps({"physicalSwitchDBID": office.dbid})
    save(add(ObjectType.SWITCH), name="switch", tenant="1", document=document)
    return ConfigObject.objects.get(name="switch")


def test_a_new_object_asks_for_its_type(client: Client) -> None:
    page = client.get(LIST + "add/").content.decode()

    assert f'<a href="?type={int(ObjectType.SKILL)}">Skill</a>' in page


@pytest.mark.parametrize("type_", [type_ for type_, _ in GENERIC_TYPE_CHOICES])
def test_every_type_has_a_page_for_new_objects(client: Client, type_: int) -> None:
    assert client.get(add(ObjectType(type_))).status_code == 200


def test_a_new_object_is_one_change(save: Save, verify_change: Any) -> None:
    with verify_change() as transactions:
        save(add(ObjectType.SKILL), name="Русский", tenant="1")

    skill = ConfigObject.objects.get(name="Русский")
    keys = [(record.type, record.dbid) for record in transactions[0].records]
    assert (len(transactions), keys) == (1, [(int(ObjectType.SKILL), skill.dbid)])
    assert skill.folder is not None
    assert skill.folder.name == "Skills"


def test_an_object_with_folders_of_its_own_gets_them(switch: ConfigObject) -> None:
    folders = Folder.objects.filter(owner_type=int(ObjectType.SWITCH), owner_dbid=switch.dbid)

    assert {folder.type for folder in folders} == {"dn", "agentLogin"}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"physicalSwitchDBID": 1, "color": "red"}, "'color' was unexpected"),
        ({"physicalSwitchDBID": "1"}, "is not of type 'integer'"),
        ({"physicalSwitchDBID": 4711}, "which does not exist"),
        ({}, "physicalSwitchDBID: needed"),
        ([], "write a JSON object"),
        ("{", "this is no JSON"),
        ('{"physicalSwitchDBID": NaN}', "NaN is no value"),
    ],
)
def test_a_wrong_document_is_refused_at_its_field(
    save: Save, verify_change: Any, document: Any, problem: str
) -> None:
    text = document if isinstance(document, str) else json.dumps(document)

    with verify_change() as transactions:
        page = save(add(ObjectType.SWITCH), name="switch", tenant="1", document=text)

    assert problem in errors(page)["document"][0]
    assert transactions == []


def test_what_is_fixed_at_creation_stays(save: Save, switch: ConfigObject) -> None:
    save(add(ObjectType.PHYSICAL_SWITCH), name="other")
    other = ConfigObject.objects.get(name="other")

    document = json.dumps({"physicalSwitchDBID": other.dbid})
    page = save(f"{LIST}{switch.pk}/change/", document=document)

    assert "cannot change after creation" in errors(page)["document"][0]


def test_a_change_is_one_change(save: Save, switch: ConfigObject, verify_change: Any) -> None:
    document = json.dumps(switch.document | {"dnRange": "1000-1999"})

    with verify_change() as transactions:
        save(f"{LIST}{switch.pk}/change/", document=document, annex="[a]\nb = 1")

    assert [len(transaction.records) for transaction in transactions] == [1]
    switch.refresh_from_db()
    assert (switch.document["dnRange"], switch.annex) == ("1000-1999", {"a": {"b": 1}})


def test_the_list_shows_and_finds_dns_by_their_numbers(
    client: Client, save: Save, switch: ConfigObject
) -> None:
    for number in ("7001", "7002"):
        document = json.dumps({"switchDBID": switch.dbid, "number": number, "type": "extension"})
        save(add(ObjectType.DN), tenant="1", document=document)

    page = client.get(LIST, {"q": "7002"}).content.decode()

    assert ">7002</a>" in page
    assert ">7001</a>" not in page


def test_the_list_filters_by_type_and_folder(client: Client, switch: ConfigObject) -> None:
    folder = switch.folder_id

    page = client.get(f"{LIST}?type={int(ObjectType.SWITCH)}&folder={folder}")

    assert [row.pk for row in page.context["cl"].result_list] == [switch.pk]
    assert "Environment / Switches" in page.content.decode()


def test_a_list_of_many_asks_few_questions(
    client: Client, django_assert_max_num_queries: Any
) -> None:
    from proxyapp.services import changes

    with changes.commit(by=None, origin="test") as work:
        work.add(
            ConfigObject(type=int(ObjectType.SKILL), tenant_id=1, name=f"skill {n}")
            for n in range(60)
        )

    with django_assert_max_num_queries(18):
        page = client.get(f"{LIST}?type={int(ObjectType.SKILL)}")
    assert len(page.context["cl"].result_list) == 50
