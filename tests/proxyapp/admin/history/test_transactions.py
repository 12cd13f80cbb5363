"""The page of a transaction: what it did, readable whatever its size."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from historylog import audit
from proxyapp.models import Person
from proxyapp.services import accounts, changes, objects

See = Callable[..., str]


def test_it_shows_values_before_and_after(see: See, skill: Any) -> None:
    page = see(f"transactions/{skill.changed}/")
    assert "userProperties.a.c" in page
    assert page.index("<span>old</span>") < page.index("<span>new</span>")
    assert "desk 10.0.0.7 session abc123" in page
    assert "/admin/history/sessions/abc123/" in page


def test_a_deleted_object_shows_what_it_was(see: See, skill: Any) -> None:
    page = see(f"transactions/{skill.deleted}/")
    assert "removed" in page
    assert "&lt;English&gt;" in page


def test_a_secret_is_masked(see: See) -> None:
    body = {"tenantDBID": 1, "employeeID": "1", "userName": "anna"}
    dbid = objects.create("person", body, by=None, origin="test").dbid
    accounts.set_password(Person.objects.get(pk=dbid), "hush", by=None, origin="test")
    page = see("?path=secret")
    assert "<code>secret</code>" in page
    revision = page.split("transactions/")[-1].split("/")[0]
    shown = see(f"transactions/{revision}/")
    assert "••••••" in shown
    assert "hush" not in shown
    assert "SCRAM" not in shown


def test_a_secret_option_is_masked_in_every_page_and_export(see: See) -> None:
    body = {"tenantDBID": 1, "name": "x", "userProperties": {"db": {"password": {"secret": "a"}}}}
    made = objects.create("skill", body, by=None, origin="test")
    later = {"userProperties": {"db": {"password": {"secret": "b"}, "user": "anna"}}}
    changed = objects.update("skill", made.dbid, later, by=None, origin="test")
    of_object, number = f"objects/13/{made.dbid}/", changed.result.revision or 0
    for address in (
        of_object,
        f"{of_object}at/?revision={number}",
        f"{of_object}diff/?former={number - 1}&revision={number}",
        f"{of_object}diff/?everything=1",
        f"{of_object}revert/?revision={number - 1}",
        f"transactions/{number}/",
        f"transactions/{number}/revert/",
        *(f"changes.{form}?type=13" for form in ("csv", "json", "xml")),
    ):
        page = see(address)
        assert "(secret)" in page, address
        assert "secret:1:" not in page, address
    file = io.StringIO()
    audit.write(file)
    assert "(secret)" in file.getvalue()
    assert "secret:1:" not in file.getvalue()


def test_many_changes_are_grouped_and_paged(
    see: See, skill: Any, django_assert_max_num_queries: Any
) -> None:
    with changes.commit(by=None, origin="import") as work:
        bodies = [{"tenantDBID": 1, "name": f"s{number}"} for number in range(130)]
        objects.create_many("skill", bodies, work=work)
        objects.create("folder", {"name": "f", "type": "skill"}, by=None, origin="import")
    revision = work.result.revision if work.result else 0
    with django_assert_max_num_queries(30):
        page = see(f"transactions/{revision}/")
    assert "130 × Skill" in page
    assert "1 × Folder" in page
    assert page.count('<details class="history-step"') == 50
    assert "after=49" in page
    assert see(f"transactions/{revision}/?after=99").count('<details class="history-step"') == 31
    only = see(f"transactions/{revision}/?type=22&kind=created")
    assert only.count('<details class="history-step"') == 1
    assert "aria-current" in only


def test_where_former_values_were_not_kept_that_is_said(see: See) -> None:
    document = {"options": {"history-log": {"write-former-value": "false"}}}
    objects.update("application", 99, document, by=None, origin="test")
    dbid = objects.create("skill", {"tenantDBID": 1, "name": "x"}, by=None, origin="t").dbid
    changed = objects.update("skill", dbid, {"state": "disabled"}, by=None, origin="t")
    assert "Former values were not kept" in see(f"transactions/{changed.result.revision}/")


def test_there_is_no_other_transaction(see: See) -> None:
    see("transactions/999999/", status=404)
    see("transactions/0/", status=404)
