"""What is known of client sessions, as their restoration needs it: the newest moment first.

Pure queries, each along an index. Knows no engine; whether a session may be restored is not
decided here.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.models import Exists, OuterRef, QuerySet

from confwire.messages import HistoryEntry
from historylog.entries import SESSION_KINDS, Kind
from historylog.models import EntryRecord, Source

_KINDS = sorted(kind.value for kind in SESSION_KINDS)


def life_of(session: str, limit: int = 1_000) -> list[HistoryEntry]:
    """Return the moments of one session, the newest first."""
    return _entries(EntryRecord.objects.filter(session=session), limit)


def state_of(session: str) -> HistoryEntry | None:
    """Return the newest moment of a session: where it is open, or how it ended."""
    found = _entries(_moments().filter(session=session), 1)
    return found[0] if found else None


def of_application(
    application: str, *, since: float = 0.0, limit: int = 1_000
) -> list[HistoryEntry]:
    """Return the newest moment of each session of an application, the newest session first.

    Args:
        application: name of the Application object.
        since: seconds since 1970; what was over before does not count.
        limit: how many moments are looked at.
    """
    moments = _moments().filter(application=application, at__gte=datetime.fromtimestamp(since, UTC))
    return _newest_of_each(_entries(moments, limit))


def open_at(server: str, *, since: float, limit: int = 100_000) -> list[HistoryEntry]:
    """Return the newest moment of each session that was open at a server when it last said so.

    Args:
        server: name of the server's application.
        since: seconds since 1970; older sessions do not count.
        limit: how many moments are looked at.
    """
    moments = _moments().filter(server=server, at__gte=datetime.fromtimestamp(since, UTC))
    later = _moments().filter(session=OuterRef("session"), at__gt=OuterRef("at"))
    newest = _newest_of_each(_entries(moments.filter(~Exists(later)), limit))
    return [entry for entry in newest if entry.kind != Kind.SESSION_CLOSED]


def is_open(application: str) -> bool:
    """Whether an application has a session at a server that keeps its entries in this database.

    What a server had open before its last start is over, even if it could not say so.
    """
    others = Source.objects.values("name")
    own = _moments().filter(application=application).exclude(store__in=others)
    newest = _newest_of_each(_entries(own, 100))
    return any(
        entry.kind != Kind.SESSION_CLOSED and entry.at >= _last_start(entry.server)
        for entry in newest
    )


def _last_start(server: str) -> float:
    starts = EntryRecord.objects.filter(kind=Kind.SERVER_STARTED.value, server=server)
    newest = starts.order_by("-at").first()
    return newest.at.timestamp() if newest is not None else 0.0


def _moments() -> QuerySet[EntryRecord]:
    return EntryRecord.objects.filter(kind__in=_KINDS)


def _entries(records: QuerySet[EntryRecord], limit: int) -> list[HistoryEntry]:
    return [record.entry() for record in records.order_by("-at", "-id")[:limit]]


def _newest_of_each(entries: Iterable[HistoryEntry]) -> list[HistoryEntry]:
    newest: dict[str, HistoryEntry] = {}
    for entry in entries:
        newest.setdefault(entry.session, entry)
    return list(newest.values())
