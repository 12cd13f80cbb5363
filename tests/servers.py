"""Real servers for tests: a migrated database, a master, proxies, as processes of their own."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

from tests.beginnings import begin

ROOT = Path(__file__).parents[1]
PASSWORD = "only for tests"
START_LIMIT = 30.0
STOP_LIMIT = 10.0
_SETUP = "import django; django.setup()\n"

_PREPARE = """
import sys
from proxyapp.models import Application, ApplicationTemplate, Host, Person, Port
from proxyapp.services import changes
from proxyapp.services.accounts import make_secret, set_password
from proxyapp.services.provisioning import application_from, place

master_port, proxy_name, proxy_port = sys.argv[1:]
with changes.commit(by=None, origin="test") as work:
    port = Port.objects.get(application=99, port_id="default")
    port.port = master_port
    work.save(port)
    proxy = application_from(ApplicationTemplate.objects.get(name="Configuration Server Proxy"))
    proxy.name = proxy_name
    proxy.host = Host.objects.get(name="configserver")
    proxy.work_directory = proxy.command_line = "."
    place(proxy)
    work.save(proxy)
    work.save(Port(application=proxy, port_id="default", port=proxy_port))
set_password(Person.objects.get(user_name="default"), "only for tests", by=None, origin="test")
print(make_secret(proxy, by=None, origin="test"))
"""


def _ports() -> Iterator[int]:
    """Yield ports round and round, of each process of tests its own.

    None that the kernel gives to outgoing connections: a server that starts again needs its port.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    first, count = 12_000 + 2_500 * worker, 2_500
    start = random.randrange(count)  # beside other runs on this machine
    return cycle([first + (start + step) % count for step in range(count)])


_free = _ports()


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    for port in _free:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("there are always more")


def http_get(
    port: int, path: str, host: str = "127.0.0.1", headers: dict[str, str] | None = None
) -> tuple[int, str]:
    """Return status and body of a GET; (0, "") when nobody answers."""
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def eventually(condition: Any, what: str, limit: float = START_LIMIT) -> Any:
    """Return the first true result of the condition; fail when there is none in time."""
    deadline = time.monotonic() + limit
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {limit} s"
        time.sleep(0.02)
    return result


