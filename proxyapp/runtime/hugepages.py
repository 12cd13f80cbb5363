"""Memory in huge pages: what a load has left in thousands of small ones is put together.

A read takes an object from anywhere in a large store, and the processor looks up first where the
page of it lies: with pages of 4 KB no cache holds that. Linux puts a page of 2 MB together when
asked (`MADV_COLLAPSE`, from 6.1 on). Knows nothing of what the memory holds.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

SIZE = 2 * 1024 * 1024
"""Bytes of a huge page."""
DENSE = 0.9
"""Share of a huge page that must be in use, or putting it together would cost memory."""
GROWTH = 0.125
"""By how much the process must have grown since the last time, as a share of what it was."""
LEAST = 32 * 1024 * 1024
"""Bytes, at least, that it must have grown by."""
LOOK = 2.0
"""Seconds between two looks; while the process grows it is left alone."""
PAUSE = 0.01
"""Seconds between two huge pages: each keeps the loop from new memory for up to 6 ms."""

_COLLAPSE = 25
_PAGE = os.sysconf("SC_PAGESIZE")
_ENTRY = 8
_STATE = Path("/sys/kernel/mm/transparent_hugepage/enabled")


def areas(maps: Iterable[str]) -> Iterator[range]:
    """Yield the addresses of huge pages in private memory without a file, area by area.

    Args:
        maps: the lines of /proc/PID/maps (proc_pid_maps(5)).
    """
    for line in maps:
        addresses, access, _, _, inode, *name = line.split()
        if not access.startswith("rw") or access[3] != "p" or inode != "0":
            continue
        if not name or name == ["[heap]"]:
            first, last = (int(address, 16) for address in addresses.split("-"))
            yield range(-(-first // SIZE) * SIZE, last - SIZE + 1, SIZE)


def is_dense(pagemap: int, address: int) -> bool:
    """Return whether most of the huge page at an address is in use.

    Args:
        pagemap: an open /proc/PID/pagemap (proc_pid_pagemap(5)).
        address: where it begins.
    """
    pages = SIZE // _PAGE
    entries = os.pread(pagemap, pages * _ENTRY, address // _PAGE * _ENTRY)
    # The highest bit of an entry, little-endian: the page is present.
    return sum(top >> 7 for top in entries[_ENTRY - 1 :: _ENTRY]) >= DENSE * pages


def is_allowed() -> bool:
    """Return whether this kernel has huge pages and its owner wants them."""
    try:
        return "[never]" not in _STATE.read_text()
    except OSError:
        return False


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE


class Growth:
    """Tells when a process has grown enough, and stands still."""

    def __init__(self) -> None:
        self._done = 0
        """Bytes that it had when it was last told so."""
        self._seen = 0

    def is_over(self, size: int) -> bool:
        """Return whether a process of so many bytes, now, is worth a pass."""
        grows, self._seen = size - self._seen > LEAST // 8, size
        if size < self._done:
            self._done = size
        if grows or size - self._done < max(LEAST, self._done * GROWTH):
            return False
        self._done = size
        return True


class HugePages:
    """Puts the memory of this process together, again whenever much of it is new."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._madvise = ctypes.CDLL(None, use_errno=True).madvise
        self._madvise.argtypes = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int

    def start(self) -> None:
        """Begin, in a thread of its own, where the kernel allows it."""
        if is_allowed():
            threading.Thread(target=self._run, name="hugepages", daemon=True).start()

    def stop(self) -> None:
        """End after the huge page under way."""
        self._stopping.set()

    def collapse(self) -> int:
        """Go through all memory once; return the bytes that are in huge pages by it.

        Raises:
            OSError: the kernel does not know how.
        """
        done = 0
        with Path("/proc/self/maps").open() as maps:
            found = list(areas(maps))
        with Path("/proc/self/pagemap").open("rb") as pagemap:
            for address in (address for area in found for address in area):
                if self._stopping.is_set():
                    break
                if not is_dense(pagemap.fileno(), address):
                    continue
                if not self._madvise(address, SIZE, _COLLAPSE):
                    done += SIZE
                elif ctypes.get_errno() == errno.EINVAL:
                    raise OSError(errno.EINVAL, "the kernel cannot collapse memory")
                self._stopping.wait(PAUSE)
        return done

    def _run(self) -> None:
        growth = Growth()
        while not self._stopping.wait(LOOK):
            if not growth.is_over(resident()):
                continue
            began = time.monotonic()
            try:
                done = self.collapse()
            except OSError as error:
                log.info("memory stays in small pages", reason=error.strerror)
                return
            seconds = round(time.monotonic() - began, 1)
            log.info("put memory into huge pages", megabytes=done >> 20, seconds=seconds)
