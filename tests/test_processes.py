"""The whole path with real processes: a change at the master reaches a client of the proxy."""

from __future__ import annotations

import asyncio
import json
import signal
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from confwire.client import BlockingClient, Client
from confwire.errors import HistoryExpired
from tests.servers import (
    PASSWORD,
    Site,
    children_of,
    eventually,
    free_port,
    http_get,
    is_running,
)

pytestmark = pytest.mark.slow

CHANGE = """
import sys
from proxyapp.services import objects
delta = {"options": {"test": {"value": sys.argv[1]}}}
print(objects.update("application", 100, delta, by=None, origin="test").result.revision)
"""


@pytest.fixture
def site(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    site = Site(server_environment, tmp_path)
    yield site
    site.end()


async def client_of(port: int, patience: float = 0.0) -> Client:
    return await Client.connect(
        [("127.0.0.1", port)],
        application="default",
        user="default",
        password=PASSWORD,
        patience=patience,
    )


async def change(site: Site, value: str) -> int:
    return int(await asyncio.to_thread(site.python, CHANGE, value))


@pytest.mark.asyncio
async def test_a_change_reaches_a_client_behind_a_proxy_and_outlives_the_master(site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    async with await client_of(proxy.port) as client, await client.watch(["application"]) as watch:
        await change(site, "one")
        async with asyncio.timeout(10):
            notification = await anext(watch)
        assert notification.changes[0].delta == {"options": {"test": {"value": "one"}}}
        assert proxy.status()["treeHash"] == master.status()["treeHash"]

        await asyncio.to_thread(master.stop, signal.SIGKILL)
        persons = await client.read("person")
        async with await client_of(proxy.port) as newcomer:
            assert await newcomer.read("person") == persons
        for back, options in ((0, {"value": "one"}), (1, None)):
            past = await client.read_past(
                "application", revision=notification.revision - back, dbid=100
            )
            assert past.objects[0].get("options", {}).get("test") == options
        with pytest.raises(HistoryExpired, match="the master may know"):
            await client.read_past("application", revision=0)

        await asyncio.to_thread(master.start)
        await change(site, "two")
        async with asyncio.timeout(10):
            notification = await anext(watch)
        assert notification.changes[0].delta == {"options": {"test": {"value": "two"}}}
    status = proxy.status()
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)


def test_a_write_over_the_wire_is_committed_and_answered(site) -> None:
    master = site.master().start()
    with BlockingClient.connect(
        [("127.0.0.1", master.port)], application="default", user="default", password=PASSWORD
    ) as client:
        before = master.status()["revision"]
        written = client.create("skill", {"name": "Привет", "tenantDBID": 1})
        assert written.revision == before + 1
        assert [skill["name"] for skill in client.read("skill")] == ["Привет"]


def test_a_restored_database_is_noticed_and_everyone_reads_anew(site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    epoch = site.manage("newepoch").split()[-1].strip(".")
    eventually(lambda: proxy.status()["epoch"] == epoch, "the new epoch at the proxy")
    assert master.status()["loads"] == 2
    assert any(alarm["alarm"] == "epoch" for alarm in master.status()["alarms"])


def test_sigterm_closes_clients_stops_the_web_process_and_exits_cleanly(site) -> None:
    master = site.master(web=True).start()
    (web,) = eventually(lambda: children_of(master), "a web process")
    with connect(f"ws://127.0.0.1:{master.port}/") as client:
        code, log = master.stop()
        with pytest.raises(Exception, match="4009"):
            client.recv()
    assert code == 0, log
    assert not is_running(web)
    assert "server stopped" in log


def test_the_web_process_ends_with_a_killed_node(site) -> None:
    master = site.master(web=True).start()
    (web,) = eventually(lambda: children_of(master), "a web process")
    eventually(lambda: http_get(master.web_port, "/livez")[0] == 200, "the web")
    master.stop(signal.SIGKILL)
    eventually(lambda: not is_running(web), "the end of the web process")


def test_a_web_process_that_ends_is_started_again(site) -> None:
    import os

    master = site.master(web=True).start()
    (web,) = eventually(lambda: children_of(master), "a web process")
    eventually(lambda: http_get(master.web_port, "/livez")[0] == 200, "the web")
    os.kill(web, signal.SIGKILL)
    eventually(lambda: children_of(master) not in ([], [web]), "another web process")
    eventually(lambda: http_get(master.web_port, "/readyz")[0] == 200, "the web again")


def test_the_status_is_a_page_for_people_and_json_for_programs(site) -> None:
    site.master().start()
    proxy = site.proxy(web=True).start()
    eventually(lambda: http_get(proxy.web_port, "/livez")[0] == 200, "the web")
    code, page = http_get(proxy.web_port, "/status", headers={"Accept": "text/html,*/*;q=0.8"})
    assert code == 200
    assert "<h1>site-1</h1>" in page
    for asked in ("/status?format=json", "/status"):
        code, body = http_get(proxy.web_port, asked, headers={"Accept": "application/json"})
        assert json.loads(body)["mode"] == "proxy"
    assert http_get(proxy.web_port, "/readyz") == (200, "ready\n")
    assert http_get(proxy.web_port, "/static/proxyapp/status.css")[0] == 200


def test_the_status_asks_others_for_a_super_administrator(site) -> None:
    master = site.master().start()

    def ask(*credentials: str) -> int:
        headers = {"X-Csproxy-Peer": "10.1.2.3"}
        if credentials:
            words = b64encode(":".join(credentials).encode()).decode()
            headers["Authorization"] = f"Basic {words}"
        return http_get(master.status_port, "/status", headers=headers)[0]

    assert ask() == 401
    assert ask("default", "wrong") == 401
    assert ask("nobody", PASSWORD) == 401
    assert ask("default", PASSWORD) == 200


def test_a_browser_speaks_the_same_protocol_on_the_status_port(site) -> None:
    from confwire import codec
    from confwire.handshake import ClientHandshake, derive, parse_challenge
    from confwire.messages import Challenge, Open, Opened, Proof, ReadBrief

    master = site.master().start()
    url = f"ws://127.0.0.1:{master.status_port}/ws/confwire"
    with connect(url, subprotocols=["confwire.1"]) as browser:
        handshake = ClientHandshake("default", "n" * 24)
        opening = Open(application="default", user="default", data=handshake.first())
        browser.send(codec.encode(opening).decode())
        challenge = codec.decode_server(browser.recv().encode())
        assert isinstance(challenge, Challenge)
        salting = parse_challenge(challenge.data)
        keys = derive(PASSWORD, salting.salt, salting.iterations)
        proof = Proof(handshake.final(challenge.data, keys))
        browser.send(codec.encode(proof).decode())
        assert isinstance(codec.decode_server(browser.recv().encode()), Opened)
        assert master.status()["sessions"][0]["port"] == "web"
        browser.send(codec.encode(ReadBrief(ref=1, object_type="person")).decode())
        assert '"default"' in browser.recv()
        browser.send(b"binary")
        with pytest.raises(Exception, match="3003"):
            browser.recv()


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
    import socket

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
    import socket

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


def test_no_secret_reaches_the_logs(site) -> None:
    master, proxy = site.master("-log-verbose", "all").start(), site.proxy().start()
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        client.read("person")
    said = proxy.stop()[1] + master.stop()[1]
    for path in site.folder.rglob("*.log"):
        said += path.read_text()
    assert "session opened" in said
    for secret in (PASSWORD, site.secret_file.read_text().strip(), "SCRAM-SHA-256$"):
        assert secret not in said
