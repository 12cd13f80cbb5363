"""The newest changes in a server's memory, page by page and as a person may see them now.

For a server without tables, whose journal is all that it knows of the past.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Raw, Struct

from confwire.objects import ObjectType
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.journal import Change, Entry
from proxyapp.engine.data.rights import Key
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.past import Place, may_read

HIDDEN = "(hidden)"
"""What stands for a name that the reader may not see."""
_MOST_SCANNED = 5_000
"""Changes that are looked at for one page; it may be short, and there is more."""


class RecentChange(Struct, frozen=True, rename={"dbid": "DBID"}):
    """A change with the documents before and after it; None where the object was not there."""

    revision: int
    seq: int
    at: float
    """Seconds since 1970 UTC."""
    by: str
    type: int
    dbid: int
    name: str
    former: Raw | None
    document: Raw | None


class RecentChanges(Struct, frozen=True):
    """A page, the newest first."""

    changes: list[RecentChange]
    begin: int
    """Only what came after this revision is in memory."""
    next: tuple[int, int] | None = None
    """Revision and place in it behind which the next page begins; None: there is none."""


class RecentQuestion(Struct, frozen=True):
    """What is looked for; 0 and "" do not matter."""

    type: int = 0
    dbid: int = 0
    by: str = ""
    before: tuple[int, int] | None = None

    def matches(self, entry: Entry, change: Change) -> bool:
        """Whether a change is looked for."""
        return (
            (not self.type or change.type == self.type)
            and (not self.dbid or change.dbid == self.dbid)
            and (not self.by or entry.by.casefold() == self.by.casefold())
        )


def recent(
    serving: Serving, profile: Profile, question: RecentQuestion, limit: int
) -> RecentChanges:
    """Return the newest changes that a reader may see now, as far as memory reaches."""
    begin = serving.journal.compacted
    if _is_hidden(serving, profile, question.by):
        return RecentChanges([], begin)
    places: dict[Key, Place] = {}
    found: list[RecentChange] = []
    last, scanned = None, 0
    for entry, seq, change in _backwards(serving):
        key = change.type, change.dbid
        if change.new is None and change.old is not None:
            places.setdefault(key, (change.old.folder, change.old.acl or ()))
        if question.before is not None and (entry.revision, seq) >= question.before:
            continue
        if len(found) == limit or scanned == _MOST_SCANNED:
            return RecentChanges(found, begin, last)
        last, scanned = (entry.revision, seq), scanned + 1
        if question.matches(entry, change) and may_read(serving, profile, key, places.get(key)):
            by = HIDDEN if _is_hidden(serving, profile, entry.by) else entry.by
            found.append(_told(entry, seq, change, by))
    return RecentChanges(found, begin)


def _backwards(serving: Serving) -> Iterator[tuple[Entry, int, Change]]:
    for entry in serving.journal.backwards():
        for seq in range(len(entry.changes) - 1, -1, -1):
            yield entry, seq, entry.changes[seq]


def _is_hidden(serving: Serving, profile: Profile, user_name: str) -> bool:
    rows = serving.store.tables[ObjectType.PERSON].named(user_name) if user_name else ()
    return not all(profile.may_read(row) for row in rows)


def _told(entry: Entry, seq: int, change: Change, by: str) -> RecentChange:
    former, document = (Raw(row.body) if row else None for row in (change.old, change.new))
    row = change.new or change.old
    assert row is not None
    return RecentChange(
        entry.revision, seq, entry.at, by, change.type, change.dbid, row.name, former, document
    )
