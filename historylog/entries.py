"""What the history log keeps beside changes: moments of sessions, of logins and of servers.

Pure vocabulary, so that the engine may say it; the struct itself is the wire's, since servers
exchange it. Knows no tables.
"""

from __future__ import annotations

import re
from enum import StrEnum

from confwire.messages import HistoryEntry

MAX_TEXT = 255
"""Characters of any text of an entry; longer ones are cut."""

TIMES = -62_135_596_800.0, 253_402_300_799.0
"""Seconds since 1970 of the years 1 to 9999: what every database keeps, and gives back."""

_REFUSED = re.compile("[\0\ud800-\udfff]")


class Kind(StrEnum):
    """What happened."""

    SESSION_OPENED = "sessionOpened"
    SESSION_RESTORED = "sessionRestored"
    SESSION_MOVED = "sessionMoved"
    SESSION_CLOSED = "sessionClosed"
    LOGIN_REFUSED = "loginRefused"
    ACCOUNT_LOCKED = "accountLocked"
    SECRETS_READ = "secretsRead"
    WEB_LOGIN = "webLogin"
    WEB_LOGOUT = "webLogout"
    WEB_LOGIN_REFUSED = "webLoginRefused"
    SECOND_FACTOR_ENROLLED = "secondFactorEnrolled"
    SECOND_FACTOR_REMOVED = "secondFactorRemoved"
    SECOND_FACTOR_REFUSED = "secondFactorRefused"
    SERVER_STARTED = "serverStarted"
    SERVER_STOPPED = "serverStopped"
    ROLE_CHANGED = "roleChanged"
    MASTER_LOST = "masterLost"
    MASTER_BACK = "masterBack"
    LOADED = "loaded"
    DRAINING = "draining"
    SHEDDING = "shedding"
    DISCONNECTED = "disconnected"


SESSION_KINDS = frozenset(kind for kind in Kind if kind.startswith("session"))
"""The moments of a client session: what a server needs to restore it."""


def clean(text: str) -> str:
    """Return a stranger's text as every database takes it.

    Without NUL and lone surrogates, and not too long.
    """
    return _REFUSED.sub("\N{REPLACEMENT CHARACTER}", text[:MAX_TEXT])


def of_server(kind: Kind, at: float, server: str, reason: str = "") -> HistoryEntry:
    """Return an entry about a server itself.

    Args:
        at: seconds since 1970 UTC.
        server: name of its Application object.
        reason: for people, such as the cause of a loss.
    """
    return HistoryEntry(kind=kind.value, at=at, server=server, reason=clean(reason))
