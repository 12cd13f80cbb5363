"""Who came to the web site is in the history log."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.test import Client
from structlog.testing import capture_logs

from historylog import writer
from historylog.models import EntryRecord
from proxyapp.models import Person
from proxyapp.services import objects, recording
from proxyapp.services.accounts import set_password

pytestmark = pytest.mark.django_db
PASSWORD = "only for tests"


@pytest.fixture(autouse=True)
def account() -> None:
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    set_password(Person.objects.get(dbid=100), PASSWORD, by=None, origin="test")


def visit(client: Client, password: str = PASSWORD, **headers: str) -> None:
    form = {"username": "Default", "password": password}
    client.post("/admin/login/", form, REMOTE_ADDR="192.0.2.7", REMOTE_PORT="4711", **headers)


def moments() -> list[tuple[str, str]]:
    return list(EntryRecord.objects.order_by("number").values_list("kind", "user"))


def test_a_login_and_a_logout_are_kept_with_where_they_came_from(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "_server", "confserv")
    delta = {"options": {"csproxy": {"balancer-networks": "192.0.2.0/28"}}}
    objects.update("application", 99, delta, by=None, origin="test")
    visit(client, HTTP_X_FORWARDED_FOR="1.2.3.4, 198.51.100.9")
    client.post("/admin/logout/")
    assert moments() == [("webLogin", "default"), ("webLogout", "default")]
    entry = EntryRecord.objects.first()
    assert entry is not None
    assert (entry.peer, entry.forwarded, entry.port) == ("192.0.2.7:4711", "198.51.100.9", "web")
    assert entry.server == "confserv"


def test_what_a_stranger_says_of_itself_is_not_kept(client: Client) -> None:
    visit(client, HTTP_X_FORWARDED_FOR="198.51.100.9")
    entry = EntryRecord.objects.get()
    assert (entry.peer, entry.forwarded) == ("192.0.2.7:4711", "")


def test_a_refusal_is_kept_without_the_password(client: Client) -> None:
    visit(client, "guessed")
    assert moments() == [("webLoginRefused", "Default")]
    assert not EntryRecord.objects.filter(reason__contains="guessed").exists()


def test_a_logout_of_nobody_is_nothing(client: Client) -> None:
    client.post("/admin/logout/")
    assert moments() == []


def test_nothing_is_kept_while_that_is_suspended(client: Client) -> None:
    options = {"options": {"history-log": {"active": "false"}}}
    objects.update("application", 99, options, by=None, origin="test")
    visit(client)
    assert moments() == []


def test_a_history_that_cannot_be_written_keeps_nobody_out(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(entries: object) -> None:
        raise DatabaseError("disk is full")

    monkeypatch.setattr(writer, "keep", full)
    with capture_logs() as logs:
        visit(client)
    assert client.session.get("_auth_user_id")
    (line,) = [line for line in logs if line.get("code") == writer.ERROR_CODE]
    assert line["reason"] == "disk is full"
