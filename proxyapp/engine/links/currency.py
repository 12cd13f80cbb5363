"""How new a proxy's data is known to be: from what its master says, and when it said it.

That a message arrives proves nothing: it may have waited on its way for as long as the line
lives, or here while the process was stopped. So a beat tells the master's clock. What that read
when the master opened the link was later than the proxy's proof for it: from there on each beat
has a time here, before which it cannot have been said. Knows no link and no messages but these.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from confwire.messages import Progress

SILENCE = 5.0
"""Seconds after which a link without the master's beats proves nothing any more."""


class Data(Protocol):
    """What is served."""

    @property
    def epoch(self) -> str:
        """The history that its revisions are of."""

    @property
    def revision(self) -> int:
        """The revision of the data."""


class _Statement(NamedTuple):
    """Where a master was, and when its own data was known to be current."""

    epoch: str
    revision: int
    at: float
    is_stale: bool


class Currency:
    """When the data of one proxy was last known to be current; times are seconds of its clock."""

    def __init__(self, data: Data) -> None:
        self._data = data
        self._asked_at = 0.0
        self._offset = 0.0
        """What to add to the master's clock."""
        self._known_at = 0.0
        self._awaited: _Statement | None = None
        """What is not taken in yet, up to where the master was then."""
        self._stale_since: float | None = None
        """Since when the master itself, whose link lives, does not know what is current."""
        self.lost_since: float | None = None
        """Since when there is no live link; the data was known to be current until then."""

    def __repr__(self) -> str:
        return f"<Currency, known at {self._known_at}>"

    # ------------------------------------------------------------ what the master says

    def asked(self, now: float) -> None:
        """The master is sent what it answers at once."""
        self._asked_at = now

    def answered(self, clock: float) -> None:
        """The master has answered that at a time of its own clock."""
        self._offset = self._asked_at - clock
        self._awaited = self._stale_since = None

    def stated(self, message: Progress, now: float) -> None:
        """The master has said where it is."""
        said_at = min(now, message.clock + self._offset)
        self._settle()
        awaited = self._awaited  # the one before is reached first, if it ever is
        if awaited is None or awaited.epoch != message.epoch:
            at, stale = said_at - message.age, message.age > 0
            self._awaited = _Statement(message.epoch, message.revision, at, stale)

    # ------------------------------------------------------------ the link

    def start(self, now: float) -> None:
        """There is no link yet; unless a local copy is known the data is of no earlier time."""
        if self.lost_since is None:
            self.lost_since = now

    def found(self, at: float) -> None:
        """A local copy is taken in that was last known to be current at that time."""
        self.lost_since = at

    def discard(self) -> None:
        """The local copy turned out to be of no use."""
        self.lost_since = None

    def live(self) -> None:
        """All is here that the master had when it was asked; its beat says how new that was."""
        self._known_at = max(self._known_at, self.lost_since or 0.0)
        self.lost_since = None

    def lose(self) -> None:
        """The live link is lost."""
        self._settle()
        self._awaited = None
        self.lost_since = self._known_at

    # ------------------------------------------------------------ what is known

    def age(self, now: float) -> float:
        """Return the seconds since the data was known to be current; 0 while the link is live.

        A link that is silent for longer than the master's beats counts as lost from its last word.
        """
        self._settle()
        since = self.lost_since if self.lost_since is not None else self._stale_since
        if since is not None:
            return now - since
        silence = now - self._known_at
        return 0.0 if silence < SILENCE else silence

    def known_at(self) -> float:
        """Return the last time at which the data is proven to have been current."""
        self._settle()
        return self._known_at if self.lost_since is None else self.lost_since

    @property
    def is_stale(self) -> bool:
        """Whether the master does not know by itself what is current."""
        self._settle()
        return self._stale_since is not None

    def _settle(self) -> None:
        """Believe what the master has said, if all up to there is taken in."""
        said, data = self._awaited, self._data
        if said is not None and said.epoch == data.epoch and said.revision <= data.revision:
            self._awaited = None
            self._known_at = said.at if said.is_stale else max(self._known_at, said.at)
            self._stale_since = said.at if said.is_stale else None
