"""The rights of the object bind on its pages, also those who may enter the administration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from confwire.objects import ObjectType
from proxyapp.admin.configured import ConfiguredAdmin
from proxyapp.engine.data.rights import (
    CHANGE,
    CHANGE_PERMISSIONS,
    CREATE,
    DELETE,
    EXECUTE,
    NO_PROPAGATE,
    READ,
    READ_PERMISSIONS,
)
from proxyapp.models import Application, ApplicationTemplate, Folder, Grant, Host, Person
from proxyapp.services import access, changes, objects

ROOT = "/admin/proxyapp/"
HOST, FOLDER = int(ObjectType.HOST), int(ObjectType.FOLDER)
ALL = READ | CREATE | CHANGE | EXECUTE | DELETE | READ_PERMISSIONS | CHANGE_PERMISSIONS
Save = Callable[..., Any]


@pytest.fixture
def host(administrator: Person) -> Host:
    """Return a host that others do not refer to."""
    fields = {
        "name": "bound",
        "lcaPort": "4999",
        "osInfo": {"type": "linux"},
        "type": "networkserver",
    }
    made = objects.create("host", fields, by=administrator, origin="test")
    return Host.objects.get(pk=made.dbid)


@pytest.fixture
def grant(administrator: Person) -> Callable[..., None]:
    """Return how to leave the administrators, and the person, one mask on an object."""

    def granted(target: Any, mask: int) -> None:
        with changes.commit(by=None, origin="test") as work:
            key = {"object_type": int(target.object_type), "object_dbid": target.dbid}
            for row in Grant.objects.filter(**key):
                work.delete(row)
            for membership in administrator.memberships.all():
                work.save(Grant(**key, group=membership.access_group, mask=mask))
        assert access.Rights(administrator).mask_of(target) == mask

    return granted


def pages(dbid: int) -> dict[str, str]:
    return {
        "change": f"{ROOT}host/{dbid}/change/",
        "delete": f"{ROOT}host/{dbid}/delete/",
        "why": f"/admin/rights/{HOST}/{dbid}/",
    }


TABLE = [
    # mask, the page, is it editable, may be deleted, the grants are shown
    (0, False, False, False, False),
    (ALL & ~READ, False, False, False, False),
    (READ, True, False, False, False),
    (READ | CHANGE, True, True, False, False),
    (READ | DELETE, True, False, True, False),
    (READ | READ_PERMISSIONS, True, False, False, True),
    (READ | CREATE | EXECUTE | CHANGE_PERMISSIONS, True, False, False, False),
    (ALL, True, True, True, True),
]


@pytest.mark.parametrize(("mask", "seen", "editable", "deletable", "open_"), TABLE)
def test_each_right_opens_its_pages(
    client: Client,
    host: Host,
    grant: Any,
    mask: int,
    seen: bool,
    editable: bool,
    deletable: bool,
    open_: bool,
) -> None:
    grant(host, mask)
    found = {name: client.get(address) for name, address in pages(host.dbid).items()}

    gone = client.get(pages(999_999)["change"])
    page = found["change"]
    assert page.status_code == (200 if seen else gone.status_code)
    if seen:
        assert page.context["has_change_permission"] is editable
        assert (b"Who may do what, and why" in page.content) is open_
        assert (b"What you may do, and why" in page.content) is not open_
        assert (b"Grant rights" in page.content) is (mask == ALL)
    else:
        assert page["Location"] == gone["Location"]
    assert (found["delete"].status_code == 200) is deletable
    assert found["why"].status_code == (200 if seen else 404)
    assert (b'name="person"' in found["why"].content) is (seen and open_)
    of_another = client.get(found["why"].request["PATH_INFO"], {"person": "nobody"})
    assert of_another.status_code == (200 if open_ else 403 if seen else 404)

    posted = client.post(pages(host.dbid)["change"], {"name": "other"})
    assert (posted.status_code == 200) is editable  # the form is not complete
    client.post(pages(host.dbid)["delete"], {"post": "yes"})
    assert Host.objects.filter(pk=host.dbid).exists() is not deletable


def test_actions_on_many_need_the_right_on_each(client: Client, host: Host, grant: Any) -> None:
    grant(host, READ)
    selected = {"_selected_action": [str(host.pk)], "post": "yes"}

    client.post(f"{ROOT}host/", {"action": "delete_selected", **selected})
    refused = client.post(f"{ROOT}host/", {"action": "disable", **selected}, follow=True)

    assert Host.objects.get(pk=host.pk).state == "enabled"
    assert b"lacks the right to change" in refused.content


def test_nothing_is_created_where_that_is_not_allowed(
    save: Save, administrator: Person, host: Host, grant: Any
) -> None:
    home = host.folder
    assert home is not None
    fields = {"name": "room", "type": "host", "folderDBID": home.pk}
    objects.create("folder", fields, by=administrator, origin="test")
    grant(home, ALL & ~CREATE | NO_PROPAGATE)

    page = save(f"{ROOT}host/add/", name="new")

    assert "lacks the right to create" in page.content.decode()
    assert not Host.objects.filter(name="new").exists()


def test_rights_are_granted_by_those_only_who_may(
    client: Client, save: Save, host: Host, grant: Any
) -> None:
    grant(host, READ | READ_PERMISSIONS)
    row = Grant.objects.get(object_type=HOST, object_dbid=host.dbid)
    add = f"{ROOT}grant/add/?object_type={HOST}&object_dbid={host.dbid}"

    page = save(add, person="100", mask=[str(READ)])
    deleted = client.post(f"{ROOT}grant/{row.pk}/delete/", {"post": "yes"})
    several = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
    client.post(f"{ROOT}grant/", several)

    assert "lacks the right to change permissions" in page.content.decode()
    assert deleted.status_code == 403
    assert list(Grant.objects.filter(object_type=HOST, object_dbid=host.dbid)) == [row]


def test_a_folder_is_not_deleted_with_what_the_person_may_not_delete(
    client: Client, administrator: Person, host: Host, grant: Any
) -> None:
    fields = {"name": "room", "type": "host", "folderDBID": host.folder_id}
    room = objects.create("folder", fields, by=administrator, origin="test").dbid
    objects.update("host", host.dbid, {"folderDBID": room}, by=administrator, origin="test")
    grant(Host.objects.get(pk=host.pk), 0)

    asked = client.get(f"{ROOT}folder/{room}/delete/")
    answer = client.post(f"{ROOT}folder/{room}/delete/", {"post": "yes"})

    assert asked.status_code == 200
    assert b"bound" not in asked.content
    assert answer.status_code == 403
    assert Folder.objects.filter(pk=room).exists()


def test_a_move_needs_the_rights_to_delete_here_and_to_create_there(
    save: Save, administrator: Person, host: Host, grant: Any
) -> None:
    fields = {"name": "room", "type": "host", "folderDBID": host.folder_id}
    room = objects.create("folder", fields, by=administrator, origin="test").dbid
    address = f"{ROOT}host/{host.pk}/change/"

    grant(host, ALL & ~DELETE)
    kept = save(address, folder=str(room))
    grant(host, ALL)
    grant(Folder.objects.get(pk=room), ALL & ~CREATE)
    refused = save(address, folder=str(room))
    stayed = Host.objects.get(pk=host.pk).folder_id
    grant(Folder.objects.get(pk=room), ALL)
    moved = save(address, folder=str(room))

    assert "lacks the right to delete" in kept.content.decode()
    assert "lacks the right to create" in refused.content.decode()
    assert stayed == host.folder_id
    assert moved.status_code == 302
    assert Host.objects.get(pk=host.pk).folder_id == room


# ---------------------------------------------------------------- between the look and the deed


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Return how to let something happen right after it was looked at what would be deleted."""

    def happens(what: Callable[[], None]) -> None:
        looked = ConfiguredAdmin.get_deleted_objects

        def look(admin: ConfiguredAdmin, objs: Any, request: Any) -> Any:
            found = looked(admin, objs, request)
            what()
            return found

        monkeypatch.setattr(ConfiguredAdmin, "get_deleted_objects", look)

    return happens


