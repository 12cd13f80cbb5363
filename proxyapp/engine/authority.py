"""The database as a node's authority: where a master's data comes from and its writes go.

Its twin is `replica`, the link to a master. Knows that there is a database, not how one talks
to it: that is the runtime's.
"""

from __future__ import annotations

from typing import Any

from confwire.errors import DatabaseUnavailable
from proxyapp.engine.commands import NewEpoch, Reload, SetPassword, Write
from proxyapp.engine.parts import WriteRequest
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.pacing import Pacing
from proxyapp.engine.standby.leadership import RETRY_AFTER, Leadership

NEW_EPOCH_LIMIT = 5.0
"""Seconds after which a new epoch that has not begun is asked for again."""


class DatabaseAuthority:
    """The state of the database as the node sees it."""

    takes_servers = True
    keeps_journal = True

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.leadership = Leadership(serving, elects=serving.settings.elects)
        self.pacing = Pacing(serving)
        self._lost_since: float | None = None
        self._doubted = ""
        """The epoch that was found out to have two histories: a new one is to begin."""
        self._wanted = NewEpoch("", "")
        """What was asked for in its place."""
        self._asked_at = 0.0
        """When that was, the last time."""
        self._deferred: tuple[str, str] | None = None
        """Why a new epoch is needed, and an epoch that it is to be later than."""

    def lose(self, reason: str, now: float) -> None:
        """The database cannot be reached."""
        if self._lost_since is None:
            # A process that was stopped finds it out late.
            self._lost_since = self._serving.wakefulness.last(now)
            self._serving.alarm("database", f"the configuration database is away: {reason}", now)

    def regain(self) -> None:
        """The database answers again."""
        self._lost_since = None
        self._serving.calm("database")

    def diverge(self, reason: str) -> None:
        """What was loaded is not what the database says of itself: load anew."""
        self._serving.log("error", "data diverged from the database", reason=reason)
        self._serving.out.append(Reload(reason))

    def doubt(self, reason: str, proven: str = "") -> None:
        """A cursor proves that the database was restored: begin a new epoch."""
        if not self.leadership.leads:
            return  # it may be that this master is behind, and not that anybody is ahead
        serving = self._serving
        if self._doubted != serving.epoch:
            self._doubted, self._wanted = serving.epoch, NewEpoch(reason, proven)
            serving.alarm("epoch", f"the database was restored: {reason}", serving.now)
            self._ask(serving.now)

    def _ask(self, now: float) -> None:
        self._asked_at = now
        self._serving.out.append(self._wanted)

    def tick(self, now: float) -> None:
        """Ask again for a new epoch that has not begun: the database may have been away."""
        overdue = now >= self._asked_at + NEW_EPOCH_LIMIT
        if self._is_doubted() and overdue and self.leadership.leads:
            self._ask(now)
        self.pacing.expire(now)

    def _is_doubted(self) -> bool:
        return bool(self._doubted) and self._doubted == self._serving.epoch

    def defer(self, reason: str, proven: str) -> None:
        """The database was set back while it is not known who leads: whoever does sees to it."""
        self._deferred = reason, proven

    def settle(self, *, leads: bool = False) -> None:
        """Begin the new epoch that was deferred if this master leads; else its leader has."""
        deferred, self._deferred = self._deferred, None
        if leads and deferred is not None:
            self.doubt(*deferred)

    def check_write(self, connection: int, request: WriteRequest) -> None:
        """Raise what `check_password` raises."""
        self.check_password()

    def check_password(self) -> None:
        """Raise DatabaseUnavailable while the database is away, or what `Leadership` raises."""
        self.leadership.check_write()
        if self._is_doubted():
            # Its revision would be one that others know for another change.
            raise DatabaseUnavailable(
                "the database was restored, and a new epoch begins: try again in some seconds",
                retryAfter=RETRY_AFTER,
            )
        if self._lost_since is not None:
            raise DatabaseUnavailable("the configuration database is away: try again later")

    def write(self, command: Write) -> None:
        """Have a write carried out that was checked, behind those before it."""
        self.pacing.begin(command)

    def set_password(self, command: SetPassword) -> None:
        """Have a password set."""
        self._serving.out.append(command)

    def age(self, now: float) -> float:
        """Return the seconds since the data was known to be current."""
        since = self._since(now)
        return 0.0 if since is None else now - since

    def known_at(self, now: float) -> float:
        """Return the last time at which the data is proven to have been current."""
        return now - self.age(now)

    def source(self) -> str:
        """Return where the data comes from."""
        return "live" if self._since(self._serving.now) is None else "memory"

    def _since(self, now: float) -> float | None:
        """Return since when it is not known what is current; None: it is."""
        awake = self._serving.wakefulness.last(now)
        sinces = (self._lost_since, self.leadership.doubted_since, awake if awake < now else None)
        return min((since for since in sinces if since is not None), default=None)

    def status(self, now: float) -> dict[str, Any]:
        """Return the state for status pages."""
        database = "lost" if self._lost_since is not None else "live"
        return {
            "database": database,
            **self.leadership.status(),
            "loads": self._serving.loads.status(),
            "writesWaiting": self.pacing.waiting,
        }
