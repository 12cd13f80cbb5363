"""Listening ports by TLS over real sockets: what gets in, what does not, and what it costs."""

from __future__ import annotations

import asyncio
import gc
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from confwire.tls import client_context
from proxyapp.engine.commands import ListeningPort
from proxyapp.engine.events import Blocked, Connected, Disconnected, Drained
from proxyapp.engine.transport import Mode, Tls
from proxyapp.runtime import connections, entrances
from proxyapp.runtime.accept import bind
from tests.certificates import Authority, Issued
from tests.proxyapp.runtime.conftest import Port

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
HEALTH = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
HELLO = b"\x81\x85\0\0\0\0hello"
PROXY_HEADER = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + socket.inet_aton("198.51.100.7") + b"\x0a\0\0\x01"
    b"\x12\x67\x07\xe4"
)
"""From 198.51.100.7:4711, by the PROXY protocol."""


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def issued(ca: Authority) -> Issued:
    return ca.issue()


@pytest.fixture
def trusting(ca: Authority) -> ssl.SSLContext:
    return client_context(trusted_ca=str(ca.file))


def secured(port: Port, issued: Issued, mode: Mode = "secured", **more: Any) -> ListeningPort:
    """Open another port by TLS beside the one in clear."""
    listening = bind("127.0.0.1", 0)
    wanted = ListeningPort("tls", listening.getsockname()[1], mode, Tls(**issued.files, **more))
    port.listeners.open_on(listening, wanted)
    return wanted


def link(wanted: ListeningPort, context: ssl.SSLContext | None, name: str | None = None) -> Any:
    scheme = "ws" if context is None else "wss"
    return connect(
        f"{scheme}://127.0.0.1:{wanted.port}/", ssl=context, server_hostname=name, proxy=None,
        compression=None, max_size=None,
    )  # fmt: skip


async def echoes(client: ClientConnection) -> bool:
    await client.send("hello")
    return await client.recv() == "hello"


async def eventually(condition: Callable[[], Any]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(10):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def failed(port: Port, wanted: ListeningPort) -> int:
    """Return how many handshakes of a port failed."""
    return int(port.listeners.status()[wanted.port]["failedHandshakes"])


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Return what comes until the other side closes, by whatever way."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


# -------------------------------------------------------------------- who gets in


@pytest.mark.asyncio
async def test_a_secured_port_speaks_tls_and_says_that_the_line_is_secure(
    port, issued, trusting
) -> None:
    async with link(secured(port, issued), trusting) as client:
        assert await echoes(client)
    connected = await port.told(Connected)
    assert (connected.port, connected.secure) == ("tls", True)


@pytest.mark.asyncio
async def test_an_autodetect_port_takes_both_and_tells_them_apart(
    port, issued, trusting, monkeypatch
) -> None:
    monkeypatch.setattr(connections, "is_loopback", lambda host: False)
    wanted = secured(port, issued, "autodetect")
    async with link(wanted, trusting) as by_tls, link(wanted, None) as clear:
        assert await echoes(by_tls)
        assert await echoes(clear)
    told = [event.secure for event in port.events if isinstance(event, Connected)]
    assert told == [True, False]


@pytest.mark.parametrize("mode", ["secured", "autodetect"])
@pytest.mark.asyncio
async def test_health_is_answered_by_tls(port, issued, trusting, mode) -> None:
    wanted = secured(port, issued, mode)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", wanted.port, ssl=trusting, server_hostname="localhost"
    )
    writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b" 200 OK" in await reader.readline()
    writer.close()


@pytest.mark.asyncio
async def test_a_secured_port_tells_in_clear_that_it_speaks_tls_only(port, issued) -> None:
    wanted = secured(port, issued)
    reader, writer = await asyncio.open_connection("127.0.0.1", wanted.port)
    writer.write(UPGRADE)
    answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"this port speaks TLS only" in answer
    assert not [event for event in port.events if isinstance(event, Connected)]
    writer.close()


