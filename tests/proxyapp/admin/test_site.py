"""Who may enter, what the index shows, how objects are looked up, and the policy for browsers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from proxyapp.models import Application, Folder, Host, Person, Tenant
from proxyapp.services import access, accounts, changes, entrance

ROOT = "/admin/proxyapp/"
Save = Callable[..., Any]


def log_in(user: str, password: str) -> Any:
    return Client().post("/admin/login/?next=/admin/", {"username": user, "password": password})


@pytest.fixture
def agent(client: Client) -> Person:
    """Return a person with a password, who is no administrator."""
    with changes.commit(by=None, origin="test") as work:
        person = Person(user_name="agent", employee_id="A1", tenant_id=1)
        work.save(person)
        person.set_password("secret")
    return person


def test_super_administrators_enter_by_user_name(administrator: Person, client: Client) -> None:
    accounts.set_password(administrator, "secret", by=None, origin="test")

    assert log_in("Default", "secret")["Location"] == "/admin/"


def test_others_do_not_enter(agent: Person) -> None:
    page = log_in("agent", "secret")

    assert "only Super Administrators may enter" in page.content.decode()


def test_who_may_execute_the_administration_enters_until_that_is_taken_back(
    agent: Person, administrator: Person
) -> None:
    pages = Application.objects.get(type="genesysadministrator")
    access.grant(pages, agent, 8, by=administrator, origin="test")

    browser = Client()
    answer = browser.post("/admin/login/", {"username": "agent", "password": "secret"})
    inside = browser.get("/admin/")
    access.revoke(pages, agent, by=administrator, origin="test")

    assert answer.status_code == 302
    assert inside.status_code == 200
    assert browser.get("/admin/").status_code == 302


def test_an_administration_that_is_disabled_lets_in_super_administrators_only(
    agent: Person, administrator: Person
) -> None:
    pages = Application.objects.get(type="genesysadministrator")
    access.grant(pages, agent, 8, by=administrator, origin="test")
    with changes.commit(by=None, origin="test") as work:
        pages.state = "disabled"
        work.save(pages)

    assert not entrance.may_enter(agent)
    assert entrance.may_enter(administrator)


def test_who_is_no_longer_a_member_is_out(agent: Person, client: Client, save: Save) -> None:
    save(
        ROOT + "accessgroup/96/change/",
        **{"memberships-TOTAL_FORMS": "2", "memberships-1-person": str(agent.pk)},
    )
    other = Client()
    other.force_login(Person.objects.get(pk=agent.pk))
    assert other.get("/admin/").status_code == 200

    save(ROOT + "accessgroup/96/change/", **{"memberships-1-DELETE": "on"})

    assert other.get("/admin/").status_code == 302


def test_the_index_is_in_the_order_of_operators(client: Client) -> None:
    objects, history = client.get("/admin/").context["app_list"]

    assert [page["name"] for page in history["models"]][:2] == ["Changes", "Transactions"]
    assert [model["name"] for model in objects["models"]] == [
        "Tenants",
        "Folders",
        "Hosts",
        "Application templates",
        "Applications",
        "Persons",
        "Access groups",
        "Grants",
        "Other objects",
    ]


@pytest.mark.parametrize("page", ["/admin/history/", "/admin/history/log/"])
def test_the_menu_marks_the_page_that_is_open_alone(client: Client, page: str) -> None:
    text = client.get(page).content.decode()
    marked = [line for line in text.splitlines() if 'aria-current="page"' in line]

    assert len(marked) == 1
    assert f'href="{page}"' in marked[0]
    assert '<a href="/status">Status</a>' in text


def test_pages_load_nothing_from_elsewhere(client: Client) -> None:
    policy = client.get("/admin/")["Content-Security-Policy"]

    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy


def test_a_new_tenant_with_its_folders_is_one_transaction(save: Save, verify_change: Any) -> None:
    with verify_change() as transactions:
        save(ROOT + "tenant/add/", name="Acme", parent_tenant="1")

    tenant = Tenant.objects.get(name="Acme")
    folders = Folder.objects.filter(owner_dbid=tenant.pk, owner_type=int(Tenant.TYPE)).count()
    assert [len(transaction.records) for transaction in transactions] == [1 + folders]


def test_a_folder_goes_with_what_lies_in_it(client: Client, save: Save, verify_change: Any) -> None:
    hosts = Folder.objects.get(type="host", folder=None)
    save(ROOT + "folder/add/", name="Site", type="host", folder=str(hosts.pk))
    site = Folder.objects.get(name="Site")
    save(ROOT + "host/add/", name="machine", folder=str(site.pk))

    with verify_change() as transactions:
        page = client.get(f"{ROOT}folder/{site.pk}/delete/").content.decode()
        assert "Host machine" in page
        client.post(f"{ROOT}folder/{site.pk}/delete/", {"post": "yes"})

    assert [len(transaction.records) for transaction in transactions] == [2]
    assert not Host.objects.filter(name="machine").exists()


def test_a_default_folder_stays(client: Client, verify_change: Any) -> None:
    hosts = Folder.objects.get(type="host", folder=None)

    with verify_change() as transactions:
        page = client.post(f"{ROOT}folder/{hosts.pk}/delete/", {"post": "yes"})

    assert "is a default folder" in page.content.decode()
    assert transactions == []


def test_a_tenant_that_holds_objects_stays(client: Client, agent: Person) -> None:
    page = client.get(f"{ROOT}tenant/{agent.tenant_id}/delete/").content.decode()

    assert "cannot be deleted" in page


def test_folders_are_looked_up_by_path_and_type(client: Client) -> None:
    query = {"app_label": "proxyapp", "model_name": "host", "field_name": "folder", "term": "s"}

    found = client.get("/admin/autocomplete/", query).json()["results"]

    assert [row["text"] for row in found] == ["Environment / Hosts"]


@pytest.mark.parametrize(
    "model",
    ["tenant", "folder", "host", "applicationtemplate", "application", "person", "accessgroup",
     "grant", "configobject", "membership"],
)  # fmt: skip
def test_every_list_and_form_opens(client: Client, model: str) -> None:
    page = client.get(f"{ROOT}{model}/")
    assert client.get(f"{ROOT}{model}/add/").status_code == 200

    for row in list(page.context["cl"].result_list)[:3]:
        assert client.get(f"{ROOT}{model}/{row.pk}/change/").status_code == 200
        assert client.get(f"{ROOT}{model}/{row.pk}/delete/").status_code == 200
