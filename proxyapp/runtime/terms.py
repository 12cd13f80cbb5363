"""The highest term of a pair that a server has heard of, in a file: it outlives the process."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import structlog

from proxyapp.runtime import files
from proxyapp.runtime.tasks import spawn

log = structlog.get_logger(__name__)

_MOST_DIGITS = 15


class TermFile:
    """A file with one number that only grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._highest = 0

    def read(self) -> int:
        """Return the term that was kept; 0 where there is none, or nothing to be read."""
        try:
            text = self._path.read_text().strip()
        except FileNotFoundError:
            return 0
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the file of the pair's term cannot be read", reason=str(error))
            return 0
        if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
            log.warning("the file of the pair's term is damaged", file=str(self._path))
            return 0
        self._highest = int(text)
        return self._highest

    def keep(self, term: int) -> None:
        """Write a term, soon; needs a running loop."""
        spawn(f"term {term}", asyncio.to_thread(self.write, term))

    def write(self, term: int) -> None:
        """Write a term unless a higher one is there. A disk that takes nothing is logged."""
        with self._lock:
            if term <= self._highest:
                return
            try:
                files.write(self._path, [f"{term}\n".encode()])
            except OSError as error:
                log.warning("the pair's term was not kept", term=term, reason=str(error))
                return
            self._highest = term
