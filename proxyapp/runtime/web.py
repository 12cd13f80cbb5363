"""The web process beside a node: started, watched, restarted with back-off, stopped.

It is another process because one admin page costs milliseconds that the node's loop has not.
It ends by itself when the node does: its standard input is a pipe that then breaks.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process

import msgspec
import structlog
from django.conf import settings

from proxyapp.runtime.arguments import Role
from proxyapp.runtime.tasks import cancel, spawn

log = structlog.get_logger(__name__)

RESTART_FIRST = 1.0
RESTART_LIMIT = 30.0
STEADY = 60.0
"""Seconds that a process must run before the next restart is quick again."""
STOP_LIMIT = 4.0


class WebProcess:
    """Keeps one web process running."""

    def __init__(
        self,
        role: Role,
        application: str,
        listening: socket.socket,
        status_port: int,
        instance: str,
    ) -> None:
        self._listening = listening
        self._command = [
            sys.executable,
            str(settings.BASE_DIR / "manage.py"),
            "runweb",
            f"--role={role}",
            f"--application={application}",
            f"--listen-fd={listening.fileno()}",
            f"--status-port={status_port}",
            f"--instance={instance}",
        ]
        self._process: Process | None = None
        self._watch: asyncio.Task[None] | None = None
        self.restarts = 0

    def move(self) -> None:
        """Tell the process where the database is now."""
        process = self._process
        if process is not None and process.returncode is None and process.stdin is not None:
            database = settings.DATABASES["default"]
            place = {name: database[name] for name in ("HOST", "PORT")}
            process.stdin.write(msgspec.json.encode(place) + b"\n")

    def start(self) -> None:
        """Start the process; must be called with a running loop."""
        self._watch = spawn("web process", self._keep())

    async def stop(self) -> None:
        """Stop the process, by force if it takes too long."""
        await cancel(self._watch)
        self._listening.close()
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_LIMIT):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self) -> None:
        delay = RESTART_FIRST
        while True:
            started = time.monotonic()
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=DEVNULL,
                # The socket is opened by the node process: the port stays taken over restarts.
                pass_fds=(self._listening.fileno(),),
            )
            self.move()
            log.info("web process started", process=process.pid)
            code = await process.wait()
            self.restarts += 1
            if time.monotonic() - started > STEADY:
                delay = RESTART_FIRST
            log.error("web process ended", process=process.pid, code=code, restart_in=delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, RESTART_LIMIT)
