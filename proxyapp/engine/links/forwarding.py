"""A proxy's entries on their way to its master: one batch at a time, in order, each once.

    idle -> asking how far the master is -> reading -> sent -> reading … -> idle

Its database has another name since each start; what it kept under the former ones goes first, name
by name. Only what the runtime says is on the disk is sent. A link that is lost ends it at any
step; the next one begins with the question.
"""

from __future__ import annotations

from confwire import codec
from confwire.messages import HistoryEntries, HistoryTaken
from proxyapp.engine.commands import ReadEntries, SendLink
from proxyapp.engine.events import EntriesKept, EntriesRead
from proxyapp.engine.serving import Serving


class Forwarding:
    """What is under way between the own stores and the master's."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._stores: list[str] = []
        """All names with entries, the present one last; none before the history log is opened."""
        self._place = 0
        """The one of them that is forwarded now."""
        self._last = 0
        """The last number that is on the disk here."""
        self._live = False
        self._taken: int | None = None
        """What the master has of it; None until it has said so on this link."""
        self._reading: tuple[str, int] | None = None
        """The store, and the number behind which the runtime reads."""
        self._looked = 0
        """The last number that there was when it began to read."""
        self._sent = False

    def __repr__(self) -> str:
        return f"<Forwarding {self._taken} of {self._last}>"

    def start(self) -> None:
        """The link is live."""
        self._live = True
        if self._stores:
            self._ask(0)

    def stop(self) -> None:
        """The link is lost."""
        self._live = self._sent = False
        self._taken = self._reading = None

    def kept(self, event: EntriesKept) -> None:
        """More is on the disk, or it was opened."""
        self._last = event.last
        if self._stores[-1:] != [event.store]:
            self._stores = [*event.former, event.store]
            if self._live:
                self._ask(0)
        elif not self._sent and self._reading is None:
            self._go_on()

    def taken(self, message: HistoryTaken) -> None:
        """The master has all of a store up to a number."""
        if self._live and self._stores and message.store == self._stores[self._place]:
            self._sent = False
            self._taken = message.number
            self._read(message.number)

    def read(self, event: EntriesRead) -> None:
        """The next entries were read."""
        if (event.store, event.number) != self._reading:
            return  # for a link that was lost
        self._reading = None
        if event.entries:
            self._send(HistoryEntries(store=event.store, entries=event.entries))
        elif self._place + 1 < len(self._stores):
            self._ask(self._place + 1)
        elif self._taken is not None:
            # Numbers may be left out: there is nothing up to here.
            self._taken = max(self._taken, self._looked)
            self._go_on()

    def _ask(self, place: int) -> None:
        """Ask how much of a store the master has."""
        self._place, self._taken, self._reading = place, None, None
        self._send(HistoryEntries(store=self._stores[place]))

    def _go_on(self) -> None:
        if self._taken is not None and self._taken < self._last:
            self._read(self._taken)

    def _read(self, number: int) -> None:
        store = self._stores[self._place]
        self._reading, self._looked = (store, number), self._last
        self._serving.out.append(ReadEntries(store, number))

    def _send(self, message: HistoryEntries) -> None:
        self._sent = True
        self._serving.out.append(SendLink([codec.encode(message)]))
