"""TLS between real processes: master, proxy, client library and confctl."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from confwire.client import BlockingClient, Client, TlsFailed
from confwire.errors import PortDedicated
from confwire.tls import client_context
from tests import tlsscan
from tests.certificates import Authority
from tests.servers import PASSWORD, ROOT, Process, Site, eventually, free_port

pytestmark = pytest.mark.slow

SECURE = """
import sys
from proxyapp.models import Application, Host, Port
from proxyapp.services import changes
certificate, key, ca, ui = sys.argv[1:]
files = f"certificate={certificate};certificate-key={key}"
with changes.commit(by=None, origin="test") as work:
    port = Port.objects.get(application=99, port_id="default")
    port.transport_params = f"tls=1;{files}"
    work.save(port)
    slip = "tls=1;certificate=/nowhere.pem"
    work.save(Port(application_id=99, port_id="broken", port="1", transport_params=slip))
    proxy = Application.objects.get(name="site-1")
    port = Port.objects.get(application=proxy, port_id="default")
    port.listening_mode = "autodetect"
    work.save(port)
    work.save(Port(application=proxy, port_id="ui", port=ui, transport_params="upgrade=1;user=1"))
    host = Host.objects.get(name="configserver")
    host.annex = {"security": {"certificate": certificate, "certificate-key": key}}
    work.save(host)
"""


HANDSHAKES = int(os.environ.get("CSPROXY_TEST_HANDSHAKES", "1000"))
WARM_UP = 500
GROWTH = 4 * 1024 * 1024
"""Bytes that a server may take more after all handshakes: 10,000 that left 420 each would show."""
BAD = (
    ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
    ("-tls1_2", "-cipher", "AES128-SHA:AES256-GCM-SHA384:@SECLEVEL=0"),
)
"""What no port takes: old versions, and ciphers without forward secrecy."""


def confctl(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "confwire.cli", *words],
        cwd=ROOT,
        text=True,
        capture_output=True,
        timeout=30,
        env={**os.environ, "CONFCTL_PASSWORD": PASSWORD},
    )


def port_of(process: Process, port_id: str) -> dict[str, object]:
    (found,) = [port for port in process.status()["ports"] if port["id"] == port_id]
    return dict(found)


def test_a_whole_site_by_tls(server_environment: dict[str, str], tmp_path: Path) -> None:
    site = Site(server_environment, tmp_path)
    ca = Authority(tmp_path)
    issued, ui = ca.issue(), free_port()
    try:
        site.python(SECURE, str(issued.chain), str(issued.key), str(ca.file), str(ui))
        master = site.master().start(ready=False)
        proxy = site.proxy("-tls", "-trusted-ca", str(ca.file)).start()
        _check_ports(master, proxy)
        _check_confctl(master.port, ca)
        _check_clients(proxy.port, ui, ca, site.secret_file.read_text().strip())
        _check_scans(master.port, proxy.port, ca)
        _check_handshakes(proxy, ca)
        _check_renewal(master, ca, issued.chain, issued.key)
    finally:
        site.end()


def _check_ports(master: Process, proxy: Process) -> None:
    eventually(lambda: proxy.status()["authority"]["link"] == "live", "a link by TLS")
    assert port_of(master, "default")["names"] == ["localhost", "127.0.0.1"]
    assert not port_of(master, "broken")["open"]
    (failure,) = master.status()["runtime"]["portFailures"]
    assert failure.startswith("port 1 (broken)")
    assert port_of(proxy, "default")["mode"] == "autodetect"
    assert port_of(proxy, "ui")["clientsOnly"]


def _check_confctl(port: int, ca: Authority) -> None:
    server = ("status", "--host", "localhost", "--port", str(port), "--user", "default")
    good = confctl(*server, "--tls", "--trusted-ca", str(ca.file))
    assert good.returncode == 0, good.stderr
    stranger = confctl(*server, "--tls")
    assert "a CA that is not trusted here" in stranger.stderr
    other = confctl(*server, "--tls", "--trusted-ca", str(ca.file), "--tls-target-name-check", "b")
    assert "for another name" in other.stderr
    clear = confctl(*server)
    assert "speaks TLS only" in clear.stderr
    assert confctl(*server, "--trusted-ca", str(ca.file)).returncode == 2


def _check_clients(port: int, ui: int, ca: Authority, secret: str) -> None:
    tls = client_context(trusted_ca=str(ca.file))
    person = {"application": "default", "user": "default", "password": PASSWORD}
    for number, context in ((port, None), (port, tls), (ui, tls)):
        with BlockingClient.connect(
            [("127.0.0.1", number)], tls=context, local_address=("127.0.0.9", 0), **person
        ) as client:
            info = client.server_info()
            assert info.server.application == "site-1"
    with pytest.raises(TlsFailed, match="for another name"):
        BlockingClient.connect([("127.0.0.1", port)], tls=tls, tls_name="balancer", **person)
    with pytest.raises(PortDedicated, match=f"connect to port {port}"):
        asyncio.run(
            Client.connect([("127.0.0.1", ui)], tls=tls, application="site-1", secret=secret)
        )


def _check_scans(secured: int, detecting: int, ca: Authority) -> None:
    for port in (secured, detecting):
        for good in ("-tls1_3", "-tls1_2"):
            assert tlsscan.openssl(port, ca.file, good)
        for bad in BAD:
            assert not tlsscan.openssl(port, ca.file, *bad)
    for found in tlsscan.scan(secured, detecting).values():
        tlsscan.check(found)


def _check_handshakes(server: Process, ca: Authority) -> None:
    assert server.child is not None
    tls = client_context(trusted_ca=str(ca.file))
    statm = Path(f"/proc/{server.child.pid}/statm")

    def shake(number: int) -> None:
        with socket.create_connection(("127.0.0.1", server.port)) as plain:
            tls.wrap_socket(plain, server_hostname="127.0.0.1").close()

    def resident(handshakes: int) -> int:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(shake, range(handshakes)))
        eventually(lambda: server.status()["runtime"]["connections"] == 0, "the clients' end")
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    before = resident(WARM_UP)
    grown = resident(HANDSHAKES) - before
    print(f"\n{HANDSHAKES:,} handshakes: {grown / 1024:+,.0f} KB of memory")
    assert grown < GROWTH


def _check_renewal(master: Process, ca: Authority, chain: Path, key: Path) -> None:
    before = port_of(master, "default")["expires"]
    renewed = ca.issue("renewed", days=5)
    chain.write_bytes(renewed.chain.read_bytes())
    key.write_bytes(renewed.key.read_bytes())
    assert master.child is not None
    master.child.send_signal(signal.SIGHUP)
    eventually(lambda: port_of(master, "default")["expires"] != before, "a new certificate")
    eventually(lambda: "expires in" in str(master.status()["alarms"]), "an alarm")
