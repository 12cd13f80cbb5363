"""Second factors in a browser: enrolling, logging in, what is asked of whom, taking one away."""

from __future__ import annotations

import re
import threading
import time
from base64 import b32decode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_otp.oath import hotp
from structlog.testing import capture_logs

from historylog.models import EntryRecord
from proxyapp.engine.data.rights import READ
from proxyapp.models import Grant, Person
from proxyapp.models.secondfactors import SecondFactor, factor_of
from proxyapp.services import accounts, changes, leadership, objects
from tests.proxyapp.contending import all_at_once

PAGE = "/admin/second-factor/"
PASSWORD = "correct horse"
Fill = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time, to be moved: codes of one step are taken once."""
    now = [time.time()]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


@pytest.fixture
def phone(client: Client, administrator: Person) -> Phone:
    """Return an authenticator of the administrator, who has a password now."""
    accounts.set_password(administrator, PASSWORD, by=None, origin="test")
    client.force_login(administrator)
    return Phone()


class Phone:
    """An authenticator."""

    def add(self, page: str) -> None:
        found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
        assert found is not None
        self.text = found[1].replace(" ", "")
        self.key = b32decode(self.text)

    def code(self) -> str:
        return f"{hotp(self.key, int(time.time()) // 30):06}"


def enrol(client: Client, phone: Phone, clock: list[float]) -> list[str]:
    """Enrol in a browser that is logged in; return the recovery codes, half a minute later."""
    phone.add(client.post(PAGE, {"do": "begin"}).content.decode())
    page = client.post(PAGE, {"do": "confirm", "code": phone.code()}).content.decode()
    clock[0] += 30
    codes = re.findall(r"<li><code>([a-z2-7-]+)</code>", page)
    assert len(codes) == 10
    return codes


WRONG = "user name, password or code is wrong; after wrong codes none is taken for a while"


def log_in(code: str | None = None, password: str = PASSWORD) -> tuple[Client, str]:
    """Log in with another browser; return it, and what it shows if it stays outside."""
    browser = Client()
    form = {"username": "default", "password": password}
    page = browser.post(
        "/admin/login/?next=/admin/",
        form | ({} if code is None else {"code": code}),
        REMOTE_ADDR="192.0.2.7",
    )
    return browser, page.content.decode()


def is_inside(browser: Client) -> bool:
    return browser.get("/admin/").status_code == 200


def entries() -> list[tuple[str, str]]:
    rows = EntryRecord.objects.filter(kind__contains="econdFactor").order_by("number")
    return list(rows.values_list("kind", "reason"))


def decide(who: str) -> None:
    options = {"options": {"security": {"web-second-factor": who}}}
    objects.update("application", 99, options, by=None, origin="test")


def test_who_has_enrolled_logs_in_with_a_code(
    client: Client, phone: Phone, clock: list[float]
) -> None:
    assert 'name="code"' not in log_in(password="wrong")[1], "nobody has enrolled"
    enrol(client, phone, clock)
    assert is_inside(client), "who enrolled stays inside"
    assert is_inside(log_in(phone.code())[0])
    assert entries() == [("secondFactorEnrolled", "")]


def test_the_page_does_not_say_which_of_them_was_wrong(
    client: Client, phone: Phone, clock: list[float]
) -> None:
    enrol(client, phone, clock)
    pages = [log_in("")[1], log_in(None)[1], log_in("000000")[1], log_in("000000", "wrong")[1]]
    assert all(WRONG in page for page in pages)
    assert all('name="code"' in page for page in pages)
    kept = EntryRecord.objects.filter(kind="webLoginRefused").values_list("reason", flat=True)
    assert list(kept.order_by("number")) == [
        "the code of the second factor is missing",
        "the code of the second factor is missing",
        "the code of the second factor is wrong",
        WRONG,
    ]


def test_a_code_lets_in_once(client: Client, phone: Phone, clock: list[float]) -> None:
    enrol(client, phone, clock)
    code = phone.code()
    assert is_inside(log_in(code)[0])
    assert not is_inside(log_in(code)[0])
    last = EntryRecord.objects.order_by("number").last()
    assert last is not None
    assert last.reason == "the code of the second factor was used before"


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
@pytest.mark.parametrize("is_recovery", [False, True])
def test_of_many_browsers_with_one_code_at_once_one_comes_in(
    client: Client, phone: Phone, clock: list[float], is_recovery: bool
) -> None:
    code, *_ = enrol(client, phone, clock)
    if not is_recovery:
        code = phone.code()
    found = all_at_once(SecondFactor.objects.all(), *[lambda: is_inside(log_in(code)[0])] * 4)
    assert sum(found) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgres_only
def test_who_confirms_twice_at_once_has_one_set_of_recovery_codes(
    client: Client, phone: Phone, clock: list[float]
) -> None:
    phone.add(client.post(PAGE, {"do": "begin"}).content.decode())
    begun = threading.Barrier(2)

    def confirm(code: str) -> list[str]:
        browser = Client()
        browser.cookies = client.cookies
        try:
            begun.wait(20)
            page = browser.post(PAGE, {"do": "confirm", "code": code}).content.decode()
            return re.findall(r"<li><code>([a-z2-7-]+)</code>", page)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        (codes,) = [told for told in pool.map(confirm, [phone.code()] * 2) if told]
    assert is_inside(log_in(codes[0])[0])


def test_guessing_has_to_wait_and_counts_as_failed_logins(
    client: Client, phone: Phone, clock: list[float], administrator: Person
) -> None:
    rules = {"userProperties": {"security-authentication-rules": {"account-lockout-threshold": 3}}}
    objects.update("tenant", 1, rules, by=None, origin="test")
    enrol(client, phone, clock)
    log_in("000000")
    page = log_in(phone.code())[1]
    assert WRONG in page, "as after a wrong password"
    assert "seconds" not in page
    for _ in range(2):
        clock[0] += 5
        log_in("000000")
    clock[0] += 60
    assert "locked after too many" in log_in(phone.code())[1]
    accounts.unlock(administrator)
    assert is_inside(log_in(phone.code())[0])


def test_recovery_codes_let_in_once_each(client: Client, phone: Phone, clock: list[float]) -> None:
    codes = enrol(client, phone, clock)
    browser, _ = log_in(codes[0])
    assert is_inside(browser)
    assert "9 recovery codes are left" in browser.get(PAGE).content.decode()
    assert not is_inside(log_in(codes[0])[0])
    logins = EntryRecord.objects.filter(kind="webLogin").order_by("number")
    assert [login.reason for login in logins][-1] == "by a recovery code; 9 are left"


def test_enrolling_ends_the_other_sessions(
    client: Client, phone: Phone, clock: list[float]
) -> None:
    other, _ = log_in()
    assert is_inside(other)
    enrol(client, phone, clock)
    assert not is_inside(other)


def test_a_wrong_code_does_not_enrol(client: Client, phone: Phone, administrator: Person) -> None:
    phone.add(client.post(PAGE, {"do": "begin"}).content.decode())
    page = client.post(PAGE, {"do": "confirm", "code": "000000"}).content.decode()
    assert "does not fit" in page
    assert phone.text in page.replace(" ", ""), "the same key is shown until it is confirmed"
    assert factor_of(administrator.pk) is None


def test_nothing_is_confirmed_that_was_not_begun(client: Client, administrator: Person) -> None:
    page = client.post(PAGE, {"do": "confirm", "code": "000000"})
    assert page.status_code == 200
    assert client.post(PAGE, {"do": "nonsense"}).status_code == 200
    assert factor_of(administrator.pk) is None


def test_the_secrets_are_shown_once_and_kept_nowhere_in_clear(
    client: Client, phone: Phone, clock: list[float]
) -> None:
    with capture_logs() as logs:
        codes = enrol(client, phone, clock)
        page = client.get(PAGE).content.decode()
        log_in(codes[0])
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        kept = repr(logs)
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            kept += repr(cursor.fetchall())
    for secret in (phone.text, phone.key.hex(), *codes):
        assert secret not in page
        assert secret.lower() not in kept.lower()
        assert secret.replace("-", "") not in kept.lower()


def test_removing_ones_own_needs_a_code(client: Client, phone: Phone, clock: list[float]) -> None:
    enrol(client, phone, clock)
    for wanted in ("remove", "renew"):
        clock[0] += 60
        client.post(PAGE, {"do": wanted, "code": ""})
        client.post(PAGE, {"do": wanted, "code": "000000"})
    client.post("/admin/proxyapp/person/100/second-factor/")
    assert SecondFactor.objects.exists()
    clock[0] += 60
    assert client.post(PAGE, {"do": "remove", "code": phone.code()}).status_code == 302
    assert not SecondFactor.objects.exists()
    assert is_inside(client)
    assert is_inside(log_in()[0])
    wrong = ("secondFactorRefused", "the code of the second factor is wrong")
    removed = ("secondFactorRemoved", "by default")
    assert entries() == [("secondFactorEnrolled", ""), wrong, wrong, removed]


def test_new_recovery_codes_need_a_code(client: Client, phone: Phone, clock: list[float]) -> None:
    former = enrol(client, phone, clock)
    page = client.post(PAGE, {"do": "renew", "code": phone.code()}).content.decode()
    (fresh, *_) = re.findall(r"<li><code>([a-z2-7-]+)</code>", page)
    assert not is_inside(log_in(former[0])[0])
    clock[0] += 5
    assert is_inside(log_in(fresh)[0])


# ---------------------------------------------------------------- who must


@pytest.mark.parametrize("who", ["administrators", "everybody"])
def test_who_must_enrols_before_anything_else(
    who: str, client: Client, phone: Phone, clock: list[float]
) -> None:
    decide(who)
    for address in ("/admin/", "/admin/proxyapp/person/", "/admin/history/"):
        assert client.get(address)["Location"] == PAGE
    assert "before you go on" in client.get(PAGE).content.decode()
    enrol(client, phone, clock)
    assert is_inside(client)


def test_nobody_must_by_default(client: Client) -> None:
    assert is_inside(client)


# ---------------------------------------------------------------- taken away


@pytest.fixture
def ivan(client: Client, save: Any) -> Person:
    """Return another administrator, who has enrolled."""
    document = {"tenantDBID": 1, "employeeID": "И1", "userName": "Иван"}
    dbid = objects.create("person", document, by=None, origin="test").dbid
    group = {"memberships-TOTAL_FORMS": "2", "memberships-1-person": str(dbid)}
    save("/admin/proxyapp/accessgroup/96/change/", **group)
    person = Person.objects.get(pk=dbid)
    return person


def test_an_administrator_takes_anothers_away(
    client: Client, ivan: Person, clock: list[float]
) -> None:
    browser = Client()
    browser.force_login(ivan)
    enrol(browser, Phone(), clock)
    page = f"/admin/proxyapp/person/{ivan.pk}/"
    assert "10 recovery codes left" in client.get(page + "change/").content.decode()
    assert "Иван" in client.get(page + "second-factor/").content.decode()
    assert SecondFactor.objects.exists(), "nothing is done by looking"
    client.post(page + "second-factor/")
    assert factor_of(ivan.pk) is None
    assert not is_inside(browser), "its sessions end"
    assert entries()[-1] == ("secondFactorRemoved", "by default")
    client.post(page + "second-factor/")
    assert len(entries()) == 2, "there was none any more"


def test_without_the_right_to_change_the_person_it_stays(
    client: Client, ivan: Person, clock: list[float], administrator: Person
) -> None:
    browser = Client()
    browser.force_login(ivan)
    enrol(browser, Phone(), clock)
    with changes.commit(by=None, origin="test") as work:
        for membership in administrator.memberships.all():
            key = {"object_type": int(ivan.object_type), "object_dbid": ivan.dbid}
            work.save(Grant(**key, group=membership.access_group, mask=READ))
    assert client.post(f"/admin/proxyapp/person/{ivan.pk}/second-factor/").status_code == 403
    assert client.post("/admin/proxyapp/person/4711/second-factor/").status_code in (302, 403)
    assert factor_of(ivan.pk) is not None


def test_the_command_for_a_lost_password_takes_it_away_too(
    client: Client, phone: Phone, clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    enrol(client, phone, clock)
    call_command("resetadmin")
    password = capsys.readouterr().out.split()[-1]
    assert is_inside(log_in(password=password)[0])


@pytest.fixture
def replaced() -> Iterator[Callable[[], None]]:
    """Return how to let another master take the lead."""

    def take() -> None:
        leadership.take("confserv", "instance of another", 8080)
        leadership.claim("instance of this one")

    yield take
    leadership.forget()


def test_a_backup_master_enrols_nobody_and_says_where(
    client: Client, phone: Phone, replaced: Callable[[], None]
) -> None:
    decide("administrators")
    replaced()
    answer = client.post(PAGE, {"do": "begin"}, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain[-1][0] == PAGE
    assert "Nothing was changed" in page
    assert "at the master that leads" in page


def test_a_backup_master_asks_for_codes_and_takes_each_once(
    client: Client, phone: Phone, clock: list[float], replaced: Callable[[], None]
) -> None:
    enrol(client, phone, clock)
    replaced()
    code = phone.code()
    assert is_inside(log_in(code)[0])
    assert not is_inside(log_in(code)[0])
