"""Somebody who reads pages of the administration, one after another, without a pause."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import statistics
import time
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

PAGES = (
    "/admin/",
    "/admin/proxyapp/application/",
    "/admin/proxyapp/person/",
    "/admin/proxyapp/configobject/",
    "/admin/proxyapp/host/add/",
)
_LOGIN = "/admin/login/"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class Load:
    """A browser as far as it asks for pages."""

    async def begin(self, port: int, user: str, password: str, idle: bool) -> dict[str, Any]:
        """Log in; when `idle`, take only processor time that nobody else wants."""
        if idle:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookies = SimpleCookie()
        token = _TOKEN.search(self._ask("GET", _LOGIN, 200))
        assert token is not None, "the page of the login has no token"
        form = {"username": user, "password": password, "csrfmiddlewaretoken": token[1]}
        self._ask("POST", _LOGIN, 302, form)
        for page in PAGES:
            self._ask("GET", page, 200)
        return {}

    async def run(self, seconds: float) -> dict[str, Any]:
        """Read for some seconds; return pages a second, and the median seconds of a page."""
        return await asyncio.to_thread(self._read, seconds)

    def _read(self, seconds: float) -> dict[str, Any]:
        begun = time.monotonic()
        times: list[float] = []
        while (start := time.monotonic()) < begun + seconds:
            self._ask("GET", PAGES[len(times) % len(PAGES)], 200)
            times.append(time.monotonic() - start)
        return {"rate": len(times) / (start - begun), "median": statistics.median(times)}

    def _ask(
        self, method: str, path: str, expected: int, form: dict[str, str] | None = None
    ) -> str:
        headers = {"Cookie": "; ".join(f"{k}={c.value}" for k, c in self._cookies.items())}
        body = None
        if form is not None:
            body = urlencode(form)
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        text = response.read().decode()
        for value in response.headers.get_all("Set-Cookie", []):
            self._cookies.load(value)
        if response.status != expected:
            raise ConnectionError(f"{method} {path}: {response.status}\n{text[:500]}")
        return text
