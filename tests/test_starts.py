"""Servers that cannot start, or cannot go on: they end with the remedy, and at once."""

from __future__ import annotations

import socket

import pytest

from tests.servers import free_port

pytestmark = pytest.mark.slow


FAILING = """
import sys
from proxyapp.runtime import server

start = server.Server._start
def start_and_fail(self, port):
    start(self, port)
    self._loop.call_later(0.1, lambda: 1 / 0)
server.Server._start = start_and_fail
sys.exit(server.main("master", sys.argv[1:]))
"""


def test_a_callback_that_fails_ends_the_process_with_its_traceback(site) -> None:
    ports = ["-web-port", str(free_port()), "-status-port", str(free_port()), "--no-web"]
    with pytest.raises(AssertionError, match="ZeroDivisionError") as failed:
        site.python(FAILING, *ports)
    assert "a callback failed" in str(failed.value)


def test_a_second_server_of_the_same_application_is_refused(site) -> None:
    site.master().start()
    code, said = site.master().start(ready=False).wait()
    assert code == 1
    assert "runs on this host already" in said


def test_a_taken_listening_port_ends_the_start_with_the_remedy(site) -> None:
    with socket.create_server(("127.0.0.1", site.master_port)):
        code, said = site.master("-address", "127.0.0.1").start(ready=False).wait()
    assert code == 1
    assert f"cannot listen on port {site.master_port}" in said


def test_an_empty_database_ends_the_start_with_the_remedy(site, tmp_path) -> None:
    site.environment["DATABASE_URL"] = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    code, said = site.master().start(ready=False).wait()
    assert code == 1
    assert "run manage.py migrate" in said


def test_a_taken_web_port_ends_the_start_with_the_parameter(site) -> None:
    master = site.master()
    with socket.create_server(("0.0.0.0", master.status_port)):
        code, said = master.start(ready=False).wait()
    assert code == 1
    assert "give -status-port another port" in said


def test_a_proxy_without_a_secret_does_not_start(site) -> None:
    code, said = site.proxy("-secret", "").start(ready=False).wait()
    assert code == 1
    assert "give -secret FILE or CSPROXY_SECRET" in said


def test_a_secret_that_others_may_read_is_refused(site) -> None:
    site.secret_file.chmod(0o640)
    code, said = site.proxy().start(ready=False).wait()
    assert code == 1
    assert f"chmod 600 {site.secret_file}" in said