@pytest.mark.asyncio
async def test_a_certificate_for_the_balancer_serves_all_members_of_its_pool(
    port, ca, trusting
) -> None:
    pool = ca.issue("pool", "balancer.example")
    first, second = secured(port, pool), secured(port, pool)
    for member in (first, second):
        async with link(member, trusting, "balancer.example") as client:
            assert await echoes(client)
    with pytest.raises(ssl.SSLCertVerificationError):
        await link(first, trusting)


@pytest.mark.asyncio
async def test_by_mutual_tls_only_those_with_a_certificate_come_in(port, ca, issued) -> None:
    wanted = secured(port, issued, mutual=True, trusted_ca=str(ca.file))
    known = client_context(trusted_ca=str(ca.file), **ca.issue("client", "proxy-1").files)
    async with link(wanted, known) as client:
        assert await echoes(client)
    with capture_logs() as logs:
        with pytest.raises((OSError, WebSocketException)):
            await link(wanted, client_context(trusted_ca=str(ca.file)))
        await eventually(lambda: failed(port, wanted))
    assert "shows no certificate" in next(
        line["reason"] for line in logs if line["event"] == "TLS handshake failed"
    )


# -------------------------------------------------------------------- data


@pytest.mark.asyncio
async def test_answers_of_any_size_come_whole_and_in_order(port, issued, trusting) -> None:
    sizes = [1, 125, 126, 65_535, 65_536, 3_000_000, 7]
    async with link(secured(port, issued), trusting) as client:
        for size in sizes:
            await client.send(bytes([97 + size % 26]) * size, text=True)
        for size in sizes:
            assert await client.recv(decode=False) == bytes([97 + size % 26]) * size


