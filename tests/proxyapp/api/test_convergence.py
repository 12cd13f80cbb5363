"""The page of who has the last transactions, in front of a node that answers as told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.test import Client, override_settings

from proxyapp.models import AccessGroup, Application, ApplicationTemplate, Person
from proxyapp.runtime import window
from proxyapp.runtime.window import NodeAway, View
from proxyapp.services import access, objects

ROW = {
    "revision": 7,
    "at": 1_760_000_000.5,
    "proxies": 1,
    "proxiesOf": 2,
    "away": 1,
    "clients": 40,
    "clientsOf": 41,
    "confirmed": 39,
    "complete": False,
    "slowest": "desk",
    "delay": 12.345,
}


class Node:
    """Answers as a node would; hides what it is told to."""

    away = False
    hidden: tuple[str, ...] = ()

    def look(self, path: str, peer: str, authorization: str = "") -> View:
        if self.away:
            raise NodeAway("the server process does not answer")
        if peer != "127.0.0.1" and not authorization:
            return View(401, b"log in", "Basic realm=x")
        if path.startswith("/hidden"):
            return View(200, msgspec.json.encode({"application": self.hidden, "person": []}))
        status = {"application": "site-1", "mode": "proxy", "revision": 7, "convergence": [ROW]}
        return View(200, msgspec.json.encode(status))


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Node:
    node = Node()
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # as the web process does
    monkeypatch.setattr(window, "_windows", [node])
    return node


@pytest.fixture
def proxy_site(node: Node) -> Iterator[Node]:
    with override_settings(ROOT_URLCONF="csproxy_site.proxy_urls"):
        yield node


def test_people_see_who_lacks_what(proxy_site: Node) -> None:
    page = Client().get("/convergence", headers={"Accept": "text/html"}).content.decode()
    for text in ("2025-10-09", "1 of 2", "1 away", "40 of 41", "39", "not yet", "12.35", "desk"):
        assert text in page, text
    assert 'http-equiv="refresh"' in page
    assert "<script" not in page


def test_programs_get_json(proxy_site: Node) -> None:
    found = Client().get("/convergence?format=json").json()
    assert found == {"revision": 7, "convergence": [ROW]}


def test_others_must_log_in(proxy_site: Node) -> None:
    stranger = Client(REMOTE_ADDR="10.0.0.1")
    assert stranger.get("/convergence").status_code == 401
    allowed = stranger.get("/convergence", headers={"Authorization": "Basic abc"})
    assert allowed.status_code == 200


def test_a_name_that_may_not_be_read_is_hidden(proxy_site: Node) -> None:
    proxy_site.hidden = ("desk",)
    page = Client().get("/convergence", headers={"Accept": "text/html"}).content.decode()
    assert "desk" not in page
    assert "(hidden)" in page


def test_a_node_that_is_away_is_said(proxy_site: Node) -> None:
    proxy_site.away = True
    assert Client().get("/convergence").status_code == 503


@pytest.mark.django_db(transaction=True)
def test_an_administrator_sees_only_names_that_may_be_read(node: Node) -> None:
    template = ApplicationTemplate.objects.get(name="Generic Client").dbid
    document: dict[str, Any] = {"name": "desk", "appPrototypeDBID": template}
    document |= {"redundancyType": "coldstandby", "autoRestart": True}
    dbid = objects.create("application", document, by=None, origin="test").dbid
    client = Client(REMOTE_ADDR="10.0.0.1")
    client.force_login(Person.objects.get(pk=100))
    assert "desk" in client.get("/convergence", headers={"Accept": "text/html"}).content.decode()

    group, desk = AccessGroup.objects.get(pk=96), Application.objects.get(pk=dbid)
    access.grant(desk, group, 0, by=None, origin="test")

    page = client.get("/convergence", headers={"Accept": "text/html"}).content.decode()
    assert "desk" not in page
    assert "/admin/history/transactions/7/" in page
