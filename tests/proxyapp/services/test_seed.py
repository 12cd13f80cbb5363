"""What every environment has from its first start."""

from __future__ import annotations

from typing import Any

import pytest

from proxyapp.choices import TENANT_FOLDER_TYPES, default_folder_name
from proxyapp.models import (
    AccessGroup,
    Application,
    ApplicationTemplate,
    ConfigObject,
    Folder,
    Host,
    Person,
    Revision,
    Tenant,
)
from proxyapp.services.seed import seed


def test_the_objects_of_the_first_start_are_there(db: None) -> None:
    assert Tenant.objects.get(pk=1).name == "Environment"
    assert Application.objects.get(pk=99).name == "confserv"
    assert Application.objects.get(pk=100).type == "sce"
    assert Host.objects.filter(name="configserver").exists()
    person = Person.objects.get(pk=100)
    assert (person.user_name, person.employee_id, person.is_staff) == ("default", "0", True)
    assert person.has_usable_password()
    assert set(ApplicationTemplate.objects.values_list("name", flat=True)) >= {
        "Configuration Server",
        "Configuration Server Proxy",
        "Generic Server",
        "Generic Client",
        "Genesys_Administrator_Server_8",
    }
    assert AccessGroup.objects.count() == 5
    assert set(ConfigObject.objects.values_list("name", flat=True)) == {
        "MediaType",
        "voice",
        "email",
        "chat",
    }


def test_the_environment_has_a_default_folder_for_each_type(db: None) -> None:
    names = set(Folder.objects.filter(owner_type=7, owner_dbid=1).values_list("name", flat=True))
    assert names == {default_folder_name(type_) for type_ in TENANT_FOLDER_TYPES}
    assert {"Persons", "Applications", "Switches", "Business attributes"} <= names


def test_seeding_again_changes_nothing(verify_change: Any, capsys: Any) -> None:
    with verify_change() as transactions:
        seed()
    assert transactions == []
    assert capsys.readouterr().out == ""


def test_what_was_renamed_or_added_by_people_is_left_alone(verify_change: Any, create: Any) -> None:
    create("skill", tenantDBID=1, name="x")
    with verify_change() as transactions:
        seed()
    assert transactions == []


@pytest.mark.django_db(transaction=True)
def test_an_emptied_database_is_seeded_anew_and_the_password_shown_once(capsys: Any) -> None:
    from django.core.management import call_command

    epoch = Revision.objects.get().epoch
    call_command("flush", interactive=False, verbosity=1)
    shown = capsys.readouterr().out
    password = shown.split("password:")[1].split()[0]
    person = Person.objects.get(pk=100)
    assert person.check_password(password)
    assert Revision.objects.get().epoch != epoch
    seed()
    assert capsys.readouterr().out == ""
