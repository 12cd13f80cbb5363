"""Logs: structlog over the standard library, to stderr and to a rotated file.

Records are written by a thread of their own, so a slow disk never stops the event loop. What
could hold a secret is left out, whoever logs it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping, MutableMapping
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import structlog

FILE_SIZE = 10 * 1024 * 1024
FILES = 5
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

Event = MutableMapping[str, Any]


def hide_secrets(_logger: Any, _method: str, event: Event) -> Event:
    """Replace the values of fields that are secrets by their name."""
    for key in SECRETS & event.keys():
        event[key] = "(hidden)"
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    hide_secrets,
]


class Logs:
    """The log handlers of this process."""

    def __init__(self, file: Path | None, files: Mapping[str, str] | None = None) -> None:
        """Log to stderr, to `file` (rotated), and to more files by level.

        Raises:
            OSError: a file cannot be written.
        """
        handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
        if file is not None:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            handlers.append(
                RotatingFileHandler(file, maxBytes=FILE_SIZE, backupCount=FILES, encoding="utf-8")
            )
        for level, name in (files or {}).items():
            more = logging.FileHandler(name, encoding="utf-8")
            more.setLevel(LEVELS[level])
            handlers.append(more)
        for handler in handlers:
            handler.setFormatter(_FORMATTER)
        queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
        self._listener = QueueListener(queue, *handlers, respect_handler_level=True)
        self._queue_handler = _Handover(queue)

    def start(self, verbosity: str = "") -> None:
        """Take over the process's logging."""
        root = logging.getLogger()
        root.handlers[:] = [self._queue_handler]
        for name, level in _QUIET.items():
            logging.getLogger(name).setLevel(level)
        structlog.configure(
            processors=[
                structlog.stdlib.filter_by_level,
                *_SHARED,
                structlog.processors.format_exc_info,
                structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
            ],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=True,
        )
        set_verbosity(verbosity or DEFAULT_VERBOSITY)
        self._listener.start()

    def stop(self) -> None:
        """Write what is waiting and let go of the files."""
        logging.getLogger().removeHandler(self._queue_handler)
        self._listener.stop()
        for handler in self._listener.handlers:
            handler.close()


def set_verbosity(verbosity: str) -> None:
    """Let through what the origin's level name means; an unknown name changes nothing."""
    if verbosity in LEVELS:
        logging.getLogger().setLevel(LEVELS[verbosity])


class _Handover(QueueHandler):
    """Hands records over whole: structlog's are dictionaries until they are formatted."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        if not isinstance(record.msg, dict):
            record.msg, record.args = record.getMessage(), None
        return record


_FORMATTER = structlog.stdlib.ProcessorFormatter(
    foreign_pre_chain=_SHARED,
    processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.LogfmtRenderer(
            key_order=["timestamp", "level", "event"], bool_as_flag=False
        ),
    ],
)
