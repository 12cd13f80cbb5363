"""The administration in a real browser: it works, and needs nothing that the policy forbids."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Page, sync_playwright

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
APPLICATIONS = "/admin/proxyapp/application/"


@pytest.fixture
def site(server_environment: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """Return the address of a site of its own, where the password of `default` is `secret`."""
    password = tmp_path / "password"
    password.write_text("secret\n")
    manage(server_environment, "migrate", "--verbosity=0")
    manage(server_environment, "resetadmin", f"--password-file={password}")
    port = free_port()
    command = [sys.executable, "manage.py", "runserver", "--noreload", str(port)]
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=server_environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/admin/login/", server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(10)


def manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while True:
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(address, timeout=5):
                return
        except URLError:
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.1)


@pytest.fixture
def complaints() -> list[str]:
    """Return what the browser complains of: scripts that fail, what the policy forbids."""
    return []


@pytest.fixture
def page(site: str, chromium: str, complaints: list[str]) -> Iterator[Page]:
    """Return a page in which the administrator has logged in."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(base_url=site, viewport={"width": 1280, "height": 900})
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text)
                if message.type == "error" and "favicon" not in message.location.get("url", "")
                else None
            ),
        )
        page.goto("/admin/")
        page.fill("[name=username]", "default")
        page.fill("[name=password]", "secret")
        page.click("[type=submit]")
        page.wait_for_url("**/admin/")
        yield page
        browser.close()


def choose(page: Page, field: str, text: str) -> None:
    """Look an object up in a field, and choose it."""
    page.click(f"[aria-labelledby='select2-id_{field}-container']")
    page.fill(".select2-dropdown .select2-search__field", text)
    page.click(f".select2-results__option:text-is('{text}')")


def test_a_proxy_is_made_and_changed_without_complaints(page: Page, complaints: list[str]) -> None:
    page.goto(APPLICATIONS)
    page.click("ul.object-tools a.addlink")
    page.click("ul.choices >> text=Configuration Server Proxy")
    page.fill("#id_name", "proxy-1")
    choose(page, "host", "configserver")
    page.fill("#id_ports-0-port", "3020")
    page.click("text=Add another Connection")
    choose(page, "connections-0-server", "confserv")
    page.select_option("#id_connections-0-conn_protocol", "addp")
    page.check("#id_proxy_writable")
    page.click("[name=_save]")
    assert "was added successfully" in page.inner_text(".messagelist")

    page.click("#result_list a:text-is('proxy-1')")
    assert "proxy-writable = true" in page.input_value("#id_options")
    page.fill("#id_options", "[log]\nverbose = all")
    page.click("[name=_continue]")

    assert "was changed successfully" in page.inner_text(".messagelist")
    assert page.input_value("#id_options") == "[log]\nverbose = all"
    assert complaints == []


def test_ports_are_cards_on_a_phone_and_new_ones_too(page: Page, complaints: list[str]) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(APPLICATIONS + "99/change/")
    page.click("text=Add another Port")
    for table in page.query_selector_all(".inline-group .tabular"):
        assert table.evaluate("it => it.scrollWidth <= it.clientWidth")
    label = "it => getComputedStyle(it, '::before').content"
    for row in (0, 2):
        cell = page.locator(f"#ports-{row} td.field-listening_mode")
        assert cell.is_visible()
        assert cell.evaluate(label) == '"Listening mode"'
    assert complaints == []


def test_no_page_is_wider_than_the_window_or_complains(page: Page, complaints: list[str]) -> None:
    for address in (
        "/admin/",
        APPLICATIONS,
        APPLICATIONS + "add/",
        APPLICATIONS + "add/?app_prototype=98",
        APPLICATIONS + "99/change/",
        APPLICATIONS + "99/secret/",
        "/admin/proxyapp/person/100/change/",
        "/admin/proxyapp/person/100/password/",
        "/admin/proxyapp/grant/",
        "/admin/proxyapp/configobject/",
    ):
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280, address
    assert complaints == []
