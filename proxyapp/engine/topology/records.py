"""The sessions of a pair's primary, as its backup holds them: to go on with them when it leads.

Told by the primary over the pair's link; void as soon as that link is cut while the primary
lives. What it is told it wants kept, too, in the history log. Knows no link and no session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confwire.messages import HistoryEntry, MirroredSession, SessionsMirrored, Subscription
from historylog.entries import Kind, clean

STORE = "mirror"
"""Under this name the history log keeps the moments of sessions at the primary."""
LIFE = 600.0
"""Seconds after a promotion for which a client may come back and find its session."""
CURSORS_EVERY = 60.0
"""Seconds between moments of one session whose cursor alone has moved."""
MOMENTS = 2_000
"""Moments that are kept at once."""
WAITING = 100_000
"""Moments that wait at most, while the history log does not take them; then the oldest go."""


class Record:
    """One session of the primary."""

    __slots__ = ("cursor", "kept", "session", "since")

    def __init__(self, session: MirroredSession, cursor: int) -> None:
        self.session = session
        self.since = cursor
        """What the primary had when it told of the session."""
        self.cursor = cursor
        """The revision up to which it was sent everything that it asked for."""
        self.kept = cursor
        """The cursor of its last moment in the history log."""

    @property
    def subscriptions(self) -> list[Subscription]:
        return self.session.subscriptions


class Records:
    """All sessions of the primary."""

    def __init__(self) -> None:
        self.epoch = ""
        """Of the cursors."""
        self.revision = 0
        """What the primary had when it last told how far the sessions are."""
        self.primary = ""
        """Name of the primary's application."""
        self.why_void = "no primary has told of its sessions"
        """Why there are none; empty: what there is holds."""
        self._taken = ("", 0)
        """Run and number of the message that was taken last."""
        self._records: dict[str, Record] = {}
        self._behind: dict[str, int] = {}
        self._until: float | None = None
        self._moments: list[HistoryEntry] = []
        self._last_number = 0
        self._looked_at = 0.0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(list(self._records.values()))

    def holds(self, session: str) -> bool:
        """Whether there is a record of a session."""
        return session in self._records

    def find(self, session: str) -> Record | None:
        """Return the record of a session, None where there is none that holds."""
        record = self._records.get(session)
        if record is not None:
            level = max(self.revision, record.since)
            record.cursor = self._behind.get(session, level)
        return record

    def claim(self, session: str) -> Record | None:
        """Return the record of a session that goes on here, and forget it."""
        record = self.find(session)
        if record is not None:
            self._forget(session)
        return record

    def take(self, message: SessionsMirrored, now: float) -> bool:
        """Take in what the primary tells; old words, which come by another line, are ignored.

        Returns whether all before it is known. If not, nothing holds until all is told anew.
        """
        run, number = self._taken
        if message.run == run and message.number <= number:
            return True
        if not message.whole and (message.run, message.number) != (run, number + 1):
            self.void("what the primary told of its sessions has a gap")
            return False
        self._taken = message.run, message.number
        self._take(message, now)
        return True

    def _take(self, message: SessionsMirrored, now: float) -> None:
        if message.whole or message.epoch != self.epoch:
            self._records.clear()
            self._behind.clear()
            self.revision = 0
        if message.whole:
            self.why_void, self._until = "", None
        self.epoch = message.epoch
        for session in message.sessions:
            known = session.session in self._records
            self._records[session.session] = record = Record(session, message.revision)
            kind = Kind.SESSION_MOVED if known else Kind.SESSION_OPENED
            self._keep(kind, record, now, _told(session.subscriptions))
        for name in message.closed:
            record_ = self.find(name)
            if record_ is not None:
                self._keep(Kind.SESSION_CLOSED, record_, now, "")
                self._forget(name)
        if message.behind is not None:
            self.revision = message.revision
            self._behind = dict(message.behind)

    def void(self, reason: str) -> None:
        """Forget all: the primary goes on without telling what becomes of them."""
        self._records.clear()
        self._behind.clear()
        self._until = None
        self.why_void = reason

    def use_until(self, time: float) -> None:
        """This server leads: what is not asked for by then is forgotten."""
        self._until = time

    def tick(self, now: float) -> None:
        """Look after what is too old, and after cursors that have moved."""
        if self._until is not None and now >= self._until:
            self.void("the time for coming back is over")
        elif self._until is None and now - self._looked_at >= CURSORS_EVERY:
            self._looked_at = now
            for name in self._records:
                record = self.find(name)
                if record is not None and record.cursor != record.kept:
                    self._keep(Kind.SESSION_MOVED, record, now, "")

    # ------------------------------------------------------------ the history log

    def moments(self) -> Sequence[HistoryEntry]:
        """Return what is to be kept next, at most MOMENTS; `kept` takes it off."""
        return self._moments[:MOMENTS]

    def kept(self, number: int) -> None:
        """The history log has all moments up to a number."""
        if number > self._last_number:
            self._number_anew(number)
            return
        count = 0
        while count < len(self._moments) and self._moments[count].number <= number:
            count += 1
        del self._moments[:count]

    def _number_anew(self, number: int) -> None:
        """Number what waits behind what the log has from an earlier process.

        The clock was set back between the two, so the log took these moments for known ones.
        """
        self._last_number = number
        for moment in self._moments:
            self._last_number += 1
            moment.number = self._last_number

    def _keep(self, kind: Kind, record: Record, now: float, reason: str) -> None:
        session = record.session
        # Ascending over restarts, too, since the log keeps each number once.
        self._last_number = max(self._last_number + 1, int(now * 1_000_000))
        record.kept = record.cursor
        self._moments.append(
            HistoryEntry(
                kind=kind.value,
                at=now,
                server=clean(self.primary),
                session=session.session,
                application=clean(session.application),
                application_type=session.application_type,
                user=clean(session.user),
                peer=session.peer,
                port=session.port,
                epoch=self.epoch,
                revision=record.cursor,
                reason=clean(reason),
                number=self._last_number,
            )
        )
        if len(self._moments) > WAITING:
            del self._moments[: len(self._moments) - WAITING]

    def _forget(self, session: str) -> None:
        self._records.pop(session, None)
        self._behind.pop(session, None)


def _told(subscriptions: Sequence[Subscription]) -> str:
    """Return the names of subscriptions as text."""
    names = ", ".join(sorted(item.name for item in subscriptions))
    return f"subscriptions: {names}" if names else ""
