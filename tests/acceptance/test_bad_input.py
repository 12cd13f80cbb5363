"""Bad input over real sockets: a documented error or close code, and nobody else is harmed."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from confwire.client import BlockingClient
from confwire.errors import CLOSE_ACTIONS, ERRORS, AuthenticationFailed
from confwire.handshake import ClientHandshake, derive, parse_challenge
from tests.servers import PASSWORD, Process, Site, eventually

pytestmark = pytest.mark.slow

CREATE = """
import sys
from proxyapp.services import objects
objects.create("skill", {"name": sys.argv[1], "tenantDBID": 1}, 0, by=None, origin="test")
"""


BAD_MESSAGES = [
    ("{", "malformedMessage"),
    ('"text"', "malformedMessage"),
    ("[" * 5000, "malformedMessage"),
    ('{"message":"dance","ref":1}', "unknownMessage"),
    ('{"message":"readObjects","ref":1}', "invalidParameter"),
    ('{"message":"readObjects","ref":1,"objectType":7}', "invalidParameter"),
    ('{"message":"readObjects","ref":1,"objectType":"unicorn"}', "invalidParameter"),
    (
        '{"message":"readObjects","ref":1,"objectType":"person","filter":{"shoe_size":4}}',
        "unknownFilterKey",
    ),
    ('{"message":"open","application":"x","data":"n,,n=x,r=abc"}', "alreadyOpen"),
    ('{"message":"deleteObject","ref":1,"objectType":"skill","DBID":1}', "readOnlyServer"),
    ('{"message":"replicate","ref":1}', "noPermission"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One site for all of these tests: bad input changes nothing."""
    folder = tmp_path_factory.mktemp("site")
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'csproxy.sqlite3'}",
        "CSPROXY_DATA": str(folder / "var"),
        "PYTHONUNBUFFERED": "1",
    }
    site = Site(environment, folder)
    yield site
    site.end()


@pytest.fixture(scope="module")
def proxy(site: Site) -> Process:
    site.master().start()
    return site.proxy().start()


@pytest.fixture
def witness(proxy: Process, site: Site, request: pytest.FixtureRequest) -> Iterator[None]:
    """Somebody else, whose session must outlive whatever a test does."""
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        watch = client.watch(["skill"])
        session = client._client.session
        yield
        site.python(CREATE, request.node.name)
        assert watch.next(timeout=10).changes[0].object["name"] == request.node.name
        assert client._client.session == session, "the witness had to reconnect"


@contextmanager
def raw(proxy: Process) -> Iterator[ClientConnection]:
    uri = f"ws://127.0.0.1:{proxy.port}/"
    with connect(uri, subprotocols=["confwire.1"], compression=None, max_size=2**26) as socket_:  # type: ignore[list-item]
        yield socket_


def log_in(line: ClientConnection) -> None:
    handshake = ClientHandshake("default", "nonce-nonce-nonce-nonce")
    opening = {"message": "open", "application": "default", "user": "default"}
    line.send(json.dumps({**opening, "data": handshake.first()}))
    data = answer(line)["data"]
    salting = parse_challenge(data)
    salted = derive(PASSWORD, salting.salt, salting.iterations)
    line.send(json.dumps({"message": "proof", "data": handshake.final(data, salted)}))
    assert answer(line)["message"] == "opened"


def answer(line: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line.recv(timeout=20))
    return found


def close_code(line: ClientConnection) -> int:
    try:
        while True:
            line.recv(timeout=20)
    except ConnectionClosed:
        code = line.close_code
    assert code in {int(known) for known in CLOSE_ACTIONS}, code
    return int(code)


def test_a_bad_message_is_answered_with_its_error_and_the_session_goes_on(proxy, witness):
    with raw(proxy) as line:
        log_in(line)
        for sent, code in BAD_MESSAGES:
            line.send(sent)
            error = answer(line)
            assert (error["message"], error["code"]) == ("error", code), sent
            assert error["code"] in ERRORS
            line.send('{"message":"readServerInfo","ref":"still"}')
            assert answer(line)["ref"] == "still"


def test_frames_that_break_the_rules_close_the_connection_with_their_code(proxy, witness):
    with raw(proxy) as line:
        log_in(line)
        line.send(b"binary")
        assert close_code(line) == 1003
    with raw(proxy) as line:
        log_in(line)
        line.send("x" * (5 * 1024 * 1024))
        assert close_code(line) == 1009
    with raw(proxy) as line:
        line.send("{" * 200_000)  # before the login much less is allowed
        assert close_code(line) == 1009
    with raw(proxy) as line:
        log_in(line)
        line.send(b"\xff\xfe", text=True)
        assert close_code(line) == 1007
    with raw(proxy) as line:
        line.send('{"message":"readServerInfo","ref":1}')
        assert answer(line)["code"] == "notOpen"
        assert close_code(line) == 4002


def test_a_fragmented_message_is_joined(proxy, witness):
    with raw(proxy) as line:
        log_in(line)
        line.send(iter(['{"message":"readSer', 'verInfo",', '"ref":5}']))
        assert answer(line)["ref"] == 5


def test_a_silent_socket_and_noise_are_cut(proxy, witness):
    with socket.create_connection(("127.0.0.1", proxy.port)) as silent:
        silent.settimeout(30)
        with raw(proxy) as line:
            assert close_code(line) == 4000
        assert silent.recv(1) == b"", "a socket that says nothing must be closed"
    with socket.create_connection(("127.0.0.1", proxy.port)) as noise:
        noise.settimeout(30)
        noise.sendall(b"\x16\x03\x01" + b"\0" * 1000 + b"\r\n\r\n")
        assert noise.recv(4096)[:4] in (b"", b"HTTP")


def test_a_wrong_password_is_refused_and_no_secret_reaches_a_log(proxy, witness, site):
    with pytest.raises(AuthenticationFailed):
        BlockingClient.connect(
            [("127.0.0.1", proxy.port)],
            application="default",
            user="default",
            password="Hunter2-in-vain",
        )

    def logged() -> str:
        folders = Path(site.folder), Path(site.environment["CSPROXY_DATA"])
        return "".join(log.read_text() for folder in folders for log in folder.rglob("*.log"))

    # The answer may be there before the line is written.
    eventually(lambda: "login refused" in logged(), "a line on the refusal")
    text = logged()
    for secret in (PASSWORD, "Hunter2-in-vain", site.secret_file.read_text().strip()):
        assert secret not in text


def test_a_client_that_dies_without_a_word_is_forgotten(proxy, witness):
    def sessions() -> int:
        return len(proxy.status()["sessions"])

    eventually(lambda: sessions() == 1, "the witness alone")
    with raw(proxy) as line:
        log_in(line)
        eventually(lambda: sessions() == 2, "the session")
        line.socket.shutdown(socket.SHUT_RDWR)
    eventually(lambda: sessions() == 1, "the session to be forgotten")
