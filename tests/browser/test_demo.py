"""The first whole path: an option changed in the administration is printed behind the proxy."""

from __future__ import annotations

import pytest
from playwright.sync_api import sync_playwright

from tests.demo import Demo, read_until, running_demo

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def change_an_option(demo: Demo, chromium: str) -> None:
    """Log in, open application `default`, give it an option, and save, as a person does."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(base_url=f"http://127.0.0.1:{demo.ports['master-web']}")
        page.goto("/admin/")
        page.fill("[name=username]", "default")
        page.fill("[name=password]", demo.password_file.read_text().strip())
        page.click("[type=submit]")
        page.click("text=Applications")
        page.click("#result_list a:text-is('default')")
        page.fill("#id_options", "[a]\ncolour = green")
        page.click("[name=_save]")
        assert "was changed successfully" in page.inner_text(".messagelist")
        browser.close()


def test_an_option_changed_in_the_admin_is_printed_by_a_watch_behind_the_proxy(
    server_environment: dict[str, str], chromium: str
) -> None:
    with (
        running_demo(server_environment) as demo,
        demo.confctl("watch application", "proxy") as watch,
    ):
        read_until(watch, "watching demo_proxy")
        change_an_option(demo, chromium)
        line = read_until(watch, "a/colour")
    assert "application 100 [default]" in line
    assert "green" in line
