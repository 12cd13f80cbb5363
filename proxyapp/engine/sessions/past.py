"""One look back: the changes of the past that a session may read now, and its own moments.

What the ring holds is told from it; what is older the runtime reads, where the authority keeps a
history. Knows no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from confwire.errors import (
    Compacted,
    DatabaseUnavailable,
    EpochChanged,
    HistoryExpired,
    InvalidParameter,
    ReadInterrupted,
)
from confwire.messages import HistoryEntry, HistoryLog
from confwire.objects import ObjectType
from proxyapp.engine.commands import ReadHistory, ReadSession
from proxyapp.engine.data.access import Profile, ServerProfile
from proxyapp.engine.data.journal import Change, Entry
from proxyapp.engine.data.limits import is_shown
from proxyapp.engine.data.rights import READ, Grant, Key
from proxyapp.engine.events import HistoryRead, SessionRead
from proxyapp.engine.notifying.fanout import piece
from proxyapp.engine.reading.requests import BYTES_A_TURN, Task, encode_ref
from proxyapp.engine.serving import Serving

_CHANGES_A_TURN = 100
_MOST_PAGES = 200
"""Answers of the history that are looked through for one request."""

_FOLDER = int(ObjectType.FOLDER)
Place = tuple[int, Sequence[Grant]]
"""Folder of an object, and the grants on it."""
_A = TypeVar("_A", SessionRead, HistoryRead)
_Gathering = Generator[list[bytes] | None, None, list[bytes]]


class Past:
    """The answer to one `historyLog`."""

    __slots__ = ("_connection", "_most", "_profile_of", "_serving", "_session", "answer")

    def __init__(
        self,
        serving: Serving,
        connection: int,
        session: str,
        profile_of: Callable[[], Profile],
    ) -> None:
        self._serving = serving
        self._connection = connection
        self._session = session
        self._profile_of = profile_of
        self._most = serving.options.number("max-records")
        self.answer: SessionRead | HistoryRead | None = None
        """What the runtime read; the node puts it here before it wakes the task."""

    def tell(self, request: HistoryLog) -> Task:
        """Answer in packets; a change of rights on the way ends it.

        Raises InvalidParameter, EpochChanged, HistoryExpired, DatabaseUnavailable,
        ReadInterrupted.
        """
        serving = self._serving
        start = self._start_of(request)
        structure, epoch, revision = serving.reader.structure, serving.epoch, serving.revision
        if start is not None and start >= serving.journal.compacted:
            changes = yield from self._from_ring(start, revision)
        elif serving.authority.keeps_journal:
            changes = yield from self._from_history(request, revision)
        else:
            raise self._expired()
        entries = yield from self._moments()
        head = b'"ref":%b,"epoch":"%b","revision":%d' % (
            encode_ref(request.ref),
            epoch.encode(),
            revision,
        )
        for packet in _packets(head, changes, entries):
            if structure != serving.reader.structure:
                raise ReadInterrupted
            yield [packet]

    def _start_of(self, request: HistoryLog) -> int | None:
        """Return the revision behind which the answer begins; None: further back than memory."""
        serving, since = self._serving, request.since
        if since is None:
            if request.since_time:
                return serving.journal.before(request.since_time)
            return None if serving.authority.keeps_journal else serving.journal.compacted
        if request.since_time:
            raise InvalidParameter("since and sinceTime exclude each other")
        ahead = since.revision > serving.revision and serving.authority.takes_servers
        if since.epoch != serving.epoch or ahead:
            raise EpochChanged
        return min(since.revision, serving.revision)

    def _expired(self) -> HistoryExpired:
        begin = self._serving.journal.compacted
        return HistoryExpired(
            f"History Log has expired: this server's memory begins with revision {begin};"
            " read anew, or ask the master"
        )

    def _check_count(self, changes: list[bytes]) -> None:
        if len(changes) > self._most:
            raise HistoryExpired(
                f"History Log has expired: there are more than {self._most} changes (max-records);"
                " read anew, or ask for a shorter time"
            )

    # ------------------------------------------------------------ from memory

    def _from_ring(self, start: int, end: int) -> _Gathering:
        gone: dict[Key, Place] = {}
        for _, change in (yield from self._walk(start, end)):
            if change.new is None and change.old is not None:
                gone[change.type, change.dbid] = (change.old.folder, change.old.acl or ())
        found: list[bytes] = []
        for count, (entry, change) in enumerate((yield from self._walk(start, end)), 1):
            key = (change.type, change.dbid)
            if self._may_read(key, gone.get(key)) and (body := _logged(entry, change)):
                found.append(body)
                self._check_count(found)
            if count % _CHANGES_A_TURN == 0:
                yield []
        return found

    def _walk(
        self, start: int, end: int
    ) -> Generator[list[bytes] | None, None, list[tuple[Entry, Change]]]:
        """Return the changes of the ring between two revisions."""
        journal = self._serving.journal
        try:
            entries = list(islice(journal.since(start), end - start))
        except Compacted:
            raise self._expired() from None
        yield []
        return [(entry, change) for entry in entries for change in entry.changes]

    # ------------------------------------------------------------ from the history

    def _from_history(self, request: HistoryLog, end: int) -> _Gathering:
        found: list[bytes] = []
        revision = request.since.revision if request.since is not None else None
        place = (0, 0)
        for _ in range(_MOST_PAGES):
            command = ReadHistory(self._connection, revision, request.since_time, place)
            self._serving.out.append(command)
            page = yield from self._wait_for(HistoryRead)
            if page.changes is None:
                raise _unreadable()
            if page.expired:
                raise HistoryExpired
            for change in page.changes:
                if change.revision > end:
                    return found
                place = (change.revision, change.seq)
                key, at = (change.type, change.dbid), (change.folder, change.acl)
                if change.body and self._may_read(key, at):
                    found.append(change.body)
                    self._check_count(found)
            if page.last:
                return found
        raise HistoryExpired("History Log has expired: too much has changed since; read anew")

    def _moments(self) -> Generator[list[bytes] | None, None, list[HistoryEntry]]:
        """Return the newest moments of the session, the oldest first."""
        self._serving.out.append(ReadSession(self._connection, self._session, self._most))
        read = yield from self._wait_for(SessionRead)
        if read.entries is None:
            raise _unreadable()
        return read.entries[::-1]

    def _wait_for(self, kind: type[_A]) -> Generator[None, None, _A]:
        self.answer = None
        while not isinstance(answer := self.answer, kind):
            yield None
        return answer

    def _may_read(self, key: Key, place: Place | None) -> bool:
        return may_read(self._serving, self._profile_of(), key, place)


def may_read(serving: Serving, profile: Profile, key: Key, place: Place | None) -> bool:
    """Whether an object may be read now, or could be if it still was where it was last."""
    store = serving.store
    row = store.get(*key)
    if row is not None:
        return profile.may_read(row)
    if isinstance(profile, ServerProfile):
        return True
    node = store.rights.known_contents((_FOLDER, place[0])) if place is not None else None
    if place is None or node is None or not is_shown(profile.limit, node):
        return False
    own = {(kind, subject): mask for kind, subject, mask in place[1]}
    return any(own.get(subject, node.nearest(subject)) & READ for subject in profile.subjects)


def _unreadable() -> DatabaseUnavailable:
    return DatabaseUnavailable("the history log cannot be read now: try again later")


def _logged(entry: Entry, change: Change) -> bytes:
    """Return a change as a LoggedChange in JSON; empty when its document is the same."""
    item = piece(change, change.old is not None, change.new is not None, "log")
    if not item:
        return b""
    head = b'{"revision":%d,"at":%b,"by":%b,' % (
        entry.revision,
        msgspec.json.encode(entry.at),
        msgspec.json.encode(entry.by),
    )
    return head + item[1:]


def _packets(head: bytes, changes: list[bytes], entries: list[HistoryEntry]) -> Iterator[bytes]:
    """Yield the messages of the answer; the entries go with the last changes."""
    start = weight = 0
    for index, item in enumerate(changes):
        if weight and weight + len(item) > BYTES_A_TURN:
            yield _packet(head, changes[start:index], b"")
            start, weight = index, 0
        weight += len(item)
    moments = b',"entries":' + msgspec.json.encode(entries)
    whole = b',"last":true' if not start else b""
    yield _packet(head, changes[start:], moments + whole)
    if start:
        yield b'{"message":"historyLogSent",%b,"total":%d}' % (head, len(changes))


def _packet(head: bytes, changes: list[bytes], more: bytes) -> bytes:
    return b'{"message":"historyLogRead",%b,"changes":[%b]%b}' % (head, b",".join(changes), more)
