"""Who has the last transactions: proxies, and the clients of every server, by their cursors.

A proxy tells its master at each tick how far its clients are, when that has changed; so a delay is
what the master saw of it, up to two ticks too long, and knows no other clock than the master's.
A client has a transaction when it was sent all up to there that it asked for; it has confirmed it
when it has acknowledged something from there on.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from confwire.messages import SiteProgress
from proxyapp.engine.serving import Serving

KEPT = 50
"""Transactions that are looked at."""
_CURSORS = 32  # different cursors of clients that one report names
_STEADY = 10.0
"""Seconds between two looks at clients while nothing changes."""
_FORGOTTEN = 3600.0
"""Seconds for which a proxy that is away is waited for."""

Cursors = list[tuple[int, int]]
"""Revision, and how many clients are there; ascending."""


class Survey(msgspec.Struct, kw_only=True):
    """How far the clients of one server are."""

    revision: int = 0
    clients: int = 0
    behind: Cursors = []
    """Of the clients that were not sent everything up to the revision."""
    acknowledged: Cursors = []
    slowest: str = ""
    """Application of the client that is furthest behind."""

    def having(self, revision: int) -> int:
        """Return how many clients were sent all up to a revision."""
        if self.revision < revision:
            return 0
        return self.clients - sum(count for cursor, count in self.behind if cursor < revision)

    def confirmed(self, revision: int) -> int:
        """Return how many clients have acknowledged a revision, or a later one."""
        return sum(count for cursor, count in self.acknowledged if cursor >= revision)


class _Site(msgspec.Struct):
    """A proxy, as it reported last."""

    application: str
    connection: int
    survey: Survey
    heard: float


class _Recent(msgspec.Struct):
    """A transaction, and when all had it."""

    revision: int
    at: float
    seen: float
    slowest: str = ""
    delay: float | None = None


class Convergence:
    """Follows the last transactions to everybody."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._recent: deque[_Recent] = deque(maxlen=KEPT)
        self._sites: dict[str, _Site] = {}
        self._own = Survey()
        self._surveyed = 0.0
        self._epoch = ""

    def applied(self, revision: int, at: float) -> None:
        """A transaction was applied here; `at` is when it was committed, by the master's clock."""
        if self._epoch != self._serving.epoch:
            self._epoch = self._serving.epoch
            self._recent.clear()
        self._recent.append(_Recent(revision, at, self._serving.now))

    def heard(self, connection: int, application: str, report: SiteProgress) -> None:
        """A proxy has told how far its clients are."""
        if report.epoch != self._serving.epoch:
            return
        survey = Survey(
            revision=report.revision,
            clients=report.clients,
            behind=report.behind,
            acknowledged=report.acknowledged,
            slowest=report.slowest,
        )
        self._sites[application] = _Site(application, connection, survey, self._serving.now)
        self._settle()

    def tick(self, now: float) -> SiteProgress:
        """Look at the own clients where that can have changed; return what to tell a master."""
        own, revision = self._own, self._serving.revision
        moving = own.revision != revision or bool(own.behind)
        if moving or now - self._surveyed >= _STEADY or self._is_waiting():
            self._own, self._surveyed = _survey(self._serving), now
            self._settle()
        own = self._own
        return SiteProgress(
            epoch=self._serving.epoch,
            revision=own.revision,
            clients=own.clients,
            behind=own.behind,
            acknowledged=own.acknowledged,
            slowest=own.slowest,
        )

    def status(self) -> list[dict[str, Any]]:
        """Return the last transactions, the newest first, for people and programs."""
        return [self._state_of(recent) for recent in reversed(self._recent)]

    # ------------------------------------------------------------ who has what

    def _is_waiting(self) -> bool:
        return bool(self._recent) and self._recent[-1].delay is None

    def _waited_for(self) -> list[_Site]:
        """Return the proxies that have been here, and were not lost long ago."""
        now, links = self._serving.now, self._serving.servers
        for site in self._sites.values():
            if site.connection in links:
                site.heard = now
        self._sites = {
            name: site for name, site in self._sites.items() if now - site.heard < _FORGOTTEN
        }
        return list(self._sites.values())

    def _settle(self) -> None:
        """Note which transactions all have by now."""
        open_ = [recent for recent in self._recent if recent.delay is None]
        if not open_:
            return
        sites = self._waited_for()
        for recent in open_:
            lacking = self._lacking(recent.revision, sites)
            if lacking:
                recent.slowest = lacking
            else:
                recent.delay = max(0.0, self._serving.now - recent.seen)

    def _lacking(self, revision: int, sites: Iterable[_Site]) -> str:
        """Return who has not got a transaction, of those the one furthest behind."""
        late = [
            (site.survey.revision, site.application)
            for site in sites
            if site.survey.revision < revision
        ]
        late += [
            (survey.behind[0][0], survey.slowest)
            for survey in (self._own, *(site.survey for site in sites))
            if survey.revision >= revision and survey.having(revision) < survey.clients
        ]
        if self._own.revision < revision and self._own.clients:
            late.append((self._own.revision, self._own.slowest))
        return min(late)[1] if late else ""

    def _state_of(self, recent: _Recent) -> dict[str, Any]:
        sites, revision = self._waited_for(), recent.revision
        surveys = [self._own, *(site.survey for site in sites)]
        return {
            "revision": revision,
            "at": recent.at,
            "proxies": sum(site.survey.revision >= revision for site in sites),
            "proxiesOf": len(sites),
            "away": sum(site.connection not in self._serving.servers for site in sites),
            "clients": sum(survey.having(revision) for survey in surveys),
            "clientsOf": sum(survey.clients for survey in surveys),
            "confirmed": sum(survey.confirmed(revision) for survey in surveys),
            "complete": recent.delay is not None,
            "slowest": recent.slowest,
            "delay": round(
                recent.delay if recent.delay is not None else self._serving.now - recent.seen, 3
            ),
        }


def _survey(serving: Serving) -> Survey:
    behind: Counter[int] = Counter()
    acknowledged: Counter[int] = Counter()
    clients, lowest, slowest = 0, serving.revision, ""
    for session in serving.roster:
        if session.replication is not None or not session.follower.specs:
            continue
        clients += 1
        acknowledged[session.acknowledged] += 1
        if session.cursor < serving.revision:
            behind[session.cursor] += 1
            if session.cursor < lowest:
                lowest, slowest = session.cursor, session.name
    return Survey(
        revision=serving.revision,
        clients=clients,
        behind=_few(behind),
        acknowledged=_few(acknowledged),
        slowest=slowest,
    )


def _few(counts: Mapping[int, int]) -> Cursors:
    """Return the cursors in order; of too many the lowest ones count as the lowest of all."""
    found = sorted(counts.items())
    surplus = found[: max(0, len(found) - _CURSORS + 1)]
    if len(surplus) < 2:
        return found
    return [(surplus[0][0], sum(count for _, count in surplus)), *found[len(surplus) :]]
