"""A master's part in the election: the lock in the database, held by a connection of its own.

The database ends the connection of a holder that says nothing for LEASE seconds; a holder that
was stopped finds that out before it does anything else with it.
"""

from __future__ import annotations

from collections.abc import Callable

from proxyapp.engine import events
from tests.simulation.database import Database

POLL = 0.25
BEAT = 1.0
LEASE = 5.0
ANSWER_LIMIT = 2.5
HEAD_START = 2.0


class Election:
    """What one process of a master does for the lead."""

    def __init__(
        self,
        database: Database,
        application: str,
        instance: str,
        now: Callable[[], float],
        later: Callable[..., None],
        announce: Callable[[events.Elected | None], None],
        tell: Callable[[events.Event], None],
    ) -> None:
        self._database = database
        self._application = application
        self.instance = instance
        self._now = now
        self._later = later
        self._announce = announce
        self._tell = tell
        self.may_write = False
        self._term = 0
        self._deposed_by = ""
        self._heard_at = 0.0

    def start(self) -> None:
        """Stand for the lead, again and again."""
        self._connect()

    def _connect(self) -> None:
        database = self._database
        if database.is_away:
            self._later(POLL, self._connect)
            return
        first = database.leader in ("", self._application)
        self._stand(database.connections, self._now() + (0 if first else HEAD_START))

    def _stand(self, connection: int, first_at: float) -> None:
        database = self._database
        if database.is_away or connection != database.connections:
            self._later(POLL, self._connect)
            return
        if self._now() >= first_at:
            former = database.leader
            if database.take_lock(self.instance, self._now(), LEASE):
                self._term = database.lead(self._application, self.instance)
                self.may_write, self._deposed_by = True, ""
                self._heard_at = self._now()
                self._announce(events.Elected(self._term, former))
                self._later(BEAT, self._beat)
                return
            self._follow()
        self._later(POLL, self._stand, connection, first_at)

    def _follow(self) -> None:
        database = self._database
        if database.instance in (self.instance, self._deposed_by, ""):
            return
        self._deposed_by = database.instance
        self._tell(events.Deposed(database.leader, database.term))

    def _beat(self) -> None:
        """Show the database that this process lives; find out whether it still leads."""
        database, now = self._database, self._now()
        late = now - self._heard_at > BEAT + ANSWER_LIMIT
        lost = late or not database.keep_lock(self.instance, now)
        if lost or (database.instance, database.term) != (self.instance, self._term):
            database.release_lock(self.instance)
            self.may_write = False
            self._announce(None)
            self._tell(events.LeadDoubted("the connection that holds the lock is gone"))
            self._connect()
            return
        self._heard_at = now
        self._later(BEAT, self._beat)
