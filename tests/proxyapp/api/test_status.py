"""The status pages of the web process, in front of a node that answers as told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.test import AsyncClient, override_settings

from proxyapp.models import Person
from proxyapp.runtime import window
from proxyapp.runtime.window import NodeAway, View
from proxyapp.services import objects
from proxyapp.services.logins import PASSWORD_EXPIRED

STATUS = {
    "application": "site-<1>",
    "DBID": 101,
    "release": "1.0.0",
    "mode": "proxy",
    "ready": True,
    "epoch": "e1",
    "revision": 7,
    "age": 0.0,
    "treeHash": "00ff",
    "loads": 1,
    "journal": {"from": 1, "to": 7},
    "authority": {
        "link": "live",
        "master": "hq:2020",
        "masterApplication": "confserv",
        "masterRelease": "1.0.0",
        "attempts": 0,
        "failure": "its certificate has expired",
        "resumes": 3,
    },
    "alarms": [{"alarm": "master", "text": "the master is away", "since": 3.5}],
    "notices": ["the default port is restricted"],
    "ports": [
        {
            "id": "default",
            "port": 2020,
            "mode": "unsecured",
            "haSync": False,
            "clientsOnly": False,
            "open": True,
            "failedHandshakes": 0,
        },
        {
            "id": "ui",
            "port": 2030,
            "mode": "autodetect",
            "haSync": False,
            "clientsOnly": True,
            "open": True,
            "failedHandshakes": 3,
            "mutual": True,
            "names": ["pool<1>"],
            "expires": "2031-02-03T00:00:00+00:00",
        },
        {
            "id": "tls",
            "port": 2040,
            "mode": "secured",
            "haSync": True,
            "clientsOnly": False,
            "open": False,
        },
    ],
    "objects": {"person": 2},
    "objectCount": 2,
    "sessions": [
        {
            "session": "s1",
            "application": "desktop",
            "type": "sce",
            "user": "anna",
            "peer": "10.0.0.9:5000",
            "forwarded": "198.51.100.7:4711",
            "port": "default",
            "server": False,
            "connected": 12.3,
            "subscriptions": ["w1"],
            "cursor": 6,
            "acknowledged": 6,
            "behind": True,
        }
    ],
    "history": {
        "state": "failing",
        "error": "disk is <full>",
        "failingFor": 2.5,
        "waiting": 12,
        "lost": 3,
        "last": 1000007,
    },
    "runtime": {"connections": 1, "longestStall": 0.01, "portFailures": []},
}


class Elsewhere(AsyncClient):
    """A client on another machine."""

    def _base_scope(self, **request: Any) -> dict[str, Any]:
        return {**super()._base_scope(**request), "client": ["10.0.0.1", 5]}


class Node:
    """Answers like a node's status port, and keeps who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str]] = []
        self.away = False

    def look(self, path: str, peer: str, authorization: str = "") -> View:
        self.asked.append((path, peer, authorization))
        if self.away:
            raise NodeAway("the server process does not answer")
        if path in ("/readyz", "/freshz?max-age=3"):
            return View(503, b"not ready\n")
        if peer != "127.0.0.1" and not authorization:
            return View(401, b"log in", "Basic realm=x")
        return View(200, msgspec.json.encode(STATUS))


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    node = Node()
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # as the web process does
    monkeypatch.setattr(window, "_windows", [node])
    with override_settings(ROOT_URLCONF="csproxy_site.proxy_urls"):
        yield node


async def get(path: str, client: AsyncClient | None = None, **headers: str) -> Any:
    return await (client or AsyncClient()).get(path, headers=headers)


@pytest.mark.asyncio
async def test_people_get_a_page_with_everything_on_it(node) -> None:
    response = await get("/status", accept="text/html,*/*;q=0.5")
    page = response.content.decode()
    for text in ("site-&lt;1&gt;", "the master is away", "hq:2020", "desktop", "anna", "behind"):
        assert text in page
    assert "<code>198.51.100.7:4711</code>" in page
    assert "by <code>10.0.0.9:5000</code>" in page
    assert "Clients that leave" not in page
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "<script" not in page
    assert "style=" not in page
    assert "<dt>Failed attempts</dt><dd>0</dd>" in page


