"""The local copy of a proxy on its disk, and what happens to such files.

Keeps whole frames instead of bytes: that bytes are torn is the business of the tests of the
files themselves. What a killed process had not written is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from msgspec import Raw

from confwire.messages import Record, TokenKeys, Transaction
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import GONE, tree_text
from proxyapp.engine.links.localcopy import Header
from tests.proxyapp.engine.bench import T

LONG_LOG = 40
"""Entries of the logs from which on all is written anew."""


@dataclass
class _Snapshot:
    number: int
    header: Header
    records: list[Record] = field(default_factory=list)
    end: commands.CopyRows | None = None


@dataclass
class _Log:
    number: int
    header: Header
    items: list[Transaction | float] = field(default_factory=list)


class Disk:
    """The folder of one proxy; it outlives its processes."""

    def __init__(self) -> None:
        self.snapshots: list[_Snapshot] = []
        self.logs: list[_Log] = []
        self.refusals: list[str] = []
        self.is_full = False

    def image(self) -> tuple[list[_Snapshot], list[_Log]]:
        """Return a copy of the folder."""
        snapshots = [replace(item, records=list(item.records)) for item in self.snapshots]
        return snapshots, [replace(item, items=list(item.items)) for item in self.logs]

    def damage(self, random: Random, image: tuple[list[_Snapshot], list[_Log]]) -> str:
        """Do to the files what crashes, people and bad disks do; return what it was."""
        kind = random.choice(("wiped", "log torn", "snapshot torn", "corrupted", "older"))
        if kind == "wiped":
            self.snapshots, self.logs = [], []
        elif kind == "older":
            self.snapshots, self.logs = image
        elif kind == "log torn" and self.logs:
            log = self.logs[-1]
            del log.items[random.randrange(len(log.items) + 1) :]
        elif kind == "snapshot torn" and self.snapshots:
            self.snapshots[-1].end = None
        elif kind == "corrupted" and self.snapshots and self.snapshots[-1].records:
            records = self.snapshots[-1].records
            at = random.randrange(len(records))
            records[at] = Record(T["skill"], 9_999, 0, Raw(b'{"DBID":9999,"folderDBID":0}'))
        return kind


class CopyWriter:
    """What a process has to do with its local copy."""

    def __init__(
        self,
        disk: Disk,
        tell: Callable[[events.Event], None],
        later: Callable[..., None],
        application: str,
        keys: TokenKeys | None,
    ) -> None:
        self._disk = disk
        self._tell = tell
        self._later = later
        self._application = application
        self._keys = keys
        self._refusal = ""
        self._snapshot: _Snapshot | None = None
        self._log: _Log | None = None

    # ------------------------------------------------------------ reading

    def read(self) -> None:
        """Tell the best copy, then CopyRead."""
        self._later(0.01, self._read)

    def refuse(self, reason: str) -> None:
        self._refusal = reason

    def _read(self) -> None:
        refused: list[str] = []
        for snapshot in sorted(self._disk.snapshots, key=lambda item: -item.number):
            reached, current_at = self._reach(snapshot)
            if snapshot.end is None:
                refused.append(f"{snapshot.number}: it was not finished")
            elif reached < snapshot.end.revision:
                refused.append(f"{snapshot.number}: its changes end at {reached}")
            else:
                self._refusal = ""
                self._tell_snapshot(snapshot, snapshot.end, current_at)
                if not self._refusal:
                    break
                refused.append(self._refusal)
        self._disk.refusals += refused
        self._tell(events.CopyRead(refused, self._keys))

    def _reach(self, snapshot: _Snapshot) -> tuple[int, float]:
        reached, current_at = snapshot.header.revision, snapshot.header.at
        for item in self._entries(snapshot):
            if isinstance(item, float):
                current_at = max(current_at, item)
            else:
                reached = item.revision
        return reached, current_at

    def _entries(self, snapshot: _Snapshot) -> Iterator[Transaction | float]:
        """Yield what the logs have after a snapshot, as far as it is whole."""
        revision, epoch = snapshot.header.revision, snapshot.header.epoch
        for log in sorted(self._disk.logs, key=lambda item: item.number):
            header = log.header
            if log.number < snapshot.number or header.epoch != epoch or header.revision > revision:
                continue
            yield header.at
            for item in log.items:
                if isinstance(item, float):
                    yield item
                elif item.revision == revision + 1:
                    revision += 1
                    yield item

    def _tell_snapshot(
        self, snapshot: _Snapshot, end: commands.CopyRows, current_at: float
    ) -> None:
        header, records = snapshot.header, snapshot.records
        start = events.LoadStarted(
            header.epoch, header.revision, len(records), "local copy", current_at
        )
        self._tell(start)
        half = len(records) // 2
        self._tell(events.RecordsLoaded(records[:half]))
        self._tell(events.RecordsLoaded(records[half:]))
        ended = events.LoadEnded(end.revision, int(end.tree, 16), end.hash)
        told = False
        for item in self._entries(snapshot):
            if isinstance(item, float):
                continue
            if not told and item.revision > end.revision:
                told = True
                self._tell(ended)
                if self._refusal:
                    return
            self._tell(events.Committed(item))
        if not told:
            self._tell(ended)

    # ------------------------------------------------------------ writing

    def write(
        self,
        order: commands.BeginCopy | commands.CopyRows | commands.CopyEntry | commands.DateCopy,
    ) -> None:
        """Write, soon and in this order."""
        self._later(0.02, self._write, order)

    def _write(self, order: commands.Command) -> None:
        if isinstance(order, commands.BeginCopy):
            self._begin(order)
        elif isinstance(order, commands.CopyRows):
            self._add_rows(order)
        elif isinstance(order, commands.CopyEntry):
            self._add_entry(order)
        elif isinstance(order, commands.DateCopy) and self._log is not None:
            self._log.items.append(order.at)

    def _begin(self, order: commands.BeginCopy) -> None:
        disk = self._disk
        number = 1 + max((item.number for item in (*disk.snapshots, *disk.logs)), default=0)
        self._log = _Log(number, self._header("log", order))
        disk.logs.append(self._log)
        self._snapshot = None
        if order.whole:
            self._snapshot = _Snapshot(number, self._header("snapshot", order))
            self._tell(events.CopyAsked())

    def _header(self, kind: str, order: commands.BeginCopy) -> Header:
        return Header(
            kind=kind,  # type: ignore[arg-type]
            application=self._application,
            key="",
            salt="",
            epoch=order.epoch,
            revision=order.revision,
            tree=order.tree,
            hash=order.hash,
            count=order.count,
            at=order.at,
        )

    def _add_rows(self, order: commands.CopyRows) -> None:
        snapshot = self._snapshot
        if snapshot is None:
            return
        if order.rows:
            snapshot.records += [row.record() for row in order.rows]
            self._tell(events.CopyAsked())
            return
        snapshot.end = order
        self._snapshot = None
        disk = self._disk
        disk.snapshots.append(snapshot)
        del disk.snapshots[:-2]
        oldest = disk.snapshots[0].number
        disk.logs = [log for log in disk.logs if log.number >= oldest]

    def _add_entry(self, order: commands.CopyEntry) -> None:
        log = self._log
        if log is None:
            return
        entry = order.entry
        records = [
            change.new.record() if change.new is not None
            else Record(change.type, change.dbid, 0, GONE)
            for change in entry.changes
        ]  # fmt: skip
        log.items.append(
            Transaction(
                epoch=order.epoch,
                revision=entry.revision,
                at=entry.at,
                by=entry.by,
                records=records,
                tree=tree_text(entry.tree),
                hash=entry.hash,
            )
        )
        if len(log.items) == LONG_LOG:
            self._tell(events.CopyOutgrown())
