"""The person as the user model of the web."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model

from proxyapp.models import Person
from proxyapp.models.door import WriteOutsideDoor
from proxyapp.services import changes

pytestmark = pytest.mark.django_db


def administrator() -> Person:
    return Person.objects.get(pk=100)


def test_person_is_the_user_model() -> None:
    assert get_user_model() is Person


@pytest.mark.parametrize("name", ["default", "DEFAULT"])
def test_user_names_are_found_whatever_their_case(name: str) -> None:
    assert Person.objects.get_by_natural_key(name) == administrator()


def test_a_password_is_set_inside_the_door_only() -> None:
    with pytest.raises(WriteOutsideDoor):
        administrator().set_password("secret")


def test_a_new_password_ends_the_sessions_of_the_old_one() -> None:
    before = administrator().get_session_auth_hash()
    with changes.commit(by=None, origin="test"):
        administrator().set_password("secret")
    person = administrator()
    assert person.get_session_auth_hash() != before
    assert person.check_password("secret")
    assert not person.check_password("")


def test_an_account_may_have_no_password() -> None:
    with changes.commit(by=None, origin="test"):
        administrator().set_unusable_password()
    assert not administrator().has_usable_password()
    assert not administrator().check_password("anything")


def test_what_a_person_may_do_its_rights_say_unless_the_account_is_out_of_use() -> None:
    person = Person(user_name="u", employee_id="e", tenant_id=1)
    assert not person.is_staff
    assert person.has_module_perms("proxyapp")
    assert person.has_perm("proxyapp.view_agent")
    person.state = "disabled"
    assert not person.has_module_perms("proxyapp")
    assert not person.has_perm("proxyapp.view_agent")
    assert not person.has_perms(["proxyapp.view_agent"])
    assert person.get_full_name() == "u"
