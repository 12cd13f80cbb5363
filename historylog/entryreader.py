"""Reading the entries: searches among sessions, logins and server events, page by page.

Newest first, along the indexes: each kind by itself, joined as they come. Knows no rights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice
from typing import NamedTuple

from django.db.models import Q, QuerySet

from historylog.entries import SESSION_KINDS, Kind
from historylog.models import EntryRecord

PAGE = 50

GROUPS: dict[str, tuple[str, ...]] = {
    "sessions": tuple(kind.value for kind in Kind if kind in SESSION_KINDS),
    "logins": (
        Kind.LOGIN_REFUSED,
        Kind.ACCOUNT_LOCKED,
        Kind.SECRETS_READ,
        Kind.WEB_LOGIN,
        Kind.WEB_LOGOUT,
        Kind.WEB_LOGIN_REFUSED,
        Kind.SECOND_FACTOR_ENROLLED,
        Kind.SECOND_FACTOR_REMOVED,
        Kind.SECOND_FACTOR_REFUSED,
    ),
    "servers": (
        Kind.SERVER_STARTED,
        Kind.SERVER_STOPPED,
        Kind.ROLE_CHANGED,
        Kind.MASTER_LOST,
        Kind.MASTER_BACK,
        Kind.LOADED,
        Kind.DRAINING,
        Kind.SHEDDING,
        Kind.DISCONNECTED,
    ),
}
"""Kinds that are searched together."""


class EntryPlace(NamedTuple):
    """Where an entry stands among all: its time, and its number in this database."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryQuestion:
    """What is searched; what is not given does not matter. All that is given must hold."""

    kind: str = ""
    """A kind, or a name of GROUPS."""
    server: str = ""
    session: str = ""
    application: str = ""
    user: str = ""
    since: datetime | None = None
    until: datetime | None = None
    """The first moment that is too late."""


_EQUAL = ("server", "session", "application", "user")


def entries(
    question: EntryQuestion, before: EntryPlace | None = None, limit: int = PAGE
) -> list[EntryRecord]:
    """Return the next entries that a question is about, newest first."""
    rows = EntryRecord.objects.filter(
        **{name: value for name in _EQUAL if (value := getattr(question, name))}
    )
    if question.since is not None:
        rows = rows.filter(at__gte=question.since)
    if question.until is not None:
        rows = rows.filter(at__lt=question.until)
    if before is not None:
        # SQLite compares texts, of which equal times may have several; and the index knows only
        # what holds for all rows.
        later = before.at + timedelta(microseconds=1)
        rows = rows.filter(Q(at__lt=before.at) | Q(id__lt=before.id), at__lt=later)
    ordered = rows.order_by("-at", "-id")
    if not question.kind:
        return list(ordered[:limit])
    return _of_kinds(ordered, GROUPS.get(question.kind, (question.kind,)), limit)


def _of_kinds(rows: QuerySet[EntryRecord], kinds: Iterable[str], limit: int) -> list[EntryRecord]:
    each = [list(rows.filter(kind=str(kind))[:limit]) for kind in kinds]
    return list(islice(merge(*each, key=place_of, reverse=True), limit))


def place_of(entry: EntryRecord) -> EntryPlace:
    """Return where an entry stands."""
    return EntryPlace(entry.at, entry.pk)
