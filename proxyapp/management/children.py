"""A server as a child process of a command: started, awaited, stopped with it."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0


class Child:
    """One server process, its output in a file."""

    process: subprocess.Popen[bytes]

    def __init__(self, name: str, log: Path, *arguments: str) -> None:
        """Prepare `manage.py ARGUMENTS`; `name` is what people call it."""
        self._name = name
        self._log = log
        self._command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the server during the block."""
        with self._log.open("wb") as output:
            # A session of its own, so that Ctrl-C reaches it through its parent alone.
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield
        finally:
            self._stop()

    def await_ready(self, *ports: int) -> None:
        """Wait until the server answers on each of these ports that it would serve.

        Raises:
            CommandError: it ended, or it is not ready in time.
        """
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise self.ended()
            if all(is_ready(port) for port in ports):
                return
            time.sleep(0.1)
        raise CommandError(f"the {self._name} is not ready yet: see {self._log}")

    def ended(self) -> CommandError:
        """Return the error of a server that ended by itself, with its last words."""
        words = self._log.read_text(errors="replace").splitlines()[-10:]
        return CommandError("\n  ".join([f"the {self._name} ended; its last words:", *words]))

    def _stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def is_ready(port: int) -> bool:
    """Whether a server answers on this port of loopback that it would serve."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False  # it does not listen yet
    finally:
        connection.close()


def is_taken(port: int) -> bool:
    """Whether another program listens on this port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return True
    return False
