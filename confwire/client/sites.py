"""Whether a client belongs at its preferred site or at its backup site. Pure: time is an argument.

It knows no sockets: it is told what was tried and what answered, and says where to go. The table
of its states is in docs/topics/clients-when-servers-fail.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from confwire.client.backoff import Address, Backoff, Reconnect

STABLE_AFTER = 5.0
"""Seconds; a session that ends earlier counts as a failed attempt."""

LASTING = 10
"""A return has lasted when the preferred site served this many times the proof that it took."""


class Place(Enum):
    """The state of a client between its sites."""

    SEEKING_PREFERRED = "seeking preferred"
    PREFERRED = "preferred"
    SEEKING_BACKUP = "seeking backup"
    BACKUP = "backup"
    CONFIRMING = "confirming"
    """Served by the backup site, and the preferred one answers again."""
    RETURNING = "returning"
    """Served by the backup site until a session at the preferred one is open."""


_AT_BACKUP = (Place.BACKUP, Place.CONFIRMING, Place.RETURNING)


@dataclass(frozen=True, slots=True)
class SiteRule:
    """When a client changes its site."""

    rounds: int = 3
    """A site is left after this many rounds over its servers without a session."""
    proof: float = 60.0
    """Seconds for which the preferred site must answer every probe before the client returns.

    Up to twice as long by chance, so that clients do not return all at once; doubled after each
    return that did not last.
    """
    most_proof: float = 3600.0
    """The most seconds that it is doubled to."""
    probe_every: float = 5.0
    """Seconds between two probes of the preferred site; also the most that one may take."""

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.probe_every <= 0:
            raise ValueError("a site rule needs at least one round and a time between probes")
        if not 0 <= self.proof <= self.most_proof:
            raise ValueError("the proof of a site rule lies between 0 and the most proof")


class Sites:
    """The state machine of a client between two sites, or at its only one.

    Args:
        preferred: servers of the preferred site.
        backup: servers of the backup site; none: there is one site, which is never left.
        jitter: gives a random number in [0, 1).
        reconnect: how each server is tried.
        rule: when the site is changed.
    """

    def __init__(
        self,
        preferred: Sequence[Address],
        backup: Sequence[Address],
        jitter: Callable[[], float],
        reconnect: Reconnect,
        rule: SiteRule,
    ) -> None:
        self.rule = rule
        self.place = Place.SEEKING_PREFERRED
        self.attempts = 0
        """Failed attempts since the last session that held."""
        self._preferred = Backoff(preferred, jitter, reconnect)
        self._backup = Backoff(backup, jitter, reconnect) if backup else None
        self._jitter = jitter
        self._tries = 0  # on the present site
        self._opened_at = 0.0
        self._proof = rule.proof
        self._wanted = rule.proof  # with what chance adds to it
        self._returned_at: float | None = None
        self._answers_since = 0.0
        self._answered_at = 0.0
        self._probe_at = 0.0

    def __repr__(self) -> str:
        return f"<Sites {self.place.value}, {self.attempts} attempts failed>"

    @property
    def is_at_backup(self) -> bool:
        """Whether the backup site is in use, or is tried."""
        return self.place is Place.SEEKING_BACKUP or self.place in _AT_BACKUP

    @property
    def server(self) -> Address:
        """The server to connect to now, or the one in use."""
        returning = self.place is Place.RETURNING
        return self._preferred.server if returning else self._present.server

    @property
    def preferred_servers(self) -> list[Address]:
        """What a probe asks."""
        return self._preferred.servers

    @property
    def round(self) -> int:
        """Attempts in which every server of every site has its turn."""
        if self._backup is None:
            return self._preferred.round
        return self.rule.rounds * (self._preferred.round + self._backup.round)

    @property
    def _present(self) -> Backoff:
        if self._backup is not None and self.is_at_backup:
            return self._backup
        return self._preferred

    def learn(self, backup: Address | None) -> None:
        """Take in which backup the server in use has."""
        self._present.learn(self._present.server, backup)

    def delay(self) -> float:
        """Return the seconds to wait before the next attempt."""
        return self._present.delay()

    # ------------------------------------------------------------ sessions

    def failed(self, now: float) -> None:
        """No session could be opened with `server`."""
        if self.place is Place.RETURNING:
            self._unproven(now)
            return
        self._count(now, leave=False)

    def opened(self, now: float) -> None:
        """A session with `server` is open."""
        self._opened_at = now
        if self.place is Place.SEEKING_BACKUP:
            self.place = Place.BACKUP
            self._wanted = self._proof * (1 + self._jitter())
            self._probe_at = now + self.rule.probe_every
            return
        if self.place is Place.RETURNING:
            self._returned_at, self._tries = now, 0
            self._held()
        self.place = Place.PREFERRED

    def lost(self, now: float, leave: bool = False) -> None:
        """The session is gone.

        Args:
            leave: whether the server sent the client away.
        """
        if self.place is Place.RETURNING:  # the proof was given: nothing keeps the client away
            self._returned_at, self._tries = now, 0
            self.place = Place.SEEKING_PREFERRED
            self._held()
            return
        at_backup = self.place in _AT_BACKUP
        self.place = Place.SEEKING_BACKUP if at_backup else Place.SEEKING_PREFERRED
        held = now - self._opened_at >= STABLE_AFTER
        if held:
            self._tries = 0
            self._held()
        if leave or not held:
            self._count(now, leave=True)

    def sent_away(self, now: float, to: Address | None) -> None:
        """The server has ended the session, to have it elsewhere: nothing has failed.

        Args:
            to: where it sends the client; None: to any other server.
        """
        at_backup = self.place in _AT_BACKUP
        self.place = Place.SEEKING_BACKUP if at_backup else Place.SEEKING_PREFERRED
        site = self._present
        self._count(now, leave=True)
        if to is not None:
            site.choose(to)
        if now - self._opened_at >= STABLE_AFTER:  # else servers may send it to and fro
            self._tries = 0
            self._held()

    def _held(self) -> None:
        self.attempts = 0
        self._preferred.succeeded()
        if self._backup is not None:
            self._backup.succeeded()

    def _count(self, now: float, leave: bool) -> None:
        site = self._present
        site.failed(leave)
        self.attempts += 1
        self._tries += 1
        if self._backup is not None and self._tries >= self.rule.rounds * site.round:
            self._change_site(now)

    def _change_site(self, now: float) -> None:
        self._tries = 0
        if self.place is Place.SEEKING_BACKUP:
            self.place = Place.SEEKING_PREFERRED
            return
        self.place = Place.SEEKING_BACKUP
        if self._returned_at is not None:
            lasted = now - self._returned_at >= LASTING * self._proof
            longer = min(2 * self._proof, self.rule.most_proof)
            self._proof = self.rule.proof if lasted else longer
            self._returned_at = None

    # ------------------------------------------------------------ the way back

    def probe_due_at(self) -> float | None:
        """Return when the preferred site is to be probed; None while it is not."""
        return self._probe_at if self.place in (Place.BACKUP, Place.CONFIRMING) else None

    def probed(self, now: float, server: Address | None) -> None:
        """Take in a probe of the preferred site.

        Args:
            server: which of its servers answered that it would serve; None: none did.
        """
        self._probe_at = now + self.rule.probe_every * (0.75 + 0.5 * self._jitter())
        if server is None:
            self._unproven(now)
            return
        # After a time without probes (this process slept) nothing is known about that time.
        unknown = now - self._answered_at > 3 * self.rule.probe_every
        if self.place is Place.BACKUP or unknown:
            self.place, self._answers_since = Place.CONFIRMING, now
        self._answered_at = now
        if now - self._answers_since >= self._wanted:
            self._preferred.choose(server)
            self.place = Place.RETURNING

    def _unproven(self, now: float) -> None:
        """The preferred site is not fit to return to: the proof begins anew."""
        self.place = Place.BACKUP
        self._probe_at = max(self._probe_at, now)
