"""Objects as they were at a revision or a time, of those that a session may read now.

What the ring reaches back to is told by undoing it; what is older the runtime reads, where the
authority keeps a history. Knows no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from itertools import islice

import msgspec

from confwire.errors import Compacted, DatabaseUnavailable, HistoryExpired, InvalidParameter
from confwire.messages import ReadPast
from proxyapp.engine.commands import FindPast
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import Entry
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import PastFound, PastObject
from proxyapp.engine.reading.requests import BYTES_A_TURN, Task, encode_ref, info_of
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.past import Place, may_read

LONGEST = 1_000
"""Objects of one page."""
_MOST_LOOKED_AT = 2_000
"""Objects that are looked at for one page; it may be short, and there are more."""
_CHANGES_A_TURN = 500
_LARGEST = 2**63


class BackThen:
    """The answer to one `readPast`."""

    __slots__ = ("_connection", "_profile_of", "_serving", "answer")

    def __init__(
        self, serving: Serving, connection: int, profile_of: Callable[[], Profile]
    ) -> None:
        self._serving = serving
        self._connection = connection
        self._profile_of = profile_of
        self.answer: PastFound | None = None
        """What the runtime found; the node puts it here before it wakes the task."""

    def tell(self, request: ReadPast) -> Task:
        """Answer with one page.

        Raises InvalidParameter, HistoryExpired, DatabaseUnavailable.
        """
        type_ = int(info_of(request.object_type).type)
        numbers = (request.dbid, request.folder_dbid, request.after, request.revision or 0)
        if not all(0 <= number < _LARGEST for number in numbers):
            raise InvalidParameter("numbers of objects and revisions are from 0 on")
        limit = min(request.limit, LONGEST) if request.limit > 0 else LONGEST
        revision = self._revision_of(request)
        if revision is not None and revision >= self._serving.journal.compacted:
            yield from self._from_ring(request, type_, revision, limit)
        elif self._serving.authority.keeps_journal:
            yield from self._from_history(request, type_, revision, limit)
        else:
            raise self._expired()

    def _revision_of(self, request: ReadPast) -> int | None:
        """Return the revision that is asked for; None: of a time from before memory."""
        serving, revision = self._serving, request.revision
        if (revision is None) == (not request.time):
            raise InvalidParameter("say either revision or time")
        if revision is None:
            return _revision_at(serving, request.time)
        if revision > serving.revision:
            raise InvalidParameter(
                f"there is no revision {revision} here yet: the newest is {serving.revision}"
            )
        return revision

    def _expired(self) -> HistoryExpired:
        begin = self._serving.journal.compacted
        return HistoryExpired(
            f"History Log has expired: this server's memory begins with revision {begin};"
            " the master may know what was before",
            oldest=begin,
        )

    # ------------------------------------------------------------ from memory

    def _from_ring(self, request: ReadPast, type_: int, revision: int, limit: int) -> Task:
        former, places = yield from self._undone(type_, revision)
        yield [self._page(request, type_, revision, limit, former, places)]

    def _undone(
        self, type_: int, revision: int
    ) -> Generator[list[bytes], None, tuple[dict[int, Row | None], dict[int, Place]]]:
        """Return what changed since as it was before, and where the deleted lay last."""
        former: dict[int, Row | None] = {}
        places: dict[int, Place] = {}
        journal = self._serving.journal
        resets, reached, steps = journal.resets, revision, 0
        while True:
            # What was committed meanwhile is undone too, all up to the turn that ends this.
            try:
                count = self._serving.revision - reached
                entries: list[Entry] = list(islice(journal.since(reached), count))
            except Compacted:
                raise self._expired() from None
            if journal.resets != resets:
                raise self._expired()
            if not entries:
                return former, places
            for entry in entries:
                for change in entry.changes:
                    steps += 1
                    if steps % _CHANGES_A_TURN == 0:
                        yield []
                    if change.type != type_:
                        continue
                    former.setdefault(change.dbid, change.old)
                    if change.new is None and change.old is not None:
                        places[change.dbid] = (change.old.folder, change.old.acl or ())
                reached = entry.revision

    def _page(
        self,
        request: ReadPast,
        type_: int,
        revision: int,
        limit: int,
        former: dict[int, Row | None],
        places: dict[int, Place],
    ) -> bytes:
        """Return one page in one go: nothing may change meanwhile."""
        serving, profile = self._serving, self._profile_of()
        rows, following = self._rows(request, type_, former)
        seen = (
            (row.dbid, row.body)
            for row in rows
            if request.folder_dbid in (0, row.folder)
            and may_read(serving, profile, (type_, row.dbid), places.get(row.dbid))
        )
        found, following = _cut(seen, limit, following)
        return _answer(request, serving.epoch, revision, found, following)

    def _rows(
        self, request: ReadPast, type_: int, former: dict[int, Row | None]
    ) -> tuple[list[Row], int]:
        """Return the next objects that were there, and after which one more may follow, or 0."""
        table = self._serving.store.tables[type_]
        if request.dbid:
            dbid = request.dbid
            row = former[dbid] if dbid in former else table.get(dbid)
            return ([row] if row is not None and dbid > request.after else []), 0
        ahead = list(islice(table.rows(request.after), _MOST_LOOKED_AT + 1))
        changed = {dbid for dbid in former if dbid > request.after}
        dbids = sorted(changed.union(row.dbid for row in ahead))
        following = 0
        if len(dbids) > _MOST_LOOKED_AT:
            del dbids[_MOST_LOOKED_AT:]
            following = dbids[-1]
        now = {row.dbid: row for row in ahead}
        rows = (former[dbid] if dbid in former else now.get(dbid) for dbid in dbids)
        return [row for row in rows if row is not None], following

    # ------------------------------------------------------------ from the history

    def _from_history(
        self, request: ReadPast, type_: int, revision: int | None, limit: int
    ) -> Task:
        self.answer = None
        self._serving.out.append(
            FindPast(
                self._connection, revision, request.time, type_, request.dbid,
                request.folder_dbid, request.after, limit,
            )
        )  # fmt: skip
        answer = yield from self._wait()
        if answer.objects is None:
            raise DatabaseUnavailable("the history cannot be read now: try again later")
        if answer.expired:
            raise HistoryExpired(answer.expired, oldest=answer.oldest)
        yield [self._judged(request, answer, answer.objects)]

    def _wait(self) -> Generator[None, None, PastFound]:
        while (answer := self.answer) is None:
            yield None
        return answer

    def _judged(self, request: ReadPast, answer: PastFound, objects: list[PastObject]) -> bytes:
        profile = self._profile_of()
        seen = (
            (item.dbid, item.body)
            for item in objects
            if may_read(self._serving, profile, (item.type, item.dbid), item.place)
        )
        found, following = _cut(seen, LONGEST, answer.following)
        return _answer(request, self._serving.epoch, answer.revision, found, following)


def _revision_at(serving: Serving, time: float) -> int | None:
    """Return the last revision up to a time; None where memory does not go back there."""
    for entry in serving.journal.backwards():
        if entry.at <= time:
            return entry.revision
    return None


def _cut(seen: Iterable[tuple[int, bytes]], limit: int, following: int) -> tuple[list[bytes], int]:
    """Return the bodies that a page has room for, and after which one more may follow, or 0."""
    found: list[bytes] = []
    weight = last = 0
    for dbid, body in seen:
        if len(found) == limit or (found and weight + len(body) > BYTES_A_TURN):
            return found, last
        found.append(body)
        weight += len(body)
        last = dbid
    return found, following


def _answer(
    request: ReadPast, epoch: str, revision: int, found: list[bytes], following: int
) -> bytes:
    more = b',"next":%d' % following if following else b""
    return b'{"message":"pastRead","ref":%b,"epoch":%b,"revision":%d,"objects":[%b]%b}' % (
        encode_ref(request.ref),
        msgspec.json.encode(epoch),
        revision,
        b",".join(found),
        more,
    )
