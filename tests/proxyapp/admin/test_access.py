"""The pages of grants, access groups and persons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from confwire.messages import AccountState
from confwire.objects import ObjectType
from proxyapp.engine.data.rights import CHANGE, NO_PROPAGATE, READ
from proxyapp.models import AccessGroup, Document, Grant, Membership, Person
from proxyapp.models.accounts import keep, state_of
from proxyapp.services import accounts, changes, objects

ROOT = "/admin/proxyapp/"
APPLICATION = int(ObjectType.APPLICATION)
Save = Callable[..., Any]


def errors(page: Any) -> dict[str, list[str]]:
    assert page.status_code == 200
    found: dict[str, list[str]] = page.context["adminform"].form.errors
    return found


@pytest.fixture
def agent(save: Save) -> Person:
    """Return a person that was made in the browser."""
    page = save(
        ROOT + "person/add/", user_name="agent", employee_id="A1", tenant="1", is_agent="on"
    )
    assert page.status_code == 302, page.context["errors"]
    return Person.objects.get(user_name="agent")


# ---------------------------------------------------------------- grants


def grant_on(dbid: int) -> str:
    return f"{ROOT}grant/add/?object_type={APPLICATION}&object_dbid={dbid}"


def test_a_grant_is_a_change_of_its_object(save: Save, agent: Person, verify_change: Any) -> None:
    with verify_change() as transactions:
        save(grant_on(100), person=str(agent.pk), mask=[str(READ), str(NO_PROPAGATE)])

    (transaction,) = transactions
    assert [(record.type, record.dbid) for record in transaction.records] == [(APPLICATION, 100)]
    assert Grant.objects.get(person=agent).mask == READ | NO_PROPAGATE


def test_other_rights_are_one_change(save: Save, agent: Person, verify_change: Any) -> None:
    save(grant_on(100), person=str(agent.pk), mask=[str(READ)])
    grant = Grant.objects.get(person=agent)

    with verify_change() as transactions:
        save(f"{ROOT}grant/{grant.pk}/change/", mask=[str(READ), str(CHANGE)])

    assert [len(transaction.records) for transaction in transactions] == [1]
    grant.refresh_from_db()
    assert grant.mask == READ | CHANGE


def test_a_withdrawn_grant_is_a_change_of_its_object(
    client: Client, save: Save, agent: Person, verify_change: Any
) -> None:
    save(grant_on(100), person=str(agent.pk), mask=[str(READ)])
    grant = Grant.objects.get(person=agent)

    with verify_change() as transactions:
        client.post(f"{ROOT}grant/{grant.pk}/delete/", {"post": "yes"})

    assert [len(transaction.records) for transaction in transactions] == [1]
    acl = Document.objects.get(type=APPLICATION, dbid=100).acl
    assert [int(ObjectType.PERSON), agent.pk] not in [entry[:2] for entry in json.loads(acl)]


def test_an_object_that_does_not_exist_is_refused(save: Save, agent: Person) -> None:
    page = save(grant_on(4711), person=str(agent.pk))

    assert errors(page)["object_dbid"] == ["there is no application with DBID 4711"]


@pytest.mark.parametrize("both", [True, False])
def test_a_grant_is_to_one_person_or_one_group(save: Save, agent: Person, both: bool) -> None:
    subject = {"person": str(agent.pk), "group": "98"} if both else {}

    assert errors(save(grant_on(100), **subject)) == {
        "__all__": ["choose either a person or a group"]
    }


def test_an_object_lists_its_grants(client: Client) -> None:
    page = client.get(ROOT + "application/100/change/").content.decode()

    assert "Access group Everyone</a></td><td>Read, Execute" in page


def test_the_list_names_objects_and_subjects(client: Client) -> None:
    page = client.get(ROOT + "grant/").content.decode()

    assert "Application default" in page
    assert "Access group Everyone" in page


# ---------------------------------------------------------------- groups


def test_a_group_with_members_is_one_change(save: Save, agent: Person, verify_change: Any) -> None:
    with verify_change() as transactions:
        save(
            ROOT + "accessgroup/add/",
            name="team",
            tenant="1",
            **{"memberships-TOTAL_FORMS": "2", "memberships-0-person": str(agent.pk)},
            **{"memberships-1-group": "98"},
        )

    assert [len(transaction.records) for transaction in transactions] == [1]
    assert AccessGroup.objects.get(name="team").memberships.count() == 2


def test_a_new_super_administrator_is_one_transaction(
    save: Save, agent: Person, verify_change: Any
) -> None:
    with verify_change() as transactions:
        save(
            ROOT + "accessgroup/96/change/",
            **{"memberships-TOTAL_FORMS": "2", "memberships-1-person": str(agent.pk)},
        )

    assert [len(transaction.records) for transaction in transactions] == [2]
    agent.refresh_from_db()
    assert agent.is_staff


def test_a_member_is_listed_with_its_group(client: Client) -> None:
    member = Membership.objects.get(access_group=96)

    page = client.get(ROOT + "membership/?access_group=96")

    assert [row.pk for row in page.context["cl"].result_list] == [member.pk]


# ---------------------------------------------------------------- persons


def test_a_taken_user_name_is_refused_at_its_field(save: Save) -> None:
    page = save(ROOT + "person/add/", user_name="DEFAULT", employee_id="B1", tenant="1")

    assert "is taken" in errors(page)["user_name"][0]


def test_agent_information_has_the_form_of_its_type(save: Save, agent: Person) -> None:
    page = save(f"{ROOT}person/{agent.pk}/change/", agent_info='{"placeDBID": "here"}')

    assert "is not of type 'integer'" in errors(page)["agent_info"][0]


def test_a_person_with_rights_cannot_be_deleted(
    client: Client, save: Save, agent: Person, verify_change: Any
) -> None:
    save(grant_on(100), person=str(agent.pk), mask=[str(READ)])

    with verify_change() as transactions:
        page = client.post(f"{ROOT}person/{agent.pk}/delete/", {"post": "yes"}).content.decode()

    assert "Application default</a> has rights granted to Person agent" in page
    assert transactions == []


def test_a_password_is_set_as_a_change_of_the_person(
    client: Client, agent: Person, verify_change: Any
) -> None:
    address = f"{ROOT}person/{agent.pk}/password/"
    assert client.get(address).status_code == 200

    with verify_change() as transactions:
        client.post(address, {"password1": "пароль 1", "password2": "пароль 1"})

    assert [len(transaction.records) for transaction in transactions] == [1]
    assert Person.objects.get(pk=agent.pk).check_password("пароль 1")


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [("one", "two", "didn’t match"), ("\ue000", "\ue000", "U+E000, which is not allowed")],
)
def test_a_wrong_password_is_refused(
    client: Client, agent: Person, first: str, second: str, problem: str
) -> None:
    page = client.post(
        f"{ROOT}person/{agent.pk}/password/", {"password1": first, "password2": second}
    )

    assert problem in page.content.decode()
    assert not Person.objects.get(pk=agent.pk).has_usable_password()


def test_administrators_change_their_own_passwords(
    client: Client, administrator: Person, verify_change: Any
) -> None:
    client.post(f"{ROOT}person/100/password/", {"password1": "first", "password2": "first"})
    new = {"old_password": "first", "new_password1": "second", "new_password2": "second"}

    with verify_change() as transactions:
        page = client.post("/admin/password_change/", new, follow=True)

    assert "Your password was changed" in page.content.decode()
    assert [len(transaction.records) for transaction in transactions] == [1]
    assert Person.objects.get(pk=100).check_password("second")


# ---------------------------------------------------------------- rules of accounts


def test_what_a_new_password_lacks_is_told(client: Client, agent: Person) -> None:
    rules = {"security-authentication-rules": {"password-req-numbers": "true"}}
    objects.update("tenant", 1, {"userProperties": rules}, by=None, origin="test")

    new = {"password1": "слово", "password2": "слово"}
    page = client.post(f"{ROOT}person/{agent.pk}/password/", new)

    assert "the new password needs a digit" in page.content.decode()
    assert not Person.objects.get(pk=agent.pk).has_usable_password()


def test_who_must_change_its_password_sees_that_page_alone(client: Client) -> None:
    client.post(f"{ROOT}person/100/password/", {"password1": "first", "password2": "first"})
    must = {"changePasswordOnNextLogin": True}
    objects.update("person", 100, must, by=None, origin="test")

    page = client.get(f"{ROOT}person/", follow=True)

    assert page.redirect_chain == [("/admin/password_change/", 302)]
    assert "Choose a new password first." in page.content.decode()
    new = {"old_password": "first", "new_password1": "second", "new_password2": "second"}
    client.post("/admin/password_change/", new)
    assert client.get(f"{ROOT}person/").status_code == 200


def test_an_expired_password_is_found_at_the_login(client: Client) -> None:
    rules = {"security-authentication-rules": {"override-password-expiration": 1}}
    dbid = objects.create(
        "person",
        {"tenantDBID": 1, "employeeID": "x", "userName": "x", "userProperties": rules},
        by=None,
        origin="test",
    ).dbid
    person = Person.objects.get(pk=dbid)
    accounts.set_password(person, "слово", by=None, origin="test")
    person.password_updating_date = int(time.time()) - 2 * 86_400
    with changes.commit(by=None, origin="test") as work:
        work.save(person)
        group = AccessGroup.objects.get(name="Super Administrators")
        work.save(Membership(access_group=group, person=person))
    client.logout()

    page = client.post("/admin/login/", {"username": "x", "password": "слово"}, follow=True)

    assert page.redirect_chain[-1][0] == "/admin/password_change/"


def test_accounts_are_unlocked_in_the_list(client: Client, agent: Person) -> None:
    keep([AccountState(agent.pk, locked_at=1.0, locked_until=1e12)])

    chosen = {"action": "unlock_accounts", "_selected_action": [agent.pk]}
    page = client.post(f"{ROOT}person/", chosen, follow=True)

    assert "1 accounts were unlocked" in page.content.decode()
    assert state_of(agent.pk).locked_until == 0.0


def test_the_login_page_says_that_an_account_is_locked(client: Client, agent: Person) -> None:
    keep([AccountState(agent.pk, locked_at=1.0, locked_until=1e12)])
    client.logout()

    page = client.post("/admin/login/", {"username": "agent", "password": "x"})

    assert "the account is locked after too many failed logins" in page.content.decode()
