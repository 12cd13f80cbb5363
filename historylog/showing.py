"""Entries as pages and exports show them, and the life of a session as a timeline.

Shared by the administration of a master and the pages of a proxy. Knows no rights and no pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from historylog.entries import Kind
from historylog.forms import words_of_kind
from historylog.models import EntryRecord
from historylog.reader import Change

ENTRY_COLUMNS = (
    "at", "kind", "server", "session", "application", "application_type", "user", "peer",
    "forwarded", "port", "epoch", "revision", "reason", "store", "number",
)  # fmt: skip

CHANGE_SIGNS = {"created": "+", "changed": "~", "deleted": "−"}
"""What stands before the kind of a change, so that colour is not all that tells."""
_SIGNS: dict[str, str] = {
    Kind.SESSION_OPENED: "▶",
    Kind.SESSION_RESTORED: "↻",
    Kind.SESSION_MOVED: "→",
    Kind.SESSION_CLOSED: "■",
    Kind.LOGIN_REFUSED: "✗",
    Kind.ACCOUNT_LOCKED: "⚿",
    Kind.SECRETS_READ: "⚿",
    Kind.WEB_LOGIN: "▶",
    Kind.WEB_LOGOUT: "■",
    Kind.WEB_LOGIN_REFUSED: "✗",
    Kind.SECOND_FACTOR_ENROLLED: "⚿",
    Kind.SECOND_FACTOR_REMOVED: "⚿",
    Kind.SECOND_FACTOR_REFUSED: "✗",
    Kind.SERVER_STARTED: "▲",
    Kind.SERVER_STOPPED: "▼",
    Kind.ROLE_CHANGED: "⇄",
    Kind.MASTER_LOST: "✗",
    Kind.MASTER_BACK: "✓",
    Kind.LOADED: "⤓",
    Kind.DRAINING: "▽",
    Kind.SHEDDING: "▽",
    Kind.DISCONNECTED: "✗",
}
_BAD: set[str] = {
    Kind.LOGIN_REFUSED, Kind.WEB_LOGIN_REFUSED, Kind.SECOND_FACTOR_REFUSED, Kind.MASTER_LOST,
}  # fmt: skip
_BEGUN: set[str] = {Kind.SESSION_OPENED, Kind.SESSION_RESTORED}
_GOOD: set[str] = {*_BEGUN, Kind.SERVER_STARTED, Kind.MASTER_BACK}


@dataclass(frozen=True, slots=True)
class ShownEntry:
    """An entry with what people see of its kind."""

    entry: EntryRecord

    @property
    def words(self) -> str:
        """Its kind in words."""
        return words_of_kind(self.entry.kind)

    @property
    def sign(self) -> str:
        """A sign of its kind, beside the words."""
        return _SIGNS.get(self.entry.kind, "•")

    @property
    def tone(self) -> str:
        """ "good", "bad" or empty."""
        return "bad" if self.entry.kind in _BAD else "good" if self.entry.kind in _GOOD else ""

    @property
    def address(self) -> str:
        """Where it came from; behind a balancer what the balancer told."""
        if self.entry.forwarded:
            return f"{self.entry.forwarded} by way of {self.entry.peer}"
        return self.entry.peer


def entry_row(entry: EntryRecord) -> dict[str, Any]:
    """Return an entry for an export."""
    row = {name: getattr(entry, name) for name in ENTRY_COLUMNS}
    return {**row, "at": entry.at.isoformat()}


# ---------------------------------------------------------------- the life of a session


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of a timeline: an entry or a change, and how long after the one before it was."""

    at: datetime
    entry: ShownEntry | None
    change: Change | None
    pause: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Life:
    """A session from its opening on."""

    moments: list[Moment]
    opened: ShownEntry | None
    """How it began, as far as that is kept."""
    lasted: str
    """In words; empty when it is not known to be closed."""


def life_of(entries: Iterable[EntryRecord], changes: Sequence[Change] = ()) -> Life:
    """Return the life of a session, the oldest moment first."""
    shown = sorted((ShownEntry(entry) for entry in entries), key=lambda one: one.entry.pk)
    points: list[tuple[datetime, ShownEntry | None, Change | None]] = [
        *((one.entry.at, one, None) for one in shown),
        *((change.at, None, change) for change in reversed(changes)),
    ]
    points.sort(key=lambda point: point[0])
    moments: list[Moment] = []
    for at, entry, change in points:
        pause = at - moments[-1].at if moments else timedelta()
        moments.append(Moment(at, entry, change, words_of_time(pause)))
    closed = [one for one in shown if one.entry.kind == Kind.SESSION_CLOSED]
    opened = next((one for one in shown if one.entry.kind in _BEGUN), None)
    lasted = words_of_time(closed[-1].entry.at - moments[0].at) if closed else ""
    return Life(moments, opened, lasted)


def words_of_time(time: timedelta) -> str:
    """Return a time in words, as exact as people need it: "0.021 s", "4 min 59 s", "2 d 3 h"."""
    seconds = max(0.0, time.total_seconds())
    if seconds < 59.5:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.3g} s"
    seconds = round(seconds)
    for size, unit, part, words in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} {seconds % size // part:.0f} {words}"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
