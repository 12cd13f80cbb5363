"""A proxy's entries on their way to its master: one batch at a time, in order, each once.

    idle -> asking how far the master is -> reading -> sent -> reading … -> idle

Only what the runtime says is on the disk is sent. A link that is lost ends it at any step; the
next one begins with the question.
"""

from __future__ import annotations

from confwire import codec
from confwire.messages import HistoryEntries, HistoryTaken
from proxyapp.engine.commands import ReadEntries, SendLink
from proxyapp.engine.events import EntriesKept, EntriesRead
from proxyapp.engine.serving import Serving


class Forwarding:
    """What is under way between the own store and the master's."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._store = ""
        self._last = 0
        """The last number that is on the disk here."""
        self._live = False
        self._taken: int | None = None
        """What the master has; None until it has said so on this link."""
        self._reading: int | None = None
        """The number behind which the runtime reads."""
        self._looked = 0
        """The last number that there was when it began to read."""
        self._sent = False

    def __repr__(self) -> str:
        return f"<Forwarding {self._taken} of {self._last}>"

    def start(self) -> None:
        """The link is live."""
        self._live = True
        if self._store:
            self._send(HistoryEntries(store=self._store))

    def stop(self) -> None:
        """The link is lost."""
        self._live = self._sent = False
        self._taken = self._reading = None

    def kept(self, event: EntriesKept) -> None:
        """More is on the disk."""
        first = not self._store
        self._store, self._last = event.store, max(self._last, event.last)
        if first and self._live:
            self._send(HistoryEntries(store=self._store))
        elif not self._sent and self._reading is None:
            self._go_on()

    def taken(self, message: HistoryTaken) -> None:
        """The master has all up to a number."""
        if self._live and message.store == self._store:
            self._sent = False
            self._taken = message.number
            self._read(message.number)

    def read(self, event: EntriesRead) -> None:
        """The next entries were read."""
        if event.number != self._reading:
            return  # for a link that was lost
        self._reading = None
        if event.entries:
            self._send(HistoryEntries(store=self._store, entries=event.entries))
        elif self._taken is not None:
            # Numbers may be left out: there is nothing up to here.
            self._taken = max(self._taken, self._looked)
            self._go_on()

    def _go_on(self) -> None:
        if self._taken is not None and self._taken < self._last:
            self._read(self._taken)

    def _read(self, number: int) -> None:
        self._reading, self._looked = number, self._last
        self._serving.out.append(ReadEntries(number))

    def _send(self, message: HistoryEntries) -> None:
        self._sent = True
        self._serving.out.append(SendLink([codec.encode(message)]))
