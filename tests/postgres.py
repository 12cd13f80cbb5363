"""PostgreSQL servers of a test's own: primaries and standbys that may be killed and promoted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg

from tests.servers import eventually, free_port, is_running

USER = "csproxy"
_OWNER = "postgres"
"""Whom the servers run as where the tests are root's: PostgreSQL refuses that one."""


def programs() -> Path | None:
    """Return the folder of the newest PostgreSQL server here; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    return Path(initdb).parent if initdb else None


class Machine:
    """What the servers of one test share: a folder, and who owns it."""

    def __init__(self, bin_: Path) -> None:
        self.bin = bin_
        self.folder = Path(tempfile.mkdtemp(prefix="csproxy-failover-"))
        self.servers: list[Server] = []
        self._owner: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, _OWNER)
            self._owner = {"user": _OWNER, "group": _OWNER, "extra_groups": []}

    def run(self, program: str, *words: str) -> None:
        """Run one of PostgreSQL's programs to its end."""
        done = subprocess.run(
            [str(self.bin / program), *words],
            cwd=self.folder,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            **self._owner,
        )
        assert done.returncode == 0, done.stderr

    def begin(self, program: str, *words: str) -> subprocess.Popen[bytes]:
        """Begin to run one of PostgreSQL's programs."""
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [str(self.bin / program), *words],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._owner,
            )

    def end(self) -> None:
        """Kill all servers and remove their files."""
        for server in self.servers:
            server.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Server:
    """One PostgreSQL server."""

    def __init__(self, machine: Machine, name: str) -> None:
        self._machine = machine
        self._data = machine.folder / name
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        machine.servers.append(self)

    def make(self) -> Server:
        """Make an empty cluster."""
        words = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        words.append("--wal-segsize=1")  # copies of it are small
        self._machine.run("initdb", "-D", str(self._data), *words)
        return self

    def follow(self, primary: Server) -> Server:
        """Become a copy of another server that streams its changes, in place of what was here."""
        shutil.rmtree(self._data, ignore_errors=True)
        where = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", USER]
        words = ["-D", str(self._data), "-R", "-c", "fast", "--no-sync"]
        self._machine.run("pg_basebackup", *where, *words)
        return self

    def start(self) -> Server:
        """Start it, and wait until it takes connections."""
        given = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._machine.folder,
            "wal_retrieve_retry_interval": "100ms",
            "fsync": "off",  # what a process wrote is there after its death; no machine dies here
        }
        words = [word for key, value in given.items() for word in ("-c", f"{key}={value}")]
        self._process = self._machine.begin("postgres", "-D", str(self._data), *words)
        eventually(self._answers, "PostgreSQL's start")
        return self

    def kill(self) -> None:
        """Kill it with all its processes, as the end of its machine would."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, FileNotFoundError):  # it has ended by itself
            os.kill(process.pid, signal.SIGSTOP)  # so that it begins no more of them
            tasks = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
            # They lead sessions of their own: by a group they cannot be told from others.
            children = [int(number) for number in tasks.split()]
            for number in (process.pid, *children):
                with suppress(ProcessLookupError):
                    os.kill(number, signal.SIGKILL)
            # Its memory is in use as long as one of them is there, and it could not be started.
            eventually(lambda: not any(map(is_running, children)), "the end of PostgreSQL")
        process.wait()

    def promote(self) -> None:
        """Make the primary of a standby, and wait until it takes writes."""
        self.ask("SELECT pg_promote(true, 30)")

    def configure(self, **settings: str) -> None:
        """Set parameters of the running server."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")

    def ask(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run a statement; return its rows."""
        where = f"host=127.0.0.1 port={self.port} user={USER} dbname={database}"
        with psycopg.connect(where, autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._machine.folder / "log").read_text()
        try:
            return bool(self.ask("SELECT 1"))
        except psycopg.OperationalError:
            return False
