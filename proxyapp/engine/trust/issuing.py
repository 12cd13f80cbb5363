"""Who holds resume tokens of this server, and when each gets its next one.

A token lasts for a life; a session that lives gets another after half of it. Knows no sessions
but their connections.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator

from proxyapp.engine.trust.tokens import WHOLE, Holder, Ring

_RENEWALS_A_TICK = 200
"""Sessions that opened in one moment are not to be renewed in one turn."""


class Issuing:
    """Gives out tokens with the keys that the server has now."""

    def __init__(self) -> None:
        self.ring: Ring | None = None
        """None before the first keys came."""
        self.server = 0
        """DBID of the server's own application."""
        self.part = WHOLE
        """Names the part of the data that the server shows, in the tokens that come."""
        self.part_since = 0
        """The revision from which on it does."""
        # Invariant: in the order in which they were issued, which is that of their renewals.
        self._issued: OrderedDict[int, float] = OrderedDict()

    def issue(self, connection: int, holder: Holder, now: float, since: int) -> str:
        """Return a token for a session, empty where the server has no key.

        Args:
            since: the revision from which on the client's cursors are of what is shown.
        """
        token = ""
        if self.ring is not None:
            token = self.ring.issue(holder, self.server, now, self.part, since)
        self._issued[connection] = now
        self._issued.move_to_end(connection)
        return token

    def forget(self, connection: int) -> None:
        """The session has ended."""
        self._issued.pop(connection, None)

    def due(self, now: float) -> Iterator[int]:
        """Yield the connections that are to get a new token now; a part of them, if many."""
        ring = self.ring
        if ring is None:
            return
        for _ in range(_RENEWALS_A_TICK):
            oldest = next(iter(self._issued), None)
            if oldest is None or self._issued[oldest] + ring.life / 2 > now:
                return
            self._issued[oldest] = now
            self._issued.move_to_end(oldest)
            yield oldest