@pytest.mark.asyncio
async def test_people_see_how_ports_listen_and_for_whom(node) -> None:
    page = (await get("/status", accept="text/html")).content.decode()
    for text in (
        "the default port is restricted",
        "live: its certificate has expired",
        "certificate for pool&lt;1&gt; until 2031-02-03",
        "3 failed handshakes",
    ):
        assert text in page
    assert page.count("user interface applications only") == page.count("mutual TLS") == 1
    assert ">closed</span>" not in page  # the one for HA sync, of which nobody makes use
    assert "not used: this server is in no pair" in page


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("running", "told"),
    [
        ("backup", ["closed while it stands by", "closed"]),
        ("primary", ["closed", "closed"]),
    ],
)
async def test_a_closed_port_is_a_fault_unless_the_server_stands_by(
    node, monkeypatch, running, told
) -> None:
    closed = {"id": "ui", "port": 2050, "mode": "unsecured", "haSync": False, "open": False}
    monkeypatch.setitem(STATUS, "pair", {"peer": "other", "running": running})
    monkeypatch.setitem(STATUS, "ports", [closed, *STATUS["ports"]])
    page = (await get("/status", accept="text/html")).content.decode()
    assert re.findall(r">(closed[a-z ]*)</span>", page) == told


@pytest.mark.asyncio
async def test_sessions_have_the_id_by_which_they_are_ended(node) -> None:
    page = (await get("/status", accept="text/html")).content.decode()
    assert "<td><code>s1</code></td>" in page


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("path", "accept"), [("/status", "application/json"), ("/status?format=json", "text/html")]
)
async def test_programs_get_json(node, path, accept) -> None:
    assert (await get(path, accept=accept)).json() == STATUS


@pytest.mark.asyncio
async def test_the_node_decides_by_the_clients_address_and_credentials(node) -> None:
    client = Elsewhere()
    refused = await get("/status", client, accept="text/html")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Basic realm=x")
    assert (await get("/status", client, authorization="Basic abc")).status_code == 200
    assert node.asked == [("/status", "10.0.0.1", ""), ("/status", "10.0.0.1", "Basic abc")]


@pytest.mark.asyncio
async def test_a_reverse_proxy_on_this_machine_makes_nobody_local(node) -> None:
    forwarded = {"accept": "application/json", "x-forwarded-for": "127.0.0.1"}
    assert (await get("/status", **forwarded)).status_code == 401


@pytest.mark.asyncio
async def test_a_node_that_is_away_is_said_and_not_hidden(node) -> None:
    node.away = True
    assert (await get("/status", accept="application/json")).status_code == 503
    assert b"does not answer" in (await get("/status", accept="text/html")).content
    assert (await get("/readyz")).status_code == 503
    assert (await get("/livez")).status_code == 200


@pytest.mark.asyncio
async def test_readiness_is_the_nodes(node) -> None:
    for path in ("/readyz", "/freshz?max-age=3"):
        response = await get(path)
        assert (response.status_code, response.content) == (503, b"not ready\n")


@pytest.mark.asyncio
async def test_a_forged_session_cookie_opens_nothing_on_a_proxy(node) -> None:
    client = Elsewhere()
    client.cookies["sessionid"] = "forged"
    assert (await get("/status", client)).status_code == 401


async def logged_in() -> Elsewhere:
    """Return an administrator's browser that is not on this machine."""
    client = Elsewhere()
    await sync_to_async(client.force_login)(await Person.objects.aget(user_name="default"))
    return client


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_an_administrator_of_the_master_needs_no_second_login(node) -> None:
    with override_settings(ROOT_URLCONF="csproxy_site.urls"):
        client = await logged_in()
        assert (await get("/status", client)).status_code == 200


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_who_has_to_choose_a_new_password_first_sees_no_status(node) -> None:
    with override_settings(ROOT_URLCONF="csproxy_site.urls"):
        client = await logged_in()
        update = sync_to_async(objects.update)
        await update("person", 100, {"changePasswordOnNextLogin": True}, by=None, origin="test")
        assert (await get("/status", client)).status_code == 401


def mark(client: Elsewhere) -> None:
    session = client.session
    session[PASSWORD_EXPIRED] = True
    session.save()


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_a_session_of_an_expired_password_sees_no_status(node) -> None:
    with override_settings(ROOT_URLCONF="csproxy_site.urls"):
        client = await logged_in()
        assert (await get("/status", client)).status_code == 200
        await sync_to_async(mark)(client)
        assert (await get("/status", client)).status_code == 401


@pytest.mark.asyncio
@pytest.mark.django_db(transaction=True)
async def test_who_has_to_enrol_a_second_factor_first_sees_no_status(node) -> None:
    with override_settings(ROOT_URLCONF="csproxy_site.urls"):
        client = await logged_in()
        options = {"options": {"security": {"web-second-factor": "administrators"}}}
        update = sync_to_async(objects.update)
        await update("application", 99, options, by=None, origin="test")
        assert (await get("/status", client)).status_code == 401
