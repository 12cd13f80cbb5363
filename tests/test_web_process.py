"""The web process of a server: it comes and goes with the node, and shows its status."""

from __future__ import annotations

import json
import os
import signal
from base64 import b64encode

import pytest
from websockets.sync.client import connect

from tests.servers import PASSWORD, children_of, eventually, http_get, is_running

pytestmark = pytest.mark.slow


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
