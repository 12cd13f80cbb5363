"""Tenants and folders are named as people know them, each by who may read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from proxyapp.admin.history import places as subject
from proxyapp.admin.history.places import Places
from proxyapp.models import Grant, Person
from proxyapp.services import changes, objects
from proxyapp.services.browsing import Sight

See = Callable[..., str]


def folder(name: str, above: int = 0) -> int:
    place = {"folderDBID": above} if above else {}
    body = {"name": name, "type": "skill", **place}
    return objects.create("folder", body, by=None, origin="test").dbid


@pytest.fixture
def places(db: None) -> Places:
    return Places(Sight(None))


def test_a_name_that_one_folder_has_is_enough(places: Places) -> None:
    north = folder("North")
    assert places.find("folder", " north ") == north
    assert places.find("tenant", "environment") == 1


def test_of_several_the_path_says_which(places: Places) -> None:
    north, south = folder("North"), folder("South")
    own, other = folder("Team", north), folder("Team", south)
    with pytest.raises(ValidationError) as refused:
        places.find("folder", "Team")
    for words in ("There are 2", "North / Team", f"DBID {own}", f"DBID {other}"):
        assert words in refused.value.message
    assert places.find("folder", "North/Team") == own
    assert places.find("folder", "south / TEAM") == other
    path = next(path for path in places.suggestions("folder") if path.endswith("South / Team"))
    assert places.find("folder", path) == other
    with pytest.raises(ValidationError, match="There is no folder outh/Team"):
        places.find("folder", "outh/Team")


@pytest.mark.parametrize("text", ["nothing", "/", "a/", "%", "x" * 1_000])
def test_what_is_not_there_is_said(places: Places, text: str) -> None:
    for kind in ("tenant", "folder"):
        with pytest.raises(ValidationError, match="give its DBID, its name or its path"):
            places.find(kind, text)


def test_a_folder_that_is_gone_is_found_by_its_name(places: Places) -> None:
    gone = folder("Gone")
    objects.delete("folder", gone, by=None, origin="test")
    assert places.find("folder", "gone") == gone


def test_what_the_viewer_may_not_read_is_not_there(db: None) -> None:
    folder("North")
    body = {"tenantDBID": 1, "employeeID": "1", "userName": "stranger"}
    dbid = objects.create("person", body, by=None, origin="test").dbid
    places = Places(Sight(Person.objects.get(pk=dbid)))
    assert places.suggestions("folder") == places.suggestions("tenant") == []
    for kind, text in (("folder", "North"), ("tenant", "Environment")):
        with pytest.raises(ValidationError, match="There is no"):
            places.find(kind, text)


def test_no_path_names_what_the_viewer_may_not_read(db: None) -> None:
    north = folder("North")
    team = folder("Team", north)
    body = {"tenantDBID": 1, "employeeID": "1", "userName": "anna"}
    anna = objects.create("person", body, by=None, origin="test").dbid
    with changes.commit(by=None, origin="test") as work:
        grant = {"object_type": 22, "object_dbid": team, "person_id": anna, "mask": 1}
        work.save(Grant(**grant))
    places = Places(Sight(Person.objects.get(pk=anna)))
    (path,) = places.suggestions("folder")
    assert path == "… / … / … / Team"
    assert places.find("folder", "team") == team
    with pytest.raises(ValidationError, match="There is no folder North/Team"):
        places.find("folder", "North/Team")


def test_too_many_are_not_suggested(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "_SUGGESTED", 0)
    assert places.suggestions("folder") == []


def test_searches_and_exports_take_names(see: See, skill: Any) -> None:
    dbid = folder("North")
    document = {"tenantDBID": 1, "name": "inside", "folderDBID": dbid}
    objects.create("skill", document, by=None, origin="test")
    page = see("?folder=north&tenant=Environment")
    assert "inside" in page
    assert "&lt;English&gt;" not in page
    assert '<datalist id="id_folder_suggested">' in page
    assert "inside" in see("changes.csv?folder=skills/North")
    for address in ("at/", "between/?revision=0&"):
        query = address if "?" in address else f"{address}?"
        assert "inside" in see(f"{query}folder=North")
    assert "There is no folder" in see("?folder=nowhere", status=400)
    assert "There is no folder" in see("changes.csv?folder=nowhere", status=400)
    assert "There is no such DBID" in see("at/?folder=0", status=400)