@pytest.mark.parametrize("many", [False, True])
def test_a_hidden_referrer_that_comes_meanwhile_is_counted_and_not_named(
    client: Client, host: Host, grant: Any, meanwhile: Any, many: bool
) -> None:
    def come() -> None:
        info = {"hostDBID": host.dbid, "port": "4711"}
        template = ApplicationTemplate.objects.get(name="Generic Server").dbid
        fields = {"name": "stealthy", "appPrototypeDBID": template, "serverInfo": info}
        fields |= {"autoRestart": True, "redundancyType": "coldstandby"}
        made = objects.create("application", fields, by=None, origin="test")
        grant(Application.objects.get(pk=made.dbid), 0)

    meanwhile(come)
    if many:
        form = {"action": "delete_selected", "_selected_action": [str(host.pk)], "post": "yes"}
        answer = client.post(f"{ROOT}host/", form, follow=True)
    else:
        answer = client.post(pages(host.dbid)["delete"], {"post": "yes"}, follow=True)
    page = answer.content.decode()
    assert "1 that you may not read" in page
    assert "stealthy" not in page
    assert Host.objects.filter(pk=host.pk).exists()


@pytest.mark.parametrize("mask", [0, READ])
def test_what_is_moved_into_a_folder_meanwhile_is_not_deleted_with_it(
    client: Client, administrator: Person, host: Host, grant: Any, meanwhile: Any, mask: int
) -> None:
    fields = {"name": "room", "type": "host", "folderDBID": host.folder_id}
    room = objects.create("folder", fields, by=administrator, origin="test").dbid

    def come() -> None:
        objects.update("host", host.dbid, {"folderDBID": room}, by=None, origin="test")
        grant(Host.objects.get(pk=host.pk), mask)

    meanwhile(come)
    page = client.post(f"{ROOT}folder/{room}/delete/", {"post": "yes"}, follow=True)
    assert Host.objects.filter(pk=host.pk).exists()
    assert Folder.objects.filter(pk=room).exists()
    assert (b"you may not read" in page.content) is (mask == 0)
    assert (b"lacks the right to delete" in page.content) is bool(mask)


@pytest.mark.parametrize("hidden", [False, True])
def test_a_backup_names_its_primary_to_who_may_read_it(
    client: Client, grant: Any, hidden: bool
) -> None:
    made: list[int] = []
    for name, port in (("standing-by", "4811"), ("leading", "4911")):
        fields: dict[str, Any] = {"name": name, "appPrototypeDBID": 98, "autoRestart": True}
        fields |= {"serverInfo": {"hostDBID": 100, "port": port}, "redundancyType": "coldstandby"}
        if made:
            fields["redundancyType"] = "warmstandby"
            fields["serverInfo"]["backupServerDBID"] = made[0]
        made.append(objects.create("application", fields, by=None, origin="test").dbid)
    backup, primary = made
    grant(Application.objects.get(pk=backup), READ)
    grant(Application.objects.get(pk=primary), 0 if hidden else READ)
    page = client.get(f"{ROOT}application/{backup}/change/").content.decode()
    assert "Backup of" in page
    assert (f'<a href="{ROOT}application/{primary}/change/">leading</a>' in page) is not hidden
    assert ("leading" in page) is not hidden
