"""Looks after the certificates of all open ports: changed files are used, complaints are told.

Knows when to look; what a certificate is, and what is wrong with one, it does not know.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any, Protocol

import structlog

from proxyapp.runtime.tasks import spawn

log = structlog.get_logger(__name__)

PERIOD = 10.0
"""Seconds between looks at the files."""


class Ports(Protocol):
    """The open ports."""

    async def follow_certificates(self) -> None:
        """Use the certificates that are in the files now."""

    def complaints(self) -> list[str]:
        """Return what operators should know."""


class Certificates:
    """The watch over the certificates of a server's ports."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._due = 0.0
        self._looking: asyncio.Task[None] | None = None
        self._complaints: dict[str, float] = {}
        """What is wrong, and since when."""

    def sweep(self, now: float) -> None:
        """Look when it is time; call it several times a second.

        Args:
            now: the monotonic time in seconds.
        """
        if now >= self._due:
            self.look()

    def look(self) -> None:
        """Look at the files now, in a thread."""
        self._due = time.monotonic() + PERIOD
        if self._looking is None or self._looking.done():
            self._looking = spawn("certificates", self._look())

    def alarms(self, now: float) -> list[dict[str, Any]]:
        """Return what is wrong, for status pages."""
        return [
            {"alarm": "certificate", "text": text, "since": round(now - since, 1)}
            for text, since in self._complaints.items()
        ]

    async def _look(self) -> None:
        await self._ports.follow_certificates()
        complaints, now = self._ports.complaints(), time.monotonic()
        for complaint in complaints:
            if complaint not in self._complaints:
                log.warning("alarm", alarm="certificate", text=complaint)
        for text in self._complaints.keys() - set(complaints):
            log.info("alarm cleared", alarm="certificate", text=text)
        self._complaints = {text: self._complaints.get(text, now) for text in complaints}