class Process:
    """A server process and its ports."""

    def __init__(self, environment: dict[str, str], command: str, *arguments: str) -> None:
        self.port = self.web_port = self.status_port = 0
        self._environment = environment
        self.script = [str(ROOT / "manage.py")]
        self._command = [command, *arguments]
        self.child: subprocess.Popen[str] | None = None

    def start(self, *, ready: bool = True) -> Process:
        """Start it, and wait until it would serve."""
        self.child = subprocess.Popen(
            [sys.executable, *self.script, *self._command],
            env=self._environment,
            cwd=ROOT,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        if ready:
            eventually(self.is_ready, "readiness")
        return self

    def is_ready(self) -> bool:
        """Whether its listening port says so."""
        assert self.child is not None
        if self.child.poll() is not None:
            raise AssertionError(f"the server ended: {self.child.communicate()[1]}")
        return http_get(self.port, "/readyz")[0] == 200

    def status(self) -> dict[str, Any]:
        """Return its status."""
        code, body = http_get(self.status_port, "/status")
        assert code == 200, (code, body)
        status: dict[str, Any] = json.loads(body)
        return status

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; return the exit code and what it wrote to stderr."""
        assert self.child is not None
        if self.child.poll() is None:
            self.child.send_signal(number)
        return self.wait(STOP_LIMIT)

    def wait(self, limit: float = START_LIMIT) -> tuple[int, str]:
        """Wait for the end; return the exit code and what it wrote to stderr.

        What ends by itself may have to start before.
        """
        assert self.child is not None
        child, self.child = self.child, None
        try:
            _, errors = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            child.kill()
            _, errors = child.communicate()
            raise AssertionError(f"the server did not end in time: {errors}") from None
        return child.returncode, errors


class Site:
    """A database with a master and a proxy to start; ends what was started."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self.environment = environment
        self.folder = folder
        self._started: list[Process] = []
        self._beginning = begin(environment, _fill, free_port)
        self.master_port = self._beginning.master_port
        self.proxy_port = self._beginning.proxy_port
        self.secret_file = folder / "secret"
        self.secret_file.touch(mode=0o600)
        self.secret_file.write_text(self._beginning.secret)

    def manage(self, *arguments: str) -> str:
        """Run a management command; return what it printed."""
        return _manage(self.environment, *arguments)

    def python(self, code: str, *arguments: str) -> str:
        """Run code on the site's database; return what it printed."""
        return _python(self.environment, code, *arguments)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what a query finds in the site's database, without a process of its own."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("sqlite"):
            file = url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as base:
                return base.execute(statement).fetchall()
        import psycopg

        with psycopg.connect(url) as connection:
            return connection.execute(statement.encode()).fetchall()

    def begin_python(self, code: str, *arguments: str) -> subprocess.Popen[str]:
        """Begin to run code on the site's database; whoever asks ends it."""
        return subprocess.Popen(
            [sys.executable, "-c", _SETUP + code, *arguments],
            env=_django(self.environment),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
        )

    def master(self, *arguments: str, web: bool = False) -> Process:
        """Return a master that is not started yet."""
        return self._process("runmaster", self.master_port, web, *arguments)

    def backup(self, port: int, *arguments: str, web: bool = False) -> Process:
        """Return a backup master that is not started yet; its application must be there."""
        return self._process("runmaster", port, web, "-app", "confserv-backup", *arguments)

    def proxy(self, *arguments: str, web: bool = False) -> Process:
        """Return a proxy that is not started yet. It has no database."""
        return self.proxy_of("site-1", self.proxy_port, self.secret_file, *arguments, web=web)

    def proxy_of(
        self, name: str, port: int, secret: Path, *arguments: str, web: bool = False
    ) -> Process:
        """Return a proxy of another Application, with the file of its secret."""
        server = ["-app", name, "-host", "127.0.0.1", "-port", str(self.master_port)]
        words = [*server, "-secret", str(secret), *arguments]
        return self._process("runproxy", port, web, *words)

    def _process(self, command: str, port: int, web: bool, *arguments: str) -> Process:
        web_port, status_port = free_port(), free_port()
        ports = ["-web-port", str(web_port), "-status-port", str(status_port)]
        environment = dict(self.environment)
        if command == "runproxy":
            # Whatever a proxy would write there is a mistake, and would fail.
            environment["DATABASE_URL"] = "sqlite:////nowhere/at/all.sqlite3"
        process = Process(environment, command, *ports, *([] if web else ["--no-web"]), *arguments)
        process.port, process.web_port, process.status_port = port, web_port, status_port
        self._started.append(process)
        return process

    def end(self) -> None:
        """Stop everything that runs."""
        for process in reversed(self._started):
            if process.child is not None:
                process.stop(signal.SIGKILL)
        self._beginning.is_taken = False


def _fill(environment: dict[str, str], master_port: int, proxy_port: int) -> str:
    """Make the tables, and in them a master and a proxy; return the proxy's secret."""
    _manage(environment, "migrate", "-v", "0")
    return _python(environment, _PREPARE, str(master_port), "site-1", str(proxy_port))


def _manage(environment: dict[str, str], *arguments: str) -> str:
    return _run(environment, [str(ROOT / "manage.py"), *arguments])


def _python(environment: dict[str, str], code: str, *arguments: str) -> str:
    return _run(environment, ["-c", _SETUP + code, *arguments])


def _run(environment: dict[str, str], words: list[str]) -> str:
    done = subprocess.run(
        [sys.executable, *words],
        env=_django(environment),
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _django(environment: dict[str, str]) -> dict[str, str]:
    return {**environment, "DJANGO_SETTINGS_MODULE": "csproxy_site.settings"}


def children_of(process: Process) -> list[int]:
    """Return the ids of the process's children."""
    assert process.child is not None
    tasks = Path(f"/proc/{process.child.pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def is_running(number: int) -> bool:
    """Whether there is a process of this id that is no zombie."""
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
