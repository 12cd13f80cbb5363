"""Names that are markup, and worse: every page and export of the web site shows them as text.

The pages are those of the URL resolver, so that a new one is attacked, too, or has to be listed.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from confwire.messages import HistoryEntry
from historylog import writer
from historylog.entries import Kind
from proxyapp.models import AccessGroup, ConfigObject, Folder, Grant, Membership, Person, Revision
from proxyapp.services import access, objects

if TYPE_CHECKING:
    from django.test import Client

MARKUP = "<script>hostile()</script>\"'><img src=x onerror=hostile()>{{ request.path }}{% now %}"
TURNED = "\N{RIGHT-TO-LEFT OVERRIDE}hostile"
FORMULA = "=cmd|hostile!A0"
LONG = "<b>" + "h" * 252
_UNESCAPED = re.compile(r"<script>hostile|<img src=x|<b>hh|hostile\(\)&lt;/script&gt;[\"']")
_SHOWN = "&lt;script&gt;hostile()"
WITHOUT = {
    None: "redirects, and what no other route takes",
    "autocomplete": "JSON",
    "jsi18n": "JavaScript without data",
    "logout": "answers POST alone",
    "view_on_site": "no object has a page of its own elsewhere",
    "status": "asks the node: tests/proxyapp/api has its page",
    "convergence": "asks the node: tests/proxyapp/api has its page",
    "readyz": "plain text",
    "freshz": "plain text",
    "livez": "plain text",
}
"""Names of routes without a page of HTML that the database fills, and why there is none."""


def _routes(patterns: list[Any], before: str = "") -> Iterator[tuple[str, str | None]]:
    for item in patterns:
        if isinstance(item, URLResolver):
            yield from _routes(item.url_patterns, before + str(item.pattern))
        elif isinstance(item, URLPattern):
            yield before + str(item.pattern), item.name


SILENT = {
    *("app_list", "index", "login", "password_change", "password_change_done", "second_factor"),
    *(f"proxyapp_{model}_add" for model in (
        "accessgroup", "applicationtemplate", "configobject", "folder", "grant", "host",
        "membership", "person", "tenant",
    )),
}  # fmt: skip
"""Pages that tell of no object."""
ROUTES = sorted({
    (route, name) for route, name in _routes(get_resolver().url_patterns) if name not in WITHOUT
}, key=str)  # fmt: skip


@pytest.fixture
def hostile(db: None) -> dict[str, int]:
    """Fill the configuration and its history with such names; return the first of each type."""
    who: Any = {"by": Person.objects.get(pk=100), "origin": MARKUP}
    options = {MARKUP: {MARKUP: MARKUP, TURNED: "=1+1"}}
    made: dict[str, int] = {}

    def make(kind: str, **fields: Any) -> int:
        dbid = objects.create(kind, fields, **who).dbid
        made.setdefault(kind, dbid)
        return dbid

    skills = Folder.objects.get(name="Skills", owner_dbid=1).dbid
    for name in (MARKUP, TURNED, FORMULA, LONG):
        make("tenant", name=name)
        home = make("folder", name=name, type="skill", folderDBID=skills)
        make("host", name=name, lcaPort="4999", osInfo={"type": "linux"}, type="networkserver")
        template = make("appPrototype", name=name, type="genericserver", version="8.5")
        make("application", name=name, appPrototypeDBID=template, userProperties=options,
             redundancyType="none", autoRestart=True)  # fmt: skip
        make("skill", name=name, tenantDBID=1, folderDBID=home, userProperties=options)
        make("person", tenantDBID=1, userName=name, employeeID=name, firstName=name, lastName=name)
        members = [{"objectType": "person", "DBID": made["person"]}]
        make("accessGroup", tenantDBID=1, name=name, members=members)
    objects.update("skill", made["skill"], {"userProperties": {MARKUP: {MARKUP: "2"}}}, **who)
    group = AccessGroup.objects.get(dbid=made["accessGroup"])
    access.grant(ConfigObject.objects.get(type=13, dbid=made["skill"]), group, 127, **who)
    named: Any = dict.fromkeys(
        ("application", "application_type", "user", "peer", "port", "reason", "server"), MARKUP
    )
    writer.keep([HistoryEntry(kind=Kind.SESSION_OPENED, at=1.7e9, session="s1", **named)])
    last = Revision.objects.get().number
    return made | {"revision": last, "first": last - 2, "before": 1}


def _addresses(route: str, name: str | None, made: dict[str, int]) -> list[str]:
    """Return where a route is asked."""
    model = route.split("/")[2] if route.count("/") > 2 else ""
    kind = {"applicationtemplate": "appPrototype", "accessgroup": "accessGroup",
            "configobject": "skill"}.get(model, model)  # fmt: skip
    values: dict[str, Any] = {
        "object_id": made.get(kind), "dbid": made.get(kind, made["skill"]), "type_": 13,
        "revision": made["revision"] - 1, "session": "s1",
    }  # fmt: skip
    if kind == "skill":
        values["object_id"] = ConfigObject.objects.get(type=13, dbid=made["skill"]).pk
    if kind in {"membership", "grant"}:
        rows = {"membership": Membership, "grant": Grant}[kind].objects
        values["object_id"] = rows.latest("pk").pk
    route = route.removeprefix("^").replace("^(?P<app_label>proxyapp)/$", "proxyapp/")
    filled = re.sub(
        r"<\w+:(\w+)>", lambda part: str(values.get(part[1], "{" + part[1] + "}")), route
    )
    query = _QUERIES.get(name or "", "").format(**made)
    forms = ("csv", "json", "xml") if "{form}" in filled else ("",)
    return [f"/{filled.format(form=form)}{query}" for form in forms]


_QUERIES = {
    "history_diff": "?former={first}&revision={revision}",
    "history_at": "?revision={revision}",
    "history_object_revert": "?revision={first}",
    "history_between": "?revision={before}&until={revision}",
}
_READ_FORMS: dict[str, Callable[[str], object]] = {
    "csv": lambda text: list(csv.DictReader(io.StringIO(text, newline=""))),
    "json": json.loads,
    "xml": ElementTree.fromstring,
}


@pytest.mark.parametrize("text", [MARKUP, LONG, 'value="&lt;script&gt;hostile()&lt;/script&gt;"'])
def test_markup_would_be_found(text: str) -> None:
    assert _UNESCAPED.search(text)


def test_no_page_and_no_export_takes_a_name_for_markup(
    hostile: dict[str, int], client: Client
) -> None:
    shown = set()
    for route, name in ROUTES:
        for address in _addresses(route, name, hostile):
            response: Any = client.get(address, follow=True)
            assert response.status_code == 200, address
            streaming = getattr(response, "streaming", False)
            body = b"".join(response.streaming_content) if streaming else response.content
            text = body.decode()
            form = address.partition("?")[0].rpartition(".")[2]
            if form in _READ_FORMS:
                _READ_FORMS[form](text)
                shown.add(name)
            else:
                assert not _UNESCAPED.search(text), address
                assert "{{ request.path }}" in text or _SHOWN not in text, address
                if _SHOWN in text:
                    shown.add(name)
    names = {name for _, name in ROUTES}
    assert names - shown == SILENT, "where none of these names were seen"


def test_no_cell_of_an_export_is_a_formula(hostile: dict[str, int], client: Client) -> None:
    response: Any = client.get("/admin/history/changes.csv")
    rows = csv.reader(io.StringIO(b"".join(response.streaming_content).decode(), newline=""))
    cells = [cell for row in rows for cell in row]
    assert any("=cmd|hostile" in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