@pytest.mark.asyncio
async def test_who_does_not_read_is_blocked_at_the_limit_and_goes_on_when_it_reads(
    port, issued, trusting
) -> None:
    port.answer = lambda event: [bytes(100_000)] * 200
    wanted = secured(port, issued)
    reader, writer = await asyncio.open_connection(
        "127.0.0.1", wanted.port, ssl=trusting, server_hostname="localhost", limit=2**16
    )
    writer.write(UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(HELLO)
    await port.told(Blocked)
    (connection,) = port.listeners.connections.values()
    kept = connection._wire.get_write_buffer_size()
    assert kept <= connections.HIGH_WATER + 2 * 128 * 1024
    left = 200 * (100_000 + 10)
    while left:
        left -= len(await reader.read(min(left, 2**20)))
    await port.told(Drained)
    writer.transport.abort()


@pytest.mark.asyncio
async def test_the_last_words_and_the_close_arrive(port, issued, trusting) -> None:
    async with link(secured(port, issued), trusting) as client:
        await port.told(Connected)
        (connection,) = port.listeners.connections.values()
        connection.send([b"x" * 500_000])
        connection.close(4008, "reload")
        assert len(await client.recv()) == 500_000
        await client.wait_closed()
        assert (client.close_code, client.close_reason) == (4008, "reload")
    assert "4008 reload" in (await port.told(Disconnected)).reason


# -------------------------------------------------------------------- changes


@pytest.mark.asyncio
async def test_a_renewed_certificate_is_shown_without_a_restart(port, ca, issued) -> None:
    wanted = secured(port, issued)
    old = client_context(trusted_ca=str(ca.file))
    async with link(wanted, old) as client:
        (folder := issued.chain.parent / "new").mkdir()
        other = Authority(folder)
        issued.replace_by(other.issue())
        with capture_logs() as logs:
            await port.listeners.follow_certificates()
        assert [line["event"] for line in logs] == ["certificate renewed"]
        assert await echoes(client)  # who is there stays
    async with link(wanted, client_context(trusted_ca=str(other.file))) as client:
        assert await echoes(client)
    with pytest.raises(ssl.SSLCertVerificationError):
        await link(wanted, old)


@pytest.mark.asyncio
async def test_a_broken_certificate_stops_its_own_port_only(port, ca, issued, trusting) -> None:
    with bind("127.0.0.1", 0) as one, bind("127.0.0.1", 0) as two:
        good, bad = one.getsockname()[1], two.getsockname()[1]
    broken = Tls(certificate="/nowhere.pem", certificate_key=str(issued.key))
    (failure,) = port.listeners.listen(
        [
            ListeningPort("bad", bad, "secured", broken),
            ListeningPort("good", good, "secured", Tls(**issued.files)),
        ]
    )
    assert failure.startswith(f"port {bad} (bad) is to speak TLS, and is not open: certificate /no")
    async with link(ListeningPort("good", good), trusting) as client:
        assert await echoes(client)
    with pytest.raises(ConnectionRefusedError):
        await link(ListeningPort("bad", bad), trusting)


@pytest.mark.asyncio
async def test_a_slip_in_a_path_does_not_close_a_port_that_serves(port, issued, trusting) -> None:
    with bind("127.0.0.1", 0) as free:
        wanted = ListeningPort("tls", free.getsockname()[1], "secured", Tls(**issued.files))
    assert port.listeners.listen([wanted]) == []
    slip = msgspec.structs.replace(
        wanted, tls=Tls(certificate="/slip.pem", certificate_key=str(issued.key))
    )
    (failure,) = port.listeners.listen([slip])
    assert "goes on as it was: certificate /slip.pem" in failure
    async with link(wanted, trusting) as client:
        assert await echoes(client)


@pytest.mark.asyncio
async def test_a_port_that_is_to_be_secured_and_cannot_be_is_closed(port, issued) -> None:
    with bind("127.0.0.1", 0) as free:
        clear = ListeningPort("default", free.getsockname()[1])
    assert port.listeners.listen([clear]) == []
    (failure,) = port.listeners.listen([msgspec.structs.replace(clear, mode="secured", tls=Tls())])
    assert "is not open: certificate is not given" in failure
    with pytest.raises(ConnectionRefusedError):
        await link(clear, None)


@pytest.mark.asyncio
async def test_a_mode_changes_on_an_open_port_and_who_is_there_stays(
    port, issued, trusting
) -> None:
    with bind("127.0.0.1", 0) as free:
        clear = ListeningPort("default", free.getsockname()[1])
    port.listeners.listen([clear])
    async with link(clear, None) as old:
        by_tls = msgspec.structs.replace(clear, mode="secured", tls=Tls(**issued.files))
        assert port.listeners.listen([by_tls]) == []
        async with link(clear, trusting) as new:
            assert await echoes(old)
            assert await echoes(new)
        assert port.listeners.listen([clear]) == []
        async with link(clear, None) as third:
            assert await echoes(third)


# -------------------------------------------------------------------- hostile peers


@pytest.mark.asyncio
async def test_half_finished_handshakes_are_bounded_in_number(
    port, issued, trusting, monkeypatch
) -> None:
    monkeypatch.setattr(entrances, "HALF_OPEN_LIMIT", 20)
    wanted = secured(port, issued)
    halting = []
    for _ in range(60):
        peer = socket.create_connection(("127.0.0.1", wanted.port))
        peer.sendall(b"\x16\x03\x01\x02\x00")  # and then nothing
        halting.append(peer)
    await eventually(lambda: port.listeners.status()[wanted.port]["halfOpen"] == 20)
    async with link(wanted, trusting) as client:
        assert await echoes(client)
    assert port.listeners.status()[wanted.port]["halfOpen"] <= 20
    for peer in halting:
        peer.close()


@pytest.mark.asyncio
async def test_nothing_of_a_crowded_out_handshake_outlives_it(port, issued, monkeypatch) -> None:
    monkeypatch.setattr(entrances, "HALF_OPEN_LIMIT", 1)
    wanted = secured(port, issued)
    halting = [socket.create_connection(("127.0.0.1", wanted.port)) for _ in range(20)]
    gc.collect()
    gc.disable()
    try:
        for peer in halting:
            peer.sendall(b"\x16")
        await eventually(lambda: failed(port, wanted) + alive("MeteredProtocol") == 1)
        assert alive("SSLProtocol") == 1
    finally:
        gc.enable()
        for peer in halting:
            peer.close()


@pytest.mark.asyncio
async def test_half_finished_handshakes_are_bounded_in_time(port, issued, monkeypatch) -> None:
    monkeypatch.setattr(entrances, "HANDSHAKE_LIMIT", 0.1)
    wanted = secured(port, issued)
    reader, writer = await asyncio.open_connection("127.0.0.1", wanted.port)
    writer.write(b"\x16\x03\x01\x02\x00")
    async with asyncio.timeout(5):
        assert await until_closed(reader) == b""
    writer.close()


@pytest.mark.asyncio
async def test_nobody_fills_the_log_with_failed_handshakes(port, issued) -> None:
    wanted = secured(port, issued)
    stranger = ssl.create_default_context()
    with capture_logs() as logs:
        for _ in range(20):
            with pytest.raises(ssl.SSLCertVerificationError):
                await link(wanted, stranger, "localhost")
        await eventually(lambda: failed(port, wanted) == 20)
    lines = [line for line in logs if line["event"] == "TLS handshake failed"]
    assert 1 <= len(lines) <= 5
    assert "it may not trust the certificate" in lines[0]["reason"]


@pytest.mark.asyncio
async def test_nonsense_after_a_first_byte_of_tls_ends_the_connection(port, issued) -> None:
    wanted = secured(port, issued, "autodetect")
    for junk in (b"\x16" + bytes(600), b"\x16\x03\x01\xff\xff" + b"a" * 70_000):
        reader, writer = await asyncio.open_connection("127.0.0.1", wanted.port)
        writer.write(junk)
        async with asyncio.timeout(entrances.HANDSHAKE_LIMIT + 2):
            await until_closed(reader)
        writer.close()
    assert not port.listeners.connections


def alive(name: str) -> int:
    """Return how many objects of a type there are, without having circles collected."""
    return sum(type(item).__name__ == name for item in gc.get_objects())


@pytest.mark.parametrize("end", ["close", "abort", "distrust"])
@pytest.mark.asyncio
async def test_nothing_of_a_connection_outlives_it(port, issued, trusting, end) -> None:
    context = ssl.create_default_context() if end == "distrust" else trusting
    wanted = secured(port, issued)

    async def come_and_go() -> None:
        try:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", wanted.port, ssl=context, server_hostname="localhost"
            )
        except ssl.SSLError:
            return
        writer.write(UPGRADE)
        await port.told(Connected)
        writer.transport.abort() if end == "abort" else writer.close()

    gc.collect()
    gc.disable()
    try:
        before = alive("SSLProtocol")
        for _ in range(20):
            await come_and_go()
        await eventually(lambda: not (port.listeners.connections or alive("MeteredProtocol")))
        # Those of the clients are circles until the next pass.
        assert alive("SSLProtocol") - before <= 20
    finally:
        gc.enable()


