"""Logs: structlog over the standard library, to stderr and to a rotated file.

Lines are made where they are logged and written by a thread of their own, many at a time: so
neither a slow disk stops the event loop, nor does the thread take the interpreter from it for
each of thousands of lines. What could hold a secret is left out, whoever logs it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

import structlog

from proxyapp.runtime.logfmt import Event, render, stamp

FILE_SIZE = 10 * 1024 * 1024
FILES = 5
GATHER = 0.02
"""Seconds for which lines are gathered before they are written."""
LEVELS = {
    "all": logging.DEBUG,
    "debug": logging.DEBUG,
    "trace": logging.DEBUG,
    "interaction": logging.INFO,
    "standard": logging.INFO,
    "none": logging.CRITICAL + 10,
}
"""The origin's names of levels, and what they let through."""
DEFAULT_VERBOSITY = "standard"
SECRETS = frozenset(
    {"password", "secret", "verifier", "proof", "salted_password", "token", "authorization"}
)
_QUIET = {
    "asyncio": logging.WARNING,
    "daphne": logging.WARNING,
    "django.request": logging.ERROR,
    "django.server": logging.WARNING,
    "picows": logging.WARNING,
    "twisted": logging.WARNING,
}


def hide_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Replace the values of fields that are secrets by their name."""
    for key in SECRETS & event.keys():
        event[key] = "(hidden)"
    return event


_SHARED: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    stamp,
    hide_secrets,
]


class Logs:
    """The log handlers of this process."""

    def __init__(self, file: Path | None, files: Mapping[str, str] | None = None) -> None:
        """Log to stderr, to `file` (rotated), and to more files by level.

        Raises:
            OSError: a file cannot be written.
        """
        self._handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
        if file is not None:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handlers.append(
                _Rotated(file, maxBytes=FILE_SIZE, backupCount=FILES, encoding="utf-8")
            )
        for level, name in (files or {}).items():
            more = _File(name, encoding="utf-8")
            more.setLevel(LEVELS[level])
            self._handlers.append(more)
        self._writer = _Writer(self._handlers)
        self._foreign = _Foreign(self._writer)

    def start(self, verbosity: str = "") -> None:
        """Take over the process's logging."""
        root = logging.getLogger()
        root.handlers[:] = [self._foreign]
        for name, level in _QUIET.items():
            logging.getLogger(name).setLevel(level)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                *_SHARED,
                structlog.processors.format_exc_info,
                render,
            ],
            logger_factory=lambda *name: _Pen(self._writer, *name),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
        set_verbosity(verbosity or DEFAULT_VERBOSITY)
        self._writer.start()

    def stop(self) -> None:
        """Write what is waiting and let go of the files."""
        logging.getLogger().removeHandler(self._foreign)
        self._writer.stop()
        for handler in self._handlers:
            with suppress(OSError):  # on a full disk, what the file misses is told already
                handler.close()


def set_verbosity(verbosity: str) -> None:
    """Let through what the origin's level name means; an unknown name changes nothing."""
    if verbosity in LEVELS:
        logging.getLogger().setLevel(LEVELS[verbosity])


class _Failing(logging.FileHandler):
    """A log file on a disk that may be full: that is told once, and once that it is over.

    As a line of the log, which others can write. What the file misses is not written later.
    """

    _fails = _failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or tell that it cannot be written."""
        self._failed = False
        super().emit(record)
        if self._fails and not self._failed:
            self._fails = False
            structlog.stdlib.get_logger(__name__).warning(
                "log file works again", file=self.baseFilename
            )

    def handleError(self, record: logging.LogRecord) -> None:
        """Tell what goes wrong, the first time."""
        self._failed = True
        if not self._fails:
            self._fails = True
            structlog.stdlib.get_logger(__name__).error(
                "log file cannot be written", file=self.baseFilename, reason=str(sys.exc_info()[1])
            )


class _File(_Failing):
    """Grows for ever."""


class _Rotated(_Failing, RotatingFileHandler):
    """Is put aside when it is large."""


class _Writer(Thread):
    """Writes lines that others made."""

    def __init__(self, handlers: Sequence[logging.Handler]) -> None:
        super().__init__(name="logs", daemon=True)
        self._handlers = handlers
        self._lines: SimpleQueue[tuple[int, str] | None] = SimpleQueue()

    def put(self, level: int, line: str) -> None:
        """Have a line written soon."""
        self._lines.put((level, line))

    def stop(self) -> None:
        """Write what is waiting, and end."""
        self._lines.put(None)
        self.join()

    def run(self) -> None:
        """Write until the end."""
        line = self._lines.get()
        while line is not None:
            time.sleep(GATHER)
            lines = [line]
            while not self._lines.empty() and (line := self._lines.get()) is not None:
                lines.append(line)
            self._write(lines)
            line = line and self._lines.get()

    def _write(self, lines: list[tuple[int, str]]) -> None:
        for handler in self._handlers:
            text = "\n".join(line for level, line in lines if level >= handler.level)
            if text:
                # Its level is that of no line: what is in it has been let through already.
                handler.handle(logging.LogRecord("", handler.level, "", 0, text, (), None))


class _Pen:
    """Takes the lines of one logger of structlog to the writer."""

    def __init__(self, writer: _Writer, name: str = "") -> None:
        self.name = name
        self.disabled = False
        self.getEffectiveLevel = logging.getLogger(name).getEffectiveLevel
        self._put = writer.put

    def debug(self, line: str) -> None:
        """Take a line of this level, as the other methods do."""
        self._put(logging.DEBUG, line)

    def info(self, line: str) -> None:
        self._put(logging.INFO, line)

    def warning(self, line: str) -> None:
        self._put(logging.WARNING, line)

    def error(self, line: str) -> None:
        self._put(logging.ERROR, line)

    exception = error  # the traceback is in the line

    def critical(self, line: str) -> None:
        self._put(logging.CRITICAL, line)


class _Foreign(logging.Handler):
    """Takes what the standard library's loggers are told to the writer."""

    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self._put = writer.put
        self.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=_SHARED,
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    structlog.processors.format_exc_info,
                    render,
                ],
            )
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Make the line here: what the record speaks of may have changed later."""
        self._put(record.levelno, self.format(record))
