"""What differs between two moments of the past, of the objects that a session may read now.

What the ring reaches back to is told by undoing it; what is older the runtime reads, where the
authority keeps a history. Knows no tables.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple

import msgspec

from confwire import delta
from confwire.errors import DatabaseUnavailable, HistoryExpired, InvalidParameter
from confwire.messages import ComparePast, ObjectId
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.commands import FindDifferences
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import Key
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import DifferencesFound
from proxyapp.engine.reading.requests import BYTES_A_TURN, Task, encode_ref, info_of
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.moments import LARGEST, Wanted, revision_of, wanted_by
from proxyapp.engine.sessions.past import Place, may_read
from proxyapp.engine.sessions.undoing import Undoing, expired

LONGEST = 1_000
"""Objects of one page."""
_BYTES_AT_ONCE = 16 * 1024
"""Of documents that are compared in one turn."""
_BACKWARDS = "the second moment must not be before the first"


class _Pair(NamedTuple):
    """The two states of an object."""

    key: Key
    old: bytes | None
    new: bytes | None
    place: Place | None
    """Where it lay last, if it is gone."""


_Looking = Generator[list[bytes] | None, None, tuple[list[_Pair], Key | None]]


class Comparing:
    """The answer to one `comparePast`."""

    __slots__ = ("_connection", "_profile_of", "_serving", "_spans", "answer")

    def __init__(
        self, serving: Serving, connection: int, profile_of: Callable[[], Profile]
    ) -> None:
        self._serving = serving
        self._connection = connection
        self._profile_of = profile_of
        self._spans = (0, 0)
        self.answer: DifferencesFound | None = None
        """What the runtime found; the node puts it here before it wakes the task."""

    def tell(self, request: ComparePast) -> Task:
        """Answer with one page.

        Raises InvalidParameter, HistoryExpired, DatabaseUnavailable.
        """
        wanted = wanted_by(request)
        type_ = int(info_of(request.object_type).type) if request.object_type else 0
        if wanted.dbid and not type_:
            raise InvalidParameter("a DBID is one of a type: say which")
        after = _place_of(request.after)
        limit = min(request.limit, LONGEST) if request.limit > 0 else LONGEST
        begin, end = self._span(request)
        while True:
            shown, following = yield from self._page(
                request, begin, end, type_, wanted, after, limit
            )
            if shown or following is None:
                break
            # No place that a page gives may be that of an object that is not shown.
            after = following
            yield []
        yield [self._answer(request, shown, following)]

    def _page(
        self,
        request: ComparePast,
        begin: int | None,
        end: int | None,
        type_: int,
        wanted: Wanted,
        after: Key,
        limit: int,
    ) -> Generator[list[bytes] | None, None, tuple[list[tuple[Key, bytes]], Key | None]]:
        """Return what of the next objects may be read, and behind which there may be more."""
        undoing = None
        if begin is not None and begin >= self._serving.journal.compacted:
            assert end is not None
            self._spans = (begin, end)
            undoing = Undoing(
                self._serving, begin, end, wanted=(type_, wanted.dbid), after=after, most=LONGEST
            )
            pairs, following = yield from self._from_ring(undoing, wanted)
        elif self._serving.authority.keeps_journal:
            pairs, following = yield from self._from_history(
                request, begin, end, type_, wanted, after
            )
        else:
            raise expired(self._serving)
        found, following = yield from self._compared(pairs, limit, following)
        if undoing is not None:
            yield from undoing.walk()  # what was deleted meanwhile lay somewhere
            places = undoing.places
            found = [(pair._replace(place=places.get(pair.key)), item) for pair, item in found]
        # Rights may have changed since the first turn.
        return [(pair.key, item) for pair, item in found if self._may_read(pair)], following

    def _span(self, request: ComparePast) -> tuple[int | None, int | None]:
        """Return both revisions; None: of a time from before memory."""
        serving = self._serving
        begin = revision_of(serving, request.revision, request.time)
        if request.until is None and not request.until_time:
            return begin, serving.revision
        end = revision_of(serving, request.until, request.until_time)
        if (begin is not None and end is not None and begin > end) or (
            begin is not None and end is None and begin >= serving.journal.compacted
        ):
            raise InvalidParameter(_BACKWARDS)
        return begin, end

    # ------------------------------------------------------------ finding

    def _from_ring(self, undoing: Undoing, wanted: Wanted) -> _Looking:
        yield from undoing.walk()
        pairs = []
        for key in sorted(undoing.former):
            old, new = undoing.former[key], undoing.state(key)
            if any(row is not None and wanted.holds(row) for row in (old, new)):
                pairs.append(_Pair(key, _body(old), _body(new), undoing.places.get(key)))
        return pairs, undoing.bound

    def _from_history(
        self,
        request: ComparePast,
        begin: int | None,
        end: int | None,
        type_: int,
        wanted: Wanted,
        after: Key,
    ) -> _Looking:
        self.answer = None
        self._serving.out.append(
            FindDifferences(
                self._connection, begin, request.time, end, request.until_time, type_,
                wanted.dbid, wanted.folder, after, LONGEST,
            )
        )  # fmt: skip
        answer = yield from self._wait()
        if answer.pairs is None:
            raise DatabaseUnavailable("the history cannot be read now: try again later")
        if answer.expired:
            raise HistoryExpired(answer.expired, oldest=answer.oldest)
        if answer.until < answer.revision:
            raise InvalidParameter(_BACKWARDS)
        self._spans = (answer.revision, answer.until)
        pairs = []
        for count, item in enumerate(answer.pairs, 1):
            states = (item.former, item.later)
            if any(
                state is not None and wanted.holds_body(item.type, item.dbid, *state)
                for state in states
            ):
                old, new = (state[1] if state is not None else None for state in states)
                pairs.append(_Pair((item.type, item.dbid), old, new, item.place))
            if count % 250 == 0:
                yield []
        return pairs, answer.following

    def _wait(self) -> Generator[None, None, DifferencesFound]:
        while (answer := self.answer) is None:
            yield None
        return answer

    # ------------------------------------------------------------ comparing

    def _compared(
        self, pairs: list[_Pair], limit: int, following: Key | None
    ) -> Generator[list[bytes], None, tuple[list[tuple[_Pair, bytes]], Key | None]]:
        """Return what differs in words of the wire, over many turns, as far as a page has room."""
        found: list[tuple[_Pair, bytes]] = []
        weight = looked = 0
        for pair in pairs:
            if pair.old == pair.new or not self._may_read(pair):
                continue
            item = _difference(pair)
            if len(found) == limit or (found and weight + len(item) > BYTES_A_TURN):
                return found, found[-1][0].key
            found.append((pair, item))
            weight += len(item)
            looked += len(pair.old or b"") + len(pair.new or b"")
            if looked > _BYTES_AT_ONCE:
                looked = 0
                yield []
        return found, following

    def _may_read(self, pair: _Pair) -> bool:
        return may_read(self._serving, self._profile_of(), pair.key, pair.place)

    def _answer(
        self, request: ComparePast, shown: list[tuple[Key, bytes]], following: Key | None
    ) -> bytes:
        more = b""
        if following is not None:
            type_, dbid = shown[-1][0]
            name = OBJECTS[ObjectType(type_)].name
            more = b',"next":' + msgspec.json.encode(ObjectId(name, dbid))
        return (
            b'{"message":"pastCompared","ref":%b,"epoch":%b,"revision":%d,"until":%d,'
            b'"changes":[%b]%b}'
        ) % (
            encode_ref(request.ref),
            msgspec.json.encode(self._serving.epoch),
            *self._spans,
            b",".join(item for _, item in shown),
            more,
        )


def _place_of(after: ObjectId | None) -> Key:
    if after is None:
        return (0, 0)
    if not 0 <= after.dbid < LARGEST:
        raise InvalidParameter("numbers of objects and revisions are from 0 on")
    return int(info_of(after.object_type).type), after.dbid


def _body(row: Row | None) -> bytes | None:
    return row.body if row is not None else None


def _difference(pair: _Pair) -> bytes:
    """Return a PastDifference in JSON."""
    info = OBJECTS[ObjectType(pair.key[0])]
    head = b'"objectType":"%b","DBID":%d' % (info.name.encode(), pair.key[1])
    if pair.old is None or pair.new is None:
        kind = b"created" if pair.old is None else b"deleted"
        return b'{"change":"%b",%b,"object":%b}' % (kind, head, pair.new or pair.old or b"")
    old: dict[str, Any] = msgspec.json.decode(pair.old)
    step = delta.diff(info, old, msgspec.json.decode(pair.new))
    return b'{"change":"updated",%b,"delta":%b,"former":%b}' % (
        head,
        msgspec.json.encode(step),
        msgspec.json.encode(delta.former(info, old, step)),
    )
