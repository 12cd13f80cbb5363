"""How new the data of a read must be: bounds that the reader sets, and what it has seen before.

A read whose bounds are not met sleeps until they are or its time is over. Plain reads do not
come here: `points` and `requests` answer them as the data stands. Knows no sessions, but what
wakes one.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from heapq import heappop, heappush
from typing import Protocol

import msgspec
from msgspec import Struct

from confwire.epochs import is_behind, is_earlier
from confwire.errors import EpochChanged, NotFresh
from confwire.messages import Bounds, Cursor, Open, ReadBrief, ReadObjects
from proxyapp.engine.data.access import Profile
from proxyapp.engine.reading.requests import Reader, Task

BEHIND_WAIT = 2.0
"""Seconds after its opening for which the reads of a session wait, whose server is behind."""
_NEVER = 1 << 63
"""A revision that no data reaches."""


class Data(Protocol):
    """What is served."""

    reader: Reader
    epoch: str
    now: float

    @property
    def revision(self) -> int:
        """The revision of the data."""

    def age(self, now: float) -> float:
        """Return the seconds since the data was known to be current."""

    def source(self) -> str:
        """Return where the data comes from."""


class Floor(Struct, frozen=True):
    """What a client had seen elsewhere when it opened its session."""

    seen: Cursor
    refuses: bool
    """It wants no older data, not even marked."""
    until: float
    """Reads wait for it up to this time."""


class Asker(Protocol):
    """The session that reads."""

    connection: int
    floor: Floor | None

    def wake(self) -> None:
        """Go on with the task that sleeps."""


class _Waiting(Struct):
    """A read that sleeps."""

    asker: Asker
    met: Callable[[], bool]
    until: float
    revision: int
    """No transaction before this revision can be what it waits for."""


class Freshness:
    """The reads of one node that are bound to an age or a revision."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._waiting: dict[int, _Waiting] = {}
        self._ends: list[tuple[float, int]] = []
        """A heap of when the time of reads is over, and of their connections; some woke before."""
        self._least = _NEVER
        """No read waits for a transaction of a lower revision."""

    def __len__(self) -> int:
        return len(self._waiting)

    # ------------------------------------------------------------ what wakes

    def committed(self) -> None:
        """The data has changed."""
        if self._waiting and self._data.revision >= self._least:
            self.look()

    def look(self) -> None:
        """The data may be of another age: wake the reads whose bounds are met."""
        self._least = _NEVER
        for waiting in self._waiting.values():
            if waiting.met():
                waiting.asker.wake()
            else:
                self._least = min(self._least, waiting.revision)

    def tick(self) -> None:
        """Some time has passed: wake the reads whose time is over, or whose bounds are met by it.

        What has not gone unnoticed by a stop is known some time after it.
        """
        if self._waiting:
            self.look()
        while self._ends and self._ends[0][0] <= self._data.now:
            until, connection = heappop(self._ends)
            waiting = self._waiting.get(connection)
            if waiting is not None and waiting.until == until:
                waiting.asker.wake()

    # ------------------------------------------------------------ reads

    def floor(self, opening: Open, now: float) -> Floor | None:
        """Return what the client has seen, if it is newer than what is here."""
        if opening.seen is None or not _is_behind(self._data, opening.seen):
            return None
        return Floor(opening.seen, opening.monotonic, now + BEHIND_WAIT)

    def read(
        self, asker: Asker, request: ReadObjects | ReadBrief, profile_of: Callable[[], Profile]
    ) -> Task:
        """Answer a read within its bounds, and tell how new its data is where that is due.

        Raises what `Reader.read` raises.
        """
        freshness = request.freshness
        bounds = freshness if isinstance(freshness, Bounds) else None

        def gather() -> Task:
            mark = _Mark(self._data, asker, told=freshness is not False, check=check)
            return self._data.reader.read(request, profile_of, mark)

        def check() -> None:
            if bounds is not None and not self._meets(bounds):
                raise _Outdated

        return self._read(asker, bounds, gather(), gather)

    def _read(
        self, asker: Asker, bounds: Bounds | None, task: Task, gather: Callable[[], Task]
    ) -> Task:
        until = self._data.now + bounds.wait if bounds is not None else 0.0
        while True:
            if bounds is not None:
                yield from self._until_met(asker, bounds, until)
            if asker.floor is not None:
                yield from self._until_level(asker, asker.floor)
            try:
                yield from task
            except _Outdated:  # meanwhile, and nothing was sent
                task = gather()
            else:
                return

    def _until_met(self, asker: Asker, bounds: Bounds, until: float) -> Generator[None, None, None]:
        """Sleep until the data is as new as it must be. Raises NotFresh, EpochChanged."""
        revision = 0 if bounds.epoch else bounds.min_revision or _NEVER
        yield from self._sleep(_Waiting(asker, lambda: self._is_settled(bounds), until, revision))
        if self._is_foreign(bounds):
            raise EpochChanged("it is not known which of the epochs is the later one: read anew")
        if not self._meets(bounds):
            raise self._refusal("asked for")

    def _until_level(self, asker: Asker, floor: Floor) -> Generator[None, None, None]:
        """Sleep until the data is what the client has seen. Raises NotFresh if it refuses less."""
        seen = floor.seen
        revision = seen.revision if seen.epoch == self._data.epoch else 0
        yield from self._sleep(
            _Waiting(asker, lambda: not _is_behind(self._data, seen), floor.until, revision)
        )
        if not _is_behind(self._data, seen):
            asker.floor = None
        elif floor.refuses:
            raise self._refusal("seen on another server")

    def _sleep(self, waiting: _Waiting) -> Generator[None, None, None]:
        if waiting.met():
            return
        connection = waiting.asker.connection
        self._waiting[connection] = waiting
        heappush(self._ends, (waiting.until, connection))
        try:
            while not waiting.met() and self._data.now < waiting.until:
                self._least = min(self._least, waiting.revision)
                yield
        finally:
            del self._waiting[connection]

    def _is_settled(self, bounds: Bounds) -> bool:
        return self._meets(bounds) or self._is_foreign(bounds)

    def _is_foreign(self, bounds: Bounds) -> bool:
        """Whether nobody knows which is later, the epoch of the bounds or that of the data."""
        here, there = self._data.epoch, bounds.epoch
        known = not there or there == here or is_earlier(here, there) or is_earlier(there, here)
        return not known

    def _meets(self, bounds: Bounds) -> bool:
        data = self._data
        if bounds.max_age is not None and data.age(data.now) > bounds.max_age:
            return False
        epoch = bounds.epoch or data.epoch
        return not is_behind(data.epoch, data.revision, epoch, bounds.min_revision)

    def _refusal(self, what: str) -> NotFresh:
        data = self._data
        age, source = round(data.age(data.now), 3), data.source()
        return NotFresh(
            f"the data is older than what was {what}: it is of revision {data.revision}, and was"
            f" known to be current {age:.1f} s ago ({source}). Ask again, or another server",
            epoch=data.epoch,
            revision=data.revision,
            age=age,
            source=source,
        )


class _Outdated(Exception):
    """Gathering took so long that the data is older than it may be."""


class _Mark:
    """What the packets of an answer say about its data, from the moment that it was gathered."""

    def __init__(self, data: Data, asker: Asker, *, told: bool, check: Callable[[], None]) -> None:
        self._data = data
        self._asker = asker
        self._told = told
        self._check = check
        self._current_at: float | None = None
        self._source = self._behind = b""

    def __call__(self) -> bytes:
        """Return the fields; first called in the turn that gathered the data.

        Raises what `check` raises then.
        """
        data, floor = self._data, self._asker.floor
        if self._current_at is None:
            self._check()
            self._current_at = data.now - data.age(data.now)
            self._source = msgspec.json.encode(data.source())
            if floor is not None and _is_behind(data, floor.seen):
                self._behind = b',"behind":true'
        if not self._told:
            return self._behind
        age = data.now - self._current_at
        return b',"age":%.3f,"source":%b%b' % (age, self._source, self._behind)


def _is_behind(data: Data, seen: Cursor) -> bool:
    return is_behind(data.epoch, data.revision, seen.epoch, seen.revision)