# -------------------------------------------------------------------- openssl

OPENSSL = shutil.which("openssl") or ""
Ask = Callable[..., Any]


@pytest_asyncio.fixture(params=["secured", "autodetect"])
async def ask(port, issued, request) -> AsyncIterator[Ask]:
    """Shake hands with a port by `openssl s_client`; return what it prints."""
    yield asking(secured(port, issued, request.param))


def asking(wanted: ListeningPort) -> Ask:
    loop = asyncio.get_running_loop()

    def run(*options: str) -> str:
        command = [OPENSSL, "s_client", "-connect", f"127.0.0.1:{wanted.port}", *options]
        said = HEALTH if "-ign_eof" in options else b""
        done = subprocess.run(command, input=said, capture_output=True, timeout=20, check=False)
        return (done.stdout + done.stderr).decode(errors="replace")

    async def asked(*options: str) -> str:
        return await loop.run_in_executor(None, run, *options)

    return asked


@pytest.mark.skipif(not OPENSSL, reason="needs the program openssl")
@pytest.mark.asyncio
async def test_openssl_finds_no_old_protocol_and_no_weak_cipher(ask, ca) -> None:
    trusted = ("-CAfile", str(ca.file), "-verify_return_error")
    assert "Verify return code: 0 (ok)" in await ask("-tls1_3", *trusted)
    assert "Verify return code: 0 (ok)" in await ask("-tls1_2", *trusted)
    for old in ("-tls1", "-tls1_1"):
        assert "Cipher is (NONE)" in await ask(old, "-cipher", "ALL:@SECLEVEL=0")
    # All that is not ECDHE with GCM or CHACHA20, and what has no name or no encryption.
    weak = "ALL:COMPLEMENTOFALL:!ECDHE+AESGCM:!ECDHE+CHACHA20:@SECLEVEL=0"
    assert "Cipher is (NONE)" in await ask("-tls1_2", "-cipher", weak)


