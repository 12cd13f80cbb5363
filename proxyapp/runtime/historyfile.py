"""The database of a proxy: one SQLite file in its data folder, with its history log alone.

Node process and web process both open `history.sqlite3` there; the option `all` makes it a link
to another place. Knows no entries and no event loop.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

from proxyapp.engine.commands import ConfigureHistory

log = structlog.get_logger(__name__)

NAME = "history.sqlite3"
MEMORY = ":memory:"
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - other accounts cannot guess or open the file
_BROKEN = ("not a database", "malformed")


def use(folder: Path) -> Path:
    """Make the file in this data folder the database of the process; return its path."""
    path = folder / NAME
    settings.DATABASES["default"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
    connections.settings = connections.configure_settings(settings.DATABASES)
    with suppress(AttributeError):  # this thread has opened nothing yet
        del connections["default"]
    return path


def place(path: Path, wish: str) -> None:
    """Put the file where the option `all` wants it; what was kept so far moves along.

    Args:
        path: what `use` returned.
        wish: the option's value.

    Raises:
        OSError: it cannot be there.
    """
    own, target, present = _own(path), _target(path, wish), path.resolve()
    if present == target:
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.is_symlink():
        path.unlink()
    if not target.exists():
        _move(present, target)
    elif own.exists() and target != own:  # the other place has a history already
        own.rename(own.with_suffix(".before.sqlite3"))
    if target != own:
        path.symlink_to(target)


def prepare(path: Path, options: ConfigureHistory) -> None:
    """Make the file usable: at its place, whole, with its tables, for its owner's eyes only."""
    place(path, options.file)
    try:
        migrate()
    except DatabaseError as error:
        set_aside_if_broken(path, str(error))
        raise


def forget_memory(path: Path) -> None:
    """Remove what is kept in memory alone: the server has ended, or starts anew."""
    if path.is_symlink() and path.resolve().parent == _SHARED_MEMORY:
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.unlink(f"{path.resolve()}{suffix}")
        path.unlink()


def migrate() -> None:
    """Make the tables, or bring them up to date. Only the history's: no other is used here."""
    executor = MigrationExecutor(connection)
    targets = [key for key in executor.loader.graph.leaf_nodes() if key[0] == "historylog"]
    executor.migrate(targets)
    Path(connection.settings_dict["NAME"]).chmod(0o600)


def set_aside_if_broken(path: Path, reason: str) -> None:
    """Rename a file that is no database any more, so that a new one is made."""
    if any(word in reason for word in _BROKEN):
        aside = path.resolve().with_suffix(".broken.sqlite3")
        log.error("the history file is broken and was set aside", file=str(path), aside=str(aside))
        with suppress(OSError):
            path.resolve().rename(aside)
            for suffix in ("-wal", "-shm"):
                Path(f"{path.resolve()}{suffix}").unlink(missing_ok=True)


def _move(present: Path, target: Path) -> None:
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            shutil.move(f"{present}{suffix}", f"{target}{suffix}")
    Path(f"{present}-shm").unlink(missing_ok=True)


def _own(path: Path) -> Path:
    return path.parent.resolve() / path.name


def _target(path: Path, wish: str) -> Path:
    if not wish:
        return _own(path)
    if wish == MEMORY:
        mark = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        return _SHARED_MEMORY / f"csproxy-{os.getuid()}-{mark}.sqlite3"
    return (path.parent / f"{wish}.sqlite3").resolve()
