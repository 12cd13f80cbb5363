"""The history pages of a proxy, in front of a node that says what may be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from django.conf import settings
from django.db import OperationalError
from django.test import Client, override_settings

from confwire.messages import HistoryEntry
from historylog import entryreader, writer
from historylog.entries import Kind
from proxyapp.runtime import window
from proxyapp.runtime.window import NodeAway, View

PAGES = ["", "log.csv", "log.json", "log.xml", "sessions/s1/"]


class Node:
    """Answers as a node would, and hides one person."""

    def __init__(self) -> None:
        self.away = False
        self.hidden = "secret agent"

    def look(self, path: str, peer: str, authorization: str = "") -> View:
        if self.away:
            raise NodeAway("the server process does not answer")
        if peer != "127.0.0.1" and not authorization:
            return View(401, b"log in", "Basic realm=x")
        names = parse_qs(path.partition("?")[2])
        found = [name for name in names.get("person", ()) if name == self.hidden]
        return View(200, msgspec.json.encode({"person": found, "application": []}))


@pytest.fixture
def node(db: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    node = Node()
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # as the web process does
    monkeypatch.setattr(window, "_windows", [node])
    with override_settings(ROOT_URLCONF="csproxy_site.proxy_urls"):
        yield node


@pytest.fixture(autouse=True)
def entries(node: Node) -> None:
    """Keep a session of somebody, one of a secret agent, and the start of the server."""
    writer.keep(
        [
            HistoryEntry(kind=kind, at=at, session=session, user=user, application="desk<>")
            for kind, at, session, user in (
                (Kind.SERVER_STARTED, 5.0, "", ""),
                (Kind.SESSION_OPENED, 10.0, "s1", "anna"),
                (Kind.SESSION_OPENED, 11.0, "s2", "secret agent"),
                (Kind.SESSION_CLOSED, 71.0, "s1", "anna"),
            )
        ]
    )


def text(address: str, **more: Any) -> str:
    response = Client().get(f"/history/{address}", **more)
    assert response.status_code == 200, response
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return str(body.decode())


def test_the_page_shows_what_the_proxy_keeps() -> None:
    page = text("")
    for words in (
        "session opened",
        "server started",
        "anna",
        "desk&lt;&gt;",
        "/history/sessions/s1/",
    ):
        assert words in page
    assert "<script" not in page
    assert "style=" not in page


@pytest.mark.parametrize("page", ["", "sessions/s3/"])
def test_markup_in_an_entry_is_shown_as_text(page: str) -> None:
    markup = "<script>hostile()</script>\"'><img src=x>"
    texts: Any = dict.fromkeys(
        ("application", "application_type", "user", "peer", "port", "reason", "server"), markup
    )
    writer.keep([HistoryEntry(kind=Kind.SESSION_OPENED, at=12.0, session="s3", **texts)])
    shown = text(page)
    assert "&lt;script&gt;hostile()" in shown
    assert not re.search(r"<script>hostile|<img src=x|&lt;/script&gt;[\"']", shown)


def test_the_page_says_which_it_is() -> None:
    assert '<a href="/history/" aria-current="true">History</a>' in text("")


def test_a_search_narrows_it() -> None:
    rows = json.loads(text("log.json?user=anna&kind=sessionClosed"))["rows"]
    assert [(row["kind"], row["session"]) for row in rows] == [("sessionClosed", "s1")]


def test_a_session_is_a_timeline() -> None:
    page = text("sessions/s1/")
    assert page.index("session opened") < page.index("after 1 min 1 s") < page.index("closed")
    assert Client().get("/history/sessions/never/").status_code == 404


@pytest.mark.parametrize("page", PAGES)
def test_what_may_not_be_read_is_told_nowhere(page: str) -> None:
    assert "secret agent" not in text(page)
    assert Client().get("/history/sessions/s2/").status_code == 404
    assert json.loads(text("log.json?user=secret+agent")) == {"rows": [], "more": ""}


@pytest.mark.parametrize("page", PAGES)
def test_others_must_log_in(page: str) -> None:
    stranger = Client(REMOTE_ADDR="10.0.0.1")
    response = stranger.get(f"/history/{page}")
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Basic realm=x")
    allowed = stranger.get(f"/history/{page}", headers={"Authorization": "Basic abc"})
    assert allowed.status_code == 200


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_shown_without_the_node(node: Node, page: str) -> None:
    node.away = True
    response = Client().get(f"/history/{page}")
    assert response.status_code == 503
    assert b"does not answer" in response.content


def test_there_are_no_other_exports() -> None:
    assert Client().get("/history/log.exe").status_code == 404


def test_pages_lead_on(node: Node) -> None:
    kind = Kind.SESSION_OPENED
    entries = [HistoryEntry(kind=kind, at=100.0 + n, session=f"n{n}") for n in range(60)]
    writer.keep(entries)
    first = text("?kind=sessions")
    link = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    second = text(link)
    assert "sessions/n59/" in first
    assert "sessions/n9/" in second
    assert "sessions/n59/" not in second


@pytest.mark.parametrize("page", ["", "log.csv", "log.json", "log.xml"])
@pytest.mark.parametrize("query", ["kind=x", "since=never", "user=%00", "after=x", "after=1.2.3"])
def test_nonsense_in_the_address_is_refused_with_what_to_do(page: str, query: str) -> None:
    response = Client().get(f"/history/{page}?{query}")
    assert response.status_code == 400
    words = response.content.decode()
    assert "orrect" in words or "leave it out" in words
    assert "anna" not in words
    assert Client().get(f"/history/{page}?{query}", REMOTE_ADDR="192.0.2.1").status_code in (
        400,
        401,
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_file_that_is_not_made_yet_is_no_error_of_the_server(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*given: Any) -> Any:
        raise OperationalError("no such table: historylog_entryrecord")

    monkeypatch.setattr(entryreader, "entries", missing)
    response = Client().get(f"/history/{page}")
    assert response.status_code == 503
    assert "has found its master" in response.content.decode()
