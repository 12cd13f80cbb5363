"""Which server of a warm-standby pair leads: one table of states and findings.

The configured role says which object is the backup; the running role says who serves. Both
servers run this machine with what each finds out about the other; it knows no messages, no links
and no clock but the times that it is given.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

ASK_LIMIT: Final = 3.0
"""Seconds for the master's answer; then it cannot be asked."""


class Configured(Enum):
    """What the configuration says of a server."""

    PRIMARY = "primary"
    BACKUP = "backup"


class Running(Enum):
    """What a server of a pair does."""

    STARTING = "starting"
    """It looks for the other one, and serves nobody yet."""
    PRIMARY = "primary"
    """It serves."""
    BACKUP = "backup"
    """The other one serves, and tells of its sessions."""
    ASKING = "asking"
    """The other one is silent: the master is asked about it. Serves nobody."""
    APART = "apart"
    """The other one serves, says the master, but the link to it is cut. Serves nobody."""


class Finding(Enum):
    """What a server has found out about the other one."""

    LEADS = "it leads, with the stronger claim"
    YIELDS = "it is no primary, or one with the weaker claim"
    STARTS = "it has no role yet"
    GONE = "its host lives and its process does not"
    SILENT = "nothing is heard of it"
    SEEN = "the master hears that it leads"
    MISSED = "the master does not hear of it, or cannot be asked"
    LATE = "the time for this state is over"
    HANDED = "it hands the lead over"


STARTING, PRIMARY, BACKUP, ASKING, APART = (
    Running.STARTING,
    Running.PRIMARY,
    Running.BACKUP,
    Running.ASKING,
    Running.APART,
)
_Next = Running | tuple[Running, Running]

TABLE: dict[Running, dict[Finding, _Next]] = {
    STARTING: {
        Finding.LEADS: BACKUP,
        Finding.YIELDS: STARTING,  # it hears that this one starts, and leads
        Finding.STARTS: (PRIMARY, STARTING),
        Finding.GONE: (PRIMARY, STARTING),
        Finding.SILENT: STARTING,
        Finding.SEEN: STARTING,
        Finding.MISSED: STARTING,
        Finding.LATE: ASKING,
        Finding.HANDED: PRIMARY,
    },
    PRIMARY: {
        Finding.LEADS: BACKUP,
        Finding.YIELDS: PRIMARY,
        Finding.STARTS: PRIMARY,
        Finding.GONE: PRIMARY,
        Finding.SILENT: PRIMARY,
        Finding.SEEN: PRIMARY,
        Finding.MISSED: PRIMARY,
        Finding.LATE: PRIMARY,
        Finding.HANDED: PRIMARY,
    },
    BACKUP: {
        Finding.LEADS: BACKUP,
        Finding.YIELDS: (PRIMARY, BACKUP),
        Finding.STARTS: PRIMARY,
        Finding.GONE: PRIMARY,
        Finding.SILENT: ASKING,
        Finding.SEEN: BACKUP,
        Finding.MISSED: BACKUP,
        Finding.LATE: BACKUP,
        Finding.HANDED: PRIMARY,
    },
    ASKING: {
        Finding.LEADS: BACKUP,
        Finding.YIELDS: (PRIMARY, BACKUP),
        Finding.STARTS: PRIMARY,
        Finding.GONE: PRIMARY,
        Finding.SILENT: ASKING,
        Finding.SEEN: APART,
        Finding.MISSED: PRIMARY,
        Finding.LATE: PRIMARY,
        Finding.HANDED: PRIMARY,
    },
    APART: {
        Finding.LEADS: BACKUP,
        Finding.YIELDS: (PRIMARY, BACKUP),
        Finding.STARTS: PRIMARY,
        Finding.GONE: PRIMARY,
        Finding.SILENT: APART,
        Finding.SEEN: APART,
        Finding.MISSED: APART,
        Finding.LATE: ASKING,
        Finding.HANDED: PRIMARY,
    },
}
"""State -> finding -> next state; of two the first is for the configured primary."""


def next_state(configured: Configured, running: Running, finding: Finding) -> Running:
    """Return what a server does after a finding."""
    found = TABLE[running][finding]
    if isinstance(found, Running):
        return found
    return found[0] if configured is Configured.PRIMARY else found[1]


class Pair:
    """The role of one server of a pair.

    Args:
        configured: what the configuration says of this server.
        timeout: ADDP timeout of the pair's link in seconds.
        now: the time, in seconds of a clock that never goes back.
        highest: the highest term that was heard of before this process.
    """

    def __init__(
        self, configured: Configured, timeout: float, now: float, highest: int = 0
    ) -> None:
        self.configured = configured
        self.timeout = timeout
        self.running = STARTING
        self.term = 0
        """Grows with each promotion: of two that lead, the higher one stays."""
        self.reason = "the server starts"
        """Why it is in its state."""
        self._since = now
        self.highest = highest
        """The highest term that was heard of."""

    def __repr__(self) -> str:
        return f"<Pair {self.configured.value}, {self.running.value}, term {self.term}>"

    @property
    def leads(self) -> bool:
        """Whether this server is the one that serves."""
        return self.running is PRIMARY

    def met(self, running: Running, term: int, now: float, first: bool | None = None) -> bool:
        """Take in what the other server says of itself; tell whether the state has changed.

        Args:
            first: whether this server goes first if both lead in one term; None: by the
                configured role.
        """
        self.highest = max(self.highest, term)
        if running is STARTING:
            return self.found(Finding.STARTS, "the other server starts", now)
        if running is not PRIMARY:
            return self.found(Finding.YIELDS, "the other server does not lead", now)
        if self.leads and not self._is_stronger(term, first):
            return self.found(Finding.YIELDS, f"its term {term} is the weaker claim", now)
        return self.found(Finding.LEADS, f"the other server leads in term {term}", now)

    def _is_stronger(self, term: int, first: bool | None) -> bool:
        """Whether another primary's claim goes before the own one."""
        if first is None:
            first = self.configured is Configured.PRIMARY
        return term > self.term or (term == self.term and not first)

    def found(self, finding: Finding, reason: str, now: float) -> bool:
        """Take in a finding; tell whether the state has changed."""
        following = next_state(self.configured, self.running, finding)
        if following is self.running:
            return False
        if following is PRIMARY:
            self.term = self.highest = self.highest + 1
        self.running, self.reason, self._since = following, reason, now
        return True

    def due_at(self) -> float | None:
        """Return when the time for this state is over; None where it has no end."""
        patience = self._patience()
        return None if patience is None else self._since + patience

    def late(self, now: float) -> bool:
        """Tell whether the time for this state was over, and the state has changed."""
        due = self.due_at()
        return due is not None and now >= due and self.found(Finding.LATE, self._waited(), now)

    def _patience(self) -> float | None:
        if self.running is STARTING:
            return self.timeout if self.configured is Configured.PRIMARY else 2 * self.timeout
        if self.running is ASKING:
            return ASK_LIMIT
        return self.timeout if self.running is APART else None

    def _waited(self) -> str:
        if self.running is ASKING:
            return "the other server is silent, and the master does not answer"
        return f"the other server has not answered for {self._patience():g} s"
