"""A lock on a file that one process has as long as it runs; its number stands in the file."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Held(Exception):
    """Another process has the lock."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder
        """The number of the process, or "unknown"."""


class FileLock:
    """The lock, while this process has it."""

    def __init__(self, path: Path) -> None:
        """Take it.

        Raises:
            Held: another process has it.
            OSError: the file cannot be opened.
        """
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode().strip() or "unknown"
            os.close(self._file)
            raise Held(holder) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process take it."""
        os.ftruncate(self._file, 0)
        os.close(self._file)