@pytest.mark.skipif(not OPENSSL, reason="needs the program openssl")
@pytest.mark.asyncio
async def test_openssl_resumes_its_sessions(ask, tmp_path) -> None:
    file = str(tmp_path / "session")
    assert "New, " in await ask("-tls1_2", "-sess_out", file)
    assert "Reused, " in await ask("-tls1_2", "-sess_in", file)


@pytest.mark.skipif(not OPENSSL, reason="needs the program openssl")
@pytest.mark.parametrize("mutual", [False, True])
@pytest.mark.asyncio
async def test_a_session_of_another_member_of_a_pool_is_begun_anew(
    port, ca, issued, tmp_path, mutual
) -> None:
    more = {"trusted_ca": str(ca.file), "mutual": True} if mutual else {}
    own = ("-cert", str(issued.chain), "-key", str(issued.key)) if mutual else ()
    members = [asking(secured(port, issued, **more)) for _ in range(2)]
    for number, version in enumerate(("-tls1_2", "-tls1_3")):
        file = str(tmp_path / f"session-{number}")
        # By 1.3 the ticket comes after the handshake: so there is something to wait for behind it.
        assert "New, " in await members[0](version, "-sess_out", file, "-ign_eof", *own)
        for member in (members[1], members[0], members[1]):
            said = await member(version, "-sess_in", file, *own)
            assert ("Reused, " in said) == (member is members[0]), said
            assert "alert" not in said


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["secured", "autodetect"])
async def test_a_balancer_says_before_tls_whom_it_speaks_for(port, issued, trusting, mode) -> None:
    port.listeners.balancers.configure("127.0.0.1", "proxy-v2")
    wanted = secured(port, issued, mode)
    through = socket.create_connection(("127.0.0.1", wanted.port))
    through.sendall(PROXY_HEADER)
    through.setblocking(False)
    async with connect(
        f"wss://localhost:{wanted.port}/", ssl=trusting, sock=through, proxy=None, compression=None
    ) as client:
        assert await echoes(client)
    told = await port.told(Connected)
    assert (told.forwarded, told.secure) == ("198.51.100.7:4711", True)


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", ["secured", "autodetect"])
async def test_what_a_client_begins_with_may_come_long_after_the_header(
    port, issued, trusting, mode
) -> None:
    port.listeners.balancers.configure("127.0.0.1", "proxy-v2")
    wanted = secured(port, issued, mode)
    through = socket.create_connection(("127.0.0.1", wanted.port))
    through.sendall(PROXY_HEADER)
    silent = port.listeners._entrances[wanted.port].door._silent
    await eventually(lambda: [arrival.header for arrival in silent.values()] == [PROXY_HEADER])
    through.setblocking(False)
    async with connect(
        f"wss://localhost:{wanted.port}/", ssl=trusting, sock=through, proxy=None, compression=None
    ) as client:
        assert await echoes(client)
    assert (await port.told(Connected)).forwarded == "198.51.100.7:4711"
