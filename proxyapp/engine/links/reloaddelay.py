"""How long a proxy goes on with its old data before it loads anew (`delay-reload`).

A master that was restored would else have to load all proxies at once; a backup of a pair can be
told to wait for longer than its primary.
"""

from __future__ import annotations

from proxyapp.engine.serving import Serving
from proxyapp.engine.topology.pair import Configured
from proxyapp.engine.topology.partners import partner_of


class ReloadDelay:
    """The delay of one proxy, and the load that waits for its end."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._until: float | None = None
        """When a load is asked for that is not asked for yet."""

    @property
    def seconds(self) -> int:
        """What a load has to wait; the first one does not."""
        serving = self._serving
        if not serving.ready:
            return 0
        partner = partner_of(serving.store, serving.application.get("DBID", 0))
        is_backup = partner is not None and partner.own is Configured.BACKUP
        return serving.options.number("delay-reload-backup" if is_backup else "delay-reload")

    def begin(self, now: float) -> int:
        """Let a load wait; return the seconds."""
        delay = self.seconds
        self._until = now + delay
        return delay

    def cancel(self) -> None:
        """No load waits any more."""
        self._until = None

    def is_over(self, now: float) -> bool:
        """Whether a load has waited for long enough; it waits no more then."""
        if self._until is None or now < self._until:
            return False
        self._until = None
        return True

    def left(self, now: float) -> float | None:
        """Return the seconds that a load still waits, None where none does."""
        return None if self._until is None else round(self._until - now, 1)
