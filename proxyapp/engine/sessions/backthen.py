"""Objects as they were at a revision or a time, of those that a session may read now.

What the ring reaches back to is told by undoing it; what is older the runtime reads, where the
authority keeps a history. Knows no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from itertools import islice

import msgspec

from confwire.errors import DatabaseUnavailable, HistoryExpired, InvalidParameter
from confwire.messages import ReadPast
from proxyapp.engine.commands import FindPast
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import PastFound
from proxyapp.engine.reading.requests import BYTES_A_TURN, Task, encode_ref, info_of
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.moments import LARGEST, Wanted, revision_of, wanted_by
from proxyapp.engine.sessions.past import may_read
from proxyapp.engine.sessions.undoing import Undoing, expired

LONGEST = 1_000
"""Objects of one page."""
_MOST_LOOKED_AT = 2_000
"""Objects that are looked at for one page; it may be short, and there are more."""


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
        wanted = wanted_by(request)
        type_ = int(info_of(request.object_type).type)
        if not 0 <= request.after < LARGEST:
            raise InvalidParameter("numbers of objects and revisions are from 0 on")
        limit = min(request.limit, LONGEST) if request.limit > 0 else LONGEST
        revision = revision_of(self._serving, request.revision, request.time)
        place = request.after
        while True:
            if revision is not None and revision >= self._serving.journal.compacted:
                found, following = yield from self._from_ring(type_, wanted, revision, place, limit)
            elif self._serving.authority.keeps_journal:
                revision, found, following = yield from self._from_history(
                    request, type_, wanted, revision, place, limit
                )
            else:
                raise expired(self._serving)
            if found or not following:
                break
            # No place that a page gives may be that of an object that is not shown.
            place = following
            yield []
        yield [_answer(request, self._serving.epoch, revision, found, following)]

    # ------------------------------------------------------------ from memory

    def _from_ring(
        self, type_: int, wanted: Wanted, revision: int, after: int, limit: int
    ) -> Generator[list[bytes] | None, None, tuple[list[bytes], int]]:
        undoing = Undoing(
            self._serving, revision, wanted=(type_, wanted.dbid), after=(type_, after),
            most=_MOST_LOOKED_AT,
        )  # fmt: skip
        yield from undoing.walk()
        # One page in one go: nothing may change meanwhile.
        serving, profile = self._serving, self._profile_of()
        rows, following = self._rows(type_, wanted.dbid, after, undoing)
        seen = (
            (row.dbid, row.body)
            for row in rows
            if wanted.holds(row)
            and may_read(serving, profile, (type_, row.dbid), undoing.places.get((type_, row.dbid)))
        )
        return _cut(seen, limit, following)

    def _rows(self, type_: int, dbid: int, after: int, undoing: Undoing) -> tuple[list[Row], int]:
        """Return the next objects that were there, and after which one more may follow, or 0."""
        table, former = self._serving.store.tables[type_], undoing.former
        if dbid:
            row = former[type_, dbid] if (type_, dbid) in former else table.get(dbid)
            return ([row] if row is not None and dbid > after else []), 0
        ahead = list(islice(table.rows(after), _MOST_LOOKED_AT + 1))
        now = {row.dbid: row for row in ahead}
        dbids = sorted({dbid for _, dbid in former}.union(now))
        following = 0
        if undoing.bound is not None:
            following = undoing.bound[1]
            dbids = [dbid for dbid in dbids if dbid <= following]
        if len(dbids) > _MOST_LOOKED_AT:
            del dbids[_MOST_LOOKED_AT:]
            following = dbids[-1]
        rows = (former[type_, dbid] if (type_, dbid) in former else now.get(dbid) for dbid in dbids)
        return [row for row in rows if row is not None], following

    # ------------------------------------------------------------ from the history

    def _from_history(
        self,
        request: ReadPast,
        type_: int,
        wanted: Wanted,
        revision: int | None,
        after: int,
        limit: int,
    ) -> Generator[list[bytes] | None, None, tuple[int, list[bytes], int]]:
        self.answer = None
        # Where nothing was to be shown, small pages would make one answer of many readings.
        asked = limit if after == request.after else LONGEST
        self._serving.out.append(
            FindPast(
                self._connection, revision, request.time, type_, wanted.dbid,
                wanted.folder, after, asked,
            )
        )  # fmt: skip
        answer = yield from self._wait()
        if answer.objects is None:
            raise DatabaseUnavailable("the history cannot be read now: try again later")
        if answer.expired:
            raise HistoryExpired(answer.expired, oldest=answer.oldest)
        serving, profile = self._serving, self._profile_of()
        seen = (
            (item.dbid, item.body)
            for item in answer.objects
            if wanted.holds_body(item.type, item.dbid, item.folder, item.body)
            and may_read(serving, profile, (item.type, item.dbid), item.place)
        )
        return answer.revision, *_cut(seen, limit, answer.following)

    def _wait(self) -> Generator[None, None, PastFound]:
        while (answer := self.answer) is None:
            yield None
        return answer


def _cut(seen: Iterable[tuple[int, bytes]], limit: int, following: int) -> tuple[list[bytes], int]:
    """Return the bodies that a page has room for, and after which one more may follow, or 0.

    That is the last one that is seen, unless none is.
    """
    found: list[bytes] = []
    weight = last = 0
    for dbid, body in seen:
        if len(found) == limit or (found and weight + len(body) > BYTES_A_TURN):
            return found, last
        found.append(body)
        weight += len(body)
        last = dbid
    return found, last if found and following else following


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
