"""The environment and folders as they were, and what differs between two points in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from historylog.models import Transaction
from proxyapp.models import Document, Folder
from proxyapp.services import asof, changes, objects

See = Callable[..., str]
_ROW = re.compile(r'<td data-label="Name"><a href="/admin/history/objects/(\d+)/(\d+)/">')


def keys(see: See, address: str) -> list[tuple[int, int]]:
    """Return the objects of all pages of a list."""
    found: list[tuple[int, int]] = []
    page = see(address)
    while True:
        found += [(int(type_), int(dbid)) for type_, dbid in _ROW.findall(page)]
        following = re.search(r'href="(\?[^"]*)" rel="next"', page)
        if following is None:
            return found
        page = see(address.partition("?")[0] + following[1].replace("&amp;", "&"))


def newest() -> int:
    return int(Transaction.objects.latest("revision").revision)


def test_all_that_was_there_is_listed_in_order(see: See, skill: Any) -> None:
    for revision in (1, skill.created, skill.changed, skill.deleted):
        expected = sorted(state.key for state in asof.Past(revision).everything())
        assert keys(see, f"at/?revision={revision}") == expected
    assert len(keys(see, "at/")) == Document.objects.count()


def test_a_type_or_a_folder_is_listed_alone(see: See, skill: Any) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    expected = [(13, skill.dbid)]
    assert keys(see, f"at/?revision={skill.changed}&type=13") == expected
    assert keys(see, f"at/?revision={skill.changed}&folder={root}") == expected
    assert keys(see, f"at/?revision={skill.deleted}&folder={root}") == []


def test_what_was_moved_is_where_it_was(see: See) -> None:
    root = Folder.objects.get(type="skill", folder=None).dbid
    body: dict[str, Any] = {"name": "inner", "type": "skill"}
    inner = objects.create("folder", body, by=None, origin="test").dbid
    dbid = objects.create("skill", {"tenantDBID": 1, "name": "s"}, by=None, origin="test").dbid
    before = newest()
    objects.update("skill", dbid, {"folderDBID": inner}, by=None, origin="test")
    places = {
        at: [keys(see, f"at/?revision={at}&folder={one}&type=13") for one in (root, inner)]
        for at in (before, before + 1)
    }
    assert places == {before: [[(13, dbid)], []], before + 1: [[], [(13, dbid)]]}
    assert keys(see, f"between/?revision={before}&folder={root}") == [(13, dbid)]
    assert keys(see, f"between/?revision={before}&folder={inner}") == [(13, dbid)]


def test_what_differs_is_listed_once_with_what_became_of_it(see: See, skill: Any) -> None:
    page = see(f"between/?revision={skill.created}&until={skill.changed}")
    assert page.count("Side by side") == 1
    assert "userProperties.a.c" in page
    assert "Nothing differs" in see(f"between/?revision={skill.created - 1}&until={skill.deleted}")
    assert "deleted</span>" in see(f"between/?revision={skill.created}")
    assert "created</span>" in see(f"between/?revision={skill.created - 1}&until={skill.created}")


def test_a_time_is_as_good_as_a_revision(see: See, skill: Any) -> None:
    at = Transaction.objects.get(revision=skill.changed).at
    page = see(f"at/?time={at:%Y-%m-%dT%H:%M:%S.%f}")
    assert f"Revision <strong>{skill.changed}</strong>" in page


def test_what_differs_is_asked_by_times_too(see: See, skill: Any) -> None:
    page = see("between/?revision=0&until_time=2999-01-01T00:00")
    assert f"to <strong>{newest()}</strong>" in page
    page = see("between/?time=2999-01-01T00:00&until_time=2999-01-01T00:00")
    assert "Nothing differs" in page


def test_many_objects_are_paged(see: See) -> None:
    before = newest()
    with changes.commit(by=None, origin="test") as work:
        bodies = [{"tenantDBID": 1, "name": f"s{number}"} for number in range(130)]
        made = objects.create_many("skill", bodies, work=work)
    assert keys(see, f"between/?revision={before}") == [(13, dbid) for dbid in sorted(made)]
    assert keys(see, "at/?type=13") == [(13, dbid) for dbid in sorted(made)]
    assert keys(see, f"at/?type=13&revision={before}") == []


def test_what_is_yet_to_come_is_said(see: See) -> None:
    for page in ("at", "between"):
        assert "There is no revision 99999 yet" in see(f"{page}/?revision=99999", status=404)
    assert "Nothing was there" in see("at/?folder=99999")
