"""The start of a proxy from its local copy, before it has reached its master.

What the files hold is taken in as a load is (`intake`); what it may be used for is decided here.
"""

from __future__ import annotations

from collections.abc import Callable

from proxyapp.engine.commands import ReadCopy
from proxyapp.engine.events import CopyRead
from proxyapp.engine.intake import Intake
from proxyapp.engine.links.copying import Copying
from proxyapp.engine.links.keyring import Keyring
from proxyapp.engine.links.replica import Replica
from proxyapp.engine.serving import Serving


class ColdStart:
    """The start of one proxy."""

    def __init__(
        self,
        serving: Serving,
        copying: Copying,
        intake: Intake,
        keyring: Keyring,
        replica: Replica,
        serve: Callable[[], None],
    ) -> None:
        """Have not begun.

        Args:
            serve: has what there is served.
        """
        self._serving = serving
        self._copying = copying
        self._intake = intake
        self._keyring = keyring
        self._replica = replica
        self._serve = serve

    def begin(self, now: float) -> None:
        """Ask for the local copy where there is to be one, else for the master at once."""
        if not self._serving.settings.local_copy:
            self._replica.start(now)
            return
        self._copying.reading = True
        self._serving.withheld = "the local copy is being read"
        self._serving.out.append(ReadCopy())

    def read(self, event: CopyRead, now: float) -> None:
        """What there was on the disk is in memory: now the master, by its cursor."""
        for reason in event.refused:
            self._serving.log("warning", "local copy refused", reason=reason)
        self._copying.reading = False
        if event.keys is not None:
            self._keyring.take(event.keys)
        if not self._serving.ready:
            self._serving.withheld = ""
            self._intake.abandon()
            self._replica.discard()
        else:
            self._use(now)
            self._copying.begin(whole=bool(event.refused))
        self._replica.start(now)

    def _use(self, now: float) -> None:
        """Serve what was found, unless something speaks against it."""
        serving = self._serving
        if not serving.application:
            serving.withheld = "the local copy does not know this application"
        elif serving.options.flag("fresh-data-only"):
            serving.withheld = "only fresh data is served, and the master was not reached yet"
        else:
            self._serve()
        serving.log(
            "info",
            "local copy withheld" if serving.withheld else "local copy served",
            reason=serving.withheld,
            age=round(serving.authority.age(now), 1),
            epoch=serving.epoch,
            revision=serving.revision,
        )
