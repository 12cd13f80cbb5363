"""Searching: every filter, page after page, whole exports, a bounded number of queries."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from confwire.messages import HistoryEntry
from historylog import exporting, writer
from historylog.entries import Kind
from historylog.models import ChangeRecord, Transaction
from proxyapp.models import Person
from proxyapp.services import changes, objects

See = Callable[..., str]
_ROW = re.compile(r'<td data-label="Revision" class="number"><a href="[^"]*">(\d+)</a>')


def revisions(page: str) -> list[int]:
    return [int(number) for number in _ROW.findall(page)]


def following(page: str) -> str:
    found = re.search(r'href="(\?[^"]*)" rel="next"', page)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.mark.parametrize(
    "query",
    [
        "name=%3Cengl",
        "type=13",
        "type=13&dbid={dbid}",
        "session=abc123",
        "application=desk&type=13",
        "by=default&type=13",
        "name=%3CENGLISH%3E&since=2020-01-01T00:00&until=2100-01-01T00:00",
    ],
)
def test_a_life_is_found_in_many_ways(see: See, skill: Any, query: str) -> None:
    found = revisions(see("?" + query.format(dbid=skill.dbid)))
    assert found == list(range(skill.deleted, skill.created - 1, -1))


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("kind=deleted", "deleted"),
        ("path=userProperties.a.c&revision={changed}", "changed"),
        ("path=userProperties.a.&revision={changed}", "changed"),
        ("revision={created}", "created"),
    ],
)
def test_one_change_is_found_in_many_ways(see: See, skill: Any, query: str, name: str) -> None:
    assert revisions(see("?" + query.format(**skill._asdict()))) == [getattr(skill, name)]


def test_texts_are_shown_as_they_are(see: See, skill: Any) -> None:
    page = see("?type=13")
    assert "&lt;English&gt;" in page
    assert "<English>" not in page


def test_what_is_wrong_is_marked_and_nothing_else_breaks(see: See, skill: Any) -> None:
    page = see("?dbid=x&since=never&type=99999&after=%3Cx%3E&by=%00", status=400)
    assert page.count("errorlist") >= 3


def test_pages_lead_to_all_and_back(see: See, skill: Any) -> None:
    with changes.commit(by=None, origin="test") as work:
        bodies = [{"tenantDBID": 1, "name": f"s{number}"} for number in range(120)]
        objects.create_many("skill", bodies, work=work)
    seen: list[int] = []
    query, pages = "?type=13", 0
    while query:
        page = see(query)
        seen += revisions(page)
        query, pages = following(page), pages + 1
    assert pages == 3
    assert len(seen) == 120 + 4
    assert "First page" in page


@pytest.mark.parametrize("address", ["", "transactions/", "log/", "at/", "between/?revision=1"])
def test_a_full_page_needs_few_queries(
    see: See, skill: Any, address: str, django_assert_max_num_queries: Any
) -> None:
    person = Person.objects.get(pk=100)
    for number in range(60):
        body = {"tenantDBID": 1, "name": f"s{number}"}
        objects.create("skill", body, by=person, origin="desk 1.2.3.4 session s")
    writer.keep([HistoryEntry(kind=Kind.WEB_LOGIN, at=float(n), user="default") for n in range(60)])
    with django_assert_max_num_queries(45):
        see(address)


def test_transactions_are_listed_with_what_they_did(see: See, skill: Any) -> None:
    page = see("transactions/?session=abc123")
    assert revisions(page) == list(range(skill.deleted, skill.created - 1, -1))
    assert "1 created" in page
    assert "1 deleted" in page
    assert see("transactions/?by=nobody").count("No transaction is found") == 1


def test_entries_are_listed_and_a_session_is_a_timeline(see: See, skill: Any) -> None:
    base: Any = {"session": "abc123", "user": "default", "application": "desk<>"}
    at = Transaction.objects.get(revision=skill.created).at.timestamp()
    writer.keep(
        [
            HistoryEntry(kind=Kind.SESSION_OPENED, at=at - 60, server="site-1", **base),
            HistoryEntry(kind=Kind.SESSION_CLOSED, at=at + 60, reason="it went", **base),
        ]
    )
    assert see("log/?kind=sessions&application=desk%3C%3E").count("session opened</span>") == 1
    page = see("sessions/abc123/")
    order = [page.index(text) for text in ("session opened", "created", "deleted", "it went")]
    assert order == sorted(order)
    assert "2 min 0 s" in page
    see("sessions/never/", status=404)
    assert "Sessions and logins" in see("log/")


def test_exports_have_all_that_is_found(see: See, skill: Any) -> None:
    rows = json.loads(see("changes.json?type=13"))["rows"]
    assert [row["kind"] for row in rows] == ["deleted", "changed", "changed", "created"]
    assert rows[1]["properties"] == ["userProperties.a.c"]
    assert [value["property"] for value in rows[1]["values"]] == ["userProperties.a.c"]
    name = {"property": "name", "former": None, "value": "<English>"}
    assert name in rows[3]["values"]
    lines = list(csv.DictReader(io.StringIO(see("changes.csv"), newline="")))
    assert len(lines) == ChangeRecord.objects.count()
    root = ElementTree.fromstring(see("transactions.xml"))
    assert len(root) == Transaction.objects.count()
    see("changes.exe", status=404)


def test_an_export_of_large_values_has_few_in_memory_and_can_be_gone_on_with(
    see: See, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = objects.create("skill", {"tenantDBID": 1, "name": "x"}, by=None, origin="test")
    for number in range(50):
        text = {"userProperties": {"a": {"b": f"{number:03}" + "x" * 1_000}}}
        objects.update("skill", made.dbid, text, by=None, origin="test")
    monkeypatch.setattr(exporting.export, "__defaults__", (30_000,))
    query, seen, exports = "?type=13", list[int](), 0
    while query:
        found = json.loads(see(f"changes.json{query}"))
        assert len(found["rows"]) <= 20
        seen += [row["revision"] for row in found["rows"]]
        query = f"?type=13&after={found['more']}" if found["more"] else ""
        exports += 1
    assert exports == 3
    assert len(seen) == 51
    assert seen == sorted(seen, reverse=True)


def test_a_long_export_goes_on_page_by_page(see: See, skill: Any) -> None:
    with changes.commit(by=None, origin="test") as work:
        bodies = [{"tenantDBID": 1, "name": f"s{number}"} for number in range(1_100)]
        objects.create_many("skill", bodies, work=work)
    rows = json.loads(see("changes.json"))["rows"]
    assert len(rows) == ChangeRecord.objects.count()
    places = [(row["revision"], row["seq"]) for row in rows]
    assert places == sorted(places, reverse=True)
