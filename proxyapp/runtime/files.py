"""Files that are replaced as a whole: whoever opens one, also after a power cut, finds the old one
or the new one.

Knows nothing of what is in them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from io import BufferedWriter, FileIO
from pathlib import Path


def open_new(path: Path) -> FileIO:
    """Create a file that only its owner may read; what a crash has left there goes."""
    with suppress(FileNotFoundError):
        path.unlink()
    return open(path, "xb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))


def sync_folder(folder: Path) -> None:
    """Make names that were made or changed outlive a power cut."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def put(fresh: Path, path: Path) -> None:
    """Give a whole file, which is on the disk, the name of the one that it replaces."""
    os.replace(fresh, path)
    sync_folder(path.parent)


def write(path: Path, parts: Iterable[bytes]) -> None:
    """Replace a file, or make it; only its owner may read it. It is on the disk on return.

    Processes that write the same one at once do not mix: the last one counts.

    Raises:
        OSError: it is not sure to be there, and what was there before may still be.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        with BufferedWriter(open_new(fresh)) as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        put(fresh, path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
