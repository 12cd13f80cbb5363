"""A master's lead: what the runtime tells of its database, and what follows for who is served.

Which master leads, `Leadership` knows, and what may be written, `DatabaseAuthority`; here the two
meet the data that is taken in and the sessions that are there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from proxyapp.engine import events
from proxyapp.engine.authority import DatabaseAuthority
from proxyapp.engine.commands import Again, Listen
from proxyapp.engine.intake import Intake
from proxyapp.engine.serving import Serving
from proxyapp.engine.sessions.session import Session
from proxyapp.engine.sessions.writes import Writes


class Lead:
    """The lead of one master, whether it has it or not."""

    def __init__(
        self,
        serving: Serving,
        intake: Intake,
        writes: Writes,
        sessions: Mapping[int, Session],
        serve: Callable[[], None],
    ) -> None:
        """Wait for the data, and for the election where there is one.

        Args:
            serve: has what there is served.
        """
        self._serving = serving
        self._intake = intake
        self._writes = writes
        self._sessions = sessions
        self._serve = serve
        self._database = serving.authority = DatabaseAuthority(serving)
        self.handlers: dict[type, Callable[[Any], None]] = {
            events.AuthorityLost: self._lost,
            events.AuthorityBack: self._back,
            events.Elected: self._elected,
            events.LeadDoubted: self._doubted,
            events.Deposed: self._deposed,
            events.Written: self._written,
            events.WriteRefused: self._refused,
        }

    @property
    def stands_by(self) -> bool:
        """Whether it is ready to take over."""
        return self._database.leadership.stands_by

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._take()
        self._database.leadership.rest(self._sessions)
        self._database.tick(now)
        self._let_load(now)

    def set_back(self, reason: str, epoch: str) -> None:
        """Revisions of this epoch were given out, and are being given out again."""
        if self._database.leadership.leads:
            self._database.doubt(reason, epoch)
        else:
            self._database.defer(reason, epoch)

    def settle(self) -> None:
        """A load begins: who leads has seen to what was deferred."""
        self._database.settle()

    def _lost(self, event: events.AuthorityLost) -> None:
        self._database.lose(event.reason, self._serving.now)

    def _back(self, event: events.AuthorityBack) -> None:
        self._database.regain()
        self._serving.freshness.look()

    def _elected(self, event: events.Elected) -> None:
        self._database.leadership.elected(event)
        self._take()

    def _take(self) -> None:
        """Serve as the leading master, once all that was told of the data is taken in."""
        leadership = self._database.leadership
        level = self._serving.ready and self._intake.is_level
        if level and leadership.is_elected:
            if leadership.take_lead():
                self._serve()
            self._database.settle(leads=True)

    def _let_load(self, now: float) -> None:
        """Wake servers that wait with their loads, where there is room."""
        serving = self._serving
        serving.loads.tick(serving.servers, now, serving.options, lambda session: session.wake())

    def _doubted(self, event: events.LeadDoubted) -> None:
        self._database.leadership.doubt(event.reason)

    def _deposed(self, event: events.Deposed) -> None:
        leadership = self._database.leadership
        if leadership.deposed(event):
            self._serving.out.append(Listen((), shut=True))
            self._serving.out.append(Again(leadership.dismiss(self._sessions)))

    def _written(self, event: events.Written) -> None:
        self._database.pacing.ended()
        self._serving.counters.writes += 1
        self._writes.take(event)

    def _refused(self, event: events.WriteRefused) -> None:
        self._database.pacing.ended()
        self._serving.counters.rejections += 1
        self._writes.refuse(event)
