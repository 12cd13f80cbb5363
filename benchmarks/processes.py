"""Processes of servers and of load, each pinned to a core of its own.

Knows no server: what to start is said by `site` and `peers`.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SERVER_CORE = 0
LOAD_CORE = 1
START_LIMIT = 120.0
STOP_LIMIT = 15.0
_TICKS = os.sysconf("SC_CLK_TCK")


class Missing(Exception):
    """A program that a benchmark needs is not installed; the text says which package has it."""


def require(program: str, package: str) -> str:
    """Return the path of a program.

    Raises:
        Missing: it is not installed.
    """
    path = shutil.which(program)
    if path is None:
        raise Missing(f"{program} is not installed: install the package {package}")
    return path


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` on one core.

    Raises:
        Missing: there is no taskset, or no such core.
    """
    if core not in os.sched_getaffinity(0):
        raise Missing(f"core {core} may not be used: servers and load need a core each")
    return [require("taskset", "util-linux"), "-c", str(core), *command]


def unpinned(command: Sequence[str]) -> list[str]:
    """Return the command that runs `command` on every core that this process may use.

    Raises:
        Missing: there is no taskset.
    """
    cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    return [require("taskset", "util-linux"), "-c", cores, *command]


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def http_get(port: int, path: str) -> tuple[int, str]:
    """Return status and body of a GET; (0, "") when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, http.client.HTTPException):
        return 0, ""
    finally:
        connection.close()


def children(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for path in lists for word in path.read_text().split()]


def listens(port: int) -> bool:
    """Whether somebody takes connections at a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


class Server:
    """A server process on one core; what it writes goes to a file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
        core: int = SERVER_CORE,
    ) -> None:
        """Start it, and wait until it serves."""
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                pinned(core, command),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + START_LIMIT
        while not ready():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"{command[0]} did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._child.pid

    def cpu(self) -> float:
        """Return the seconds of processor time used so far by all its threads."""
        tasks = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def delay(self) -> float:
        """Return the seconds that its first thread has waited for a processor so far."""
        return int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1]) / 1e9

    def memory(self) -> int:
        """Return the bytes that are resident now."""
        return self._status("VmRSS")

    def peak_memory(self) -> int:
        """Return the most bytes that were resident since the start or `forget_peak`."""
        return self._status("VmHWM")

    def forget_peak(self) -> None:
        """Begin a new measurement of the peak."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def _status(self, name: str) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
        raise LookupError(name)

    def stop(self) -> None:
        """End it."""
        if self._child.poll() is None:
            self._child.terminate()
        try:
            self._child.wait(STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
