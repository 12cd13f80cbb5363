"""The page of changes on a proxy, in front of a node that has them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl

import msgspec
import pytest
from django.conf import settings
from django.test import Client, override_settings

from proxyapp.runtime import window
from proxyapp.runtime.window import NodeAway, View

ENGLISH = {"DBID": 601, "tenantDBID": 1, "name": "English", "state": "enabled"}
ROWS = [
    {"name": "<b>", "former": None, "document": ENGLISH},
    {"name": "English", "former": ENGLISH, "document": {**ENGLISH, "name": "Deutsch & more"}},
    {"name": "French", "former": ENGLISH, "document": None},
]


class Node:
    """Answers as a node would."""

    def __init__(self) -> None:
        self.away = False
        self.asked: dict[str, str] = {}

    def look(self, path: str, peer: str, authorization: str = "") -> View:
        if self.away:
            raise NodeAway("the server process does not answer")
        if peer != "127.0.0.1" and not authorization:
            return View(401, b"log in", "Basic realm=x")
        self.asked = dict(parse_qsl(path.partition("?")[2]))
        common = {"seq": 0, "at": 1e9, "by": "anna", "type": 13, "DBID": 601}
        rows = [{"revision": 9 - place, **common, **row} for place, row in enumerate(ROWS)]
        return View(200, msgspec.json.encode({"changes": rows, "begin": 4, "next": [7, 0]}))


@pytest.fixture(autouse=True)
def node(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    node = Node()
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # as the web process does
    monkeypatch.setattr(window, "_windows", [node])
    with override_settings(ROOT_URLCONF="csproxy_site.proxy_urls"):
        yield node


def test_changes_are_shown_with_their_values() -> None:
    page = Client().get("/history/changes/").content.decode()
    for words in (
        "created", "changed", "deleted", "&lt;b&gt;", "<code>name</code>", "Deutsch &amp; more",
        "2001-09-09 01:46:40", "anna", "begins behind revision 4", "after=7.0",
    ):  # fmt: skip
        assert words in page


def test_the_search_goes_to_the_node(node: Node) -> None:
    Client().get("/history/changes/?type=13&dbid=601&by=anna&after=7.0")
    assert node.asked == {"type": "13", "dbid": "601", "by": "anna", "before": "7.0"}


@pytest.mark.parametrize(
    "query", ["type=nonsense", "dbid=x", "after=7.x", "by=%00", f"dbid={10**30}"]
)
def test_nonsense_in_the_address_is_refused_with_what_to_do(query: str) -> None:
    response = Client().get(f"/history/changes/?{query}")
    assert response.status_code == 400
    assert "orrect" in response.content.decode() or "leave it out" in response.content.decode()
    stranger = Client().get(f"/history/changes/?{query}", REMOTE_ADDR="192.0.2.1")
    assert stranger.status_code in (400, 401)


def test_who_may_not_see_it_is_asked_to_log_in() -> None:
    response = Client().get("/history/changes/", REMOTE_ADDR="192.0.2.1")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Basic realm=x")


def test_a_node_that_is_away_is_said(node: Node) -> None:
    node.away = True
    response = Client().get("/history/changes/")
    assert response.status_code == 503
    assert "does not answer" in response.content.decode()
