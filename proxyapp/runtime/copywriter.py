"""The thread that writes a local copy: a log of the changes, and new snapshots beside it.

A new snapshot goes to a temporary file and takes its name when it is whole and on the disk; the
one before it stays as the next best. A disk that does not take it harms nothing: all is written
anew when it does. Knows no rules of the node: it carries out its commands.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import structlog

from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.engine.data.rows import Row
from proxyapp.engine.links.localcopy import (
    Cipher,
    Digest,
    End,
    Header,
    encode_current,
    encode_end,
    encode_header,
    encode_keys,
    encode_page,
    encode_part,
    frame,
)
from proxyapp.engine.links.replication import transaction_parts
from proxyapp.runtime.copyfiles import (
    Keys,
    keys_file,
    log_file,
    new_salt,
    numbers,
    snapshot_file,
)
from proxyapp.runtime.files import open_new, put, sync_folder

log = structlog.get_logger(__name__)

WAITING = 500_000
"""Changes that wait for the disk at most; beyond, all is written anew when it takes them again."""
LEAST_LOG = 16 * 1024 * 1024
"""Bytes of logs below which no new snapshot is worth its writing."""
MOST_LOGS = 16
"""Logs, one for each start, after which there is a new snapshot."""
SYNC = 0.2
"""Seconds between two waits for the disk: a power cut may take what came after the last."""
RETRY = 5.0
PAGE = 64
"""Rows that are encoded at a time: as long as that takes, some 50 us, the loop may have to wait."""

Order = c.BeginCopy | c.CopyRows | c.CopyEntry | c.DateCopy | c.KeepKeys


class _File:
    """A file that is being written: its frames are sealed, each for its place."""

    def __init__(self, path: Path, header: Header, keys: Keys) -> None:
        self._file: BinaryIO = open_new(path)
        self.path = path
        self.digest = Digest()
        payload = encode_header(header)
        self._cipher: Cipher = keys.cipher(payload)
        self._place = 0
        self.size = 0
        self._write(payload)

    def add(self, data: bytes) -> None:
        """Seal and write one frame.

        Raises:
            OSError: the disk does not take it.
        """
        self._place += 1
        self._write(self._cipher.seal(data, self._place))

    def sync(self) -> None:
        """Wait until all is on the disk."""
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _write(self, payload: bytes) -> None:
        if self._place:
            self.digest.add(payload)
        rest = memoryview(frame(payload))
        self.size += len(rest)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]


class Writing:
    """The thread that writes. Its public methods are for the loop, all others for the thread."""

    def __init__(
        self, folder: Path, application: str, keys: Keys, tell: Callable[[e.Event], None]
    ) -> None:
        self._folder = folder
        self._application = application
        self._keys = keys
        self._tell = tell
        self._queue: queue.SimpleQueue[Order | None] = queue.SimpleQueue()
        self._waiting = 0
        self._dropping = False
        """The disk is far behind: nothing more is taken before a new beginning."""
        self._log: _File | None = None
        self._snapshot: _File | None = None
        self._records = 0
        self._number = 0
        self._logged = 0
        """Bytes of the logs since the last snapshot, and their number."""
        self._logs = 0
        self._snapshot_size = 0
        self._asked = False
        """A new beginning was asked for and has not come yet."""
        self._synced_at = 0.0
        self._dirty = False
        self._error = ""
        self._failing_since = 0.0
        self._retry_at = 0.0
        self._revision = 0
        self._snapshots = 0
        self._took = 0.0
        self._began_at = 0.0
        self._thread = threading.Thread(target=self._run, name="local copy", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------ for the loop

    def put(self, order: Order) -> None:
        """Write this behind what was put before."""
        if isinstance(order, c.BeginCopy):
            self._dropping = False
        elif isinstance(order, c.CopyEntry):
            if self._waiting > WAITING:
                self._dropping = True
            if self._dropping:
                return
            self._waiting += len(order.entry.changes) + 1
        self._queue.put(order)

    def stop(self, seconds: float) -> None:
        """Write what waits and end; blocks at most so long."""
        self._queue.put(None)
        self._thread.join(seconds)

    def status(self) -> dict[str, Any]:
        """Return the state as JSON-able data."""
        error = self._error or ("the disk is too slow" if self._dropping else "")
        writing = self._snapshot is not None
        idle = "live" if self._log is not None else "waiting"
        return {
            "state": "failing" if error else "writing" if writing else idle,
            "error": error,
            "failingFor": round(time.monotonic() - self._failing_since, 1) if error else 0.0,
            "revision": self._revision,
            "waiting": self._waiting,
            "snapshots": self._snapshots,
            "snapshotBytes": self._snapshot_size,
            "snapshotSeconds": round(self._took, 3),
            "logBytes": self._logged,
        }

    # ------------------------------------------------------------ for the thread

    def _run(self) -> None:
        while True:
            try:
                order = self._queue.get(timeout=self._patience())
            except queue.Empty:
                self._guard(self._idle)
                continue
            if order is None:
                self._guard(self._end)
                return
            self._guard(self._carry_out, order)
            if isinstance(order, c.CopyRows) and order.rows and self._snapshot is not None:
                self._tell(e.CopyAsked())

    def _patience(self) -> float | None:
        if self._dirty:
            return max(0.0, self._synced_at + SYNC - time.monotonic())
        return RETRY if self._error or self._dropping else None

    def _guard(self, step: Callable[..., None], *arguments: Any) -> None:
        """Take a step; a failure ends the writing until the next beginning."""
        try:
            step(*arguments)
        except OSError as error:
            self._fail(error.strerror or str(error))
        except Exception as error:
            log.exception("local copy failed")
            self._fail(repr(error))

    def _fail(self, reason: str) -> None:
        if not self._error:
            self._failing_since = time.monotonic()
            log.error("local copy cannot be written", reason=reason, folder=str(self._folder))
        self._error = reason
        self._asked = self._dirty = False
        self._retry_at = time.monotonic() + RETRY
        with suppress(OSError):
            self._close()
            self._make_room()

    def _idle(self) -> None:
        if self._dirty:
            self._sync()
        now = time.monotonic()
        if (self._error or self._dropping) and not self._asked and now >= self._retry_at:
            self._ask_anew()

    def _ask_anew(self) -> None:
        self._asked = True
        self._tell(e.CopyOutgrown())

    def _carry_out(self, order: Order) -> None:
        if isinstance(order, c.CopyEntry):
            self._waiting -= len(order.entry.changes) + 1
            self._add_entry(order)
        elif isinstance(order, c.BeginCopy):
            self._begin(order)
        elif isinstance(order, c.CopyRows):
            self._add_rows(order)
        elif isinstance(order, c.KeepKeys):
            self._keep_keys(order)
        elif self._log is not None:
            self._add(encode_current(order.at))
        if self._dirty and time.monotonic() - self._synced_at >= SYNC:
            self._sync()

    def _begin(self, order: c.BeginCopy) -> None:
        self._asked = False
        self._close()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._remove(*self._folder.glob("*.new"))
        taken = [*numbers(self._folder, "changes"), *numbers(self._folder, "snapshot")]
        self._number = max(taken, default=0) + 1
        self._log = _File(
            log_file(self._folder, self._number), self._header("log", order), self._keys
        )
        self._log.sync()
        self._revision = order.revision
        if order.whole:
            self._began_at = time.monotonic()
            path = snapshot_file(self._folder, self._number).with_suffix(".new")
            self._records = 0
            self._snapshot = _File(path, self._header("snapshot", order), self._keys)
            self._tell(e.CopyAsked())
        else:
            self._count_logs()
        sync_folder(self._folder)
        if not order.whole:
            self._recovered()

    def _keep_keys(self, order: c.KeepKeys) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = keys_file(self._folder)
        header = Header(
            kind="keys",
            application=self._application,
            key=self._keys.id,
            salt=new_salt(),
            at=time.time(),
        )
        file = _File(path.with_suffix(".new"), header, self._keys)
        try:
            file.add(encode_keys(order.keys))
            file.sync()
        finally:
            file.close()
        put(file.path, path)

    def _header(self, kind: Any, order: c.BeginCopy) -> Header:
        return Header(
            kind=kind,
            application=self._application,
            key=self._keys.id,
            salt=new_salt(),
            epoch=order.epoch,
            revision=order.revision,
            tree=order.tree,
            hash=order.hash,
            count=order.count,
            at=order.at,
        )

    def _add_rows(self, order: c.CopyRows) -> None:
        if self._snapshot is None:
            return
        if order.rows:
            self._add_pages(self._snapshot, order.rows)
            return
        self._sync()  # the changes that overtook the pages come first
        snapshot, self._snapshot = self._snapshot, None
        digest = snapshot.digest.text()
        snapshot.add(
            encode_end(
                End(
                    revision=order.revision,
                    tree=order.tree,
                    hash=order.hash,
                    records=self._records,
                    digest=digest,
                )
            )
        )
        snapshot.sync()
        snapshot.close()
        put(snapshot.path, snapshot_file(self._folder, self._number))
        self._snapshot_size = snapshot.size
        self._took = time.monotonic() - self._began_at
        self._prune(2)
        self._count_logs()
        self._snapshots += 1
        self._recovered()
        log.info(
            "local copy written",
            revision=order.revision,
            objects=self._records,
            bytes=snapshot.size,
            seconds=round(self._took, 3),
        )

    def _add_pages(self, snapshot: _File, rows: Sequence[Row]) -> None:
        """Write rows, a few at a time, and rest as long as that took.

        The interpreter is the loop's meanwhile: the copy is not in a hurry, clients are.
        """
        for start in range(0, len(rows), PAGE):
            began = time.monotonic()
            page = rows[start : start + PAGE]
            snapshot.add(encode_page([row.record() for row in page]))
            self._records += len(page)
            time.sleep(time.monotonic() - began)

    def _recovered(self) -> None:
        if self._error:
            self._error = ""
            log.info("local copy can be written again")

    def _add_entry(self, order: c.CopyEntry) -> None:
        if self._log is None:
            return
        for part in transaction_parts(order.epoch, order.entry):
            self._add(encode_part(part))
        self._revision = order.entry.revision
        bound = max(LEAST_LOG, self._snapshot_size // 2)
        grown = self._logged > bound or self._logs > MOST_LOGS
        if grown and self._snapshot is None and not self._asked:
            self._ask_anew()

    def _add(self, data: bytes) -> None:
        assert self._log is not None
        before = self._log.size
        self._log.add(data)
        self._logged += self._log.size - before
        self._dirty = True

    def _sync(self) -> None:
        if self._log is not None and self._dirty:
            self._log.sync()
        self._dirty = False
        self._synced_at = time.monotonic()

    def _end(self) -> None:
        self._sync()
        self._close()

    def _close(self) -> None:
        files = [file for file in (self._log, self._snapshot) if file is not None]
        self._log = self._snapshot = None
        for file in files:
            file.close()

    def _count_logs(self) -> None:
        """Find out how much there is behind the newest snapshot."""
        newest = max(numbers(self._folder, "snapshot"), default=0)
        logs = [n for n in numbers(self._folder, "changes") if n >= newest]
        self._logs = len(logs)
        self._logged = sum(log_file(self._folder, n).stat().st_size for n in logs)
        path = snapshot_file(self._folder, newest)
        self._snapshot_size = path.stat().st_size if newest else 0

    def _prune(self, kept: int) -> None:
        """Remove all but the newest snapshots, and the logs before them."""
        present = numbers(self._folder, "snapshot")
        self._remove(*(snapshot_file(self._folder, n) for n in present[:-kept]))
        oldest = present[-kept] if len(present) >= kept else present[0] if present else 0
        self._remove(*(log_file(self._folder, n) for n in numbers(self._folder, "changes")
                       if n < oldest))  # fmt: skip

    def _make_room(self) -> None:
        """Remove what is not needed to start from the newest snapshot."""
        self._remove(*self._folder.glob("*.new"))
        self._prune(1)

    def _remove(self, *paths: Path) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
