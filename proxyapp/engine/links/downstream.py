"""The servers that replicate from this one and are up to date: what is passed on to them.

A link that is still loading, or behind, has a task of its own (`replication`).
"""

from __future__ import annotations

from confwire import codec
from confwire.errors import CloseCode
from confwire.messages import Message
from proxyapp.engine.commands import Broadcast
from proxyapp.engine.data.journal import Entry
from proxyapp.engine.links.replication import transaction_parts
from proxyapp.engine.serving import Serving


class Downstream:
    """The live links of one node's servers."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    def links(self) -> list[int]:
        """Return the connections of those that are up to date."""
        return [
            session.connection
            for session in self._serving.servers.values()
            if session.replication is not None and session.replication.live
        ]

    def tell(self, message: Message) -> None:
        """Send all of them a message."""
        if links := self.links():
            self._serving.out.append(Broadcast(links, [codec.encode(message)]))

    def follow(self, entry: Entry) -> None:
        """Pass a transaction on; after a load they must ask anew."""
        links = self.links()
        if links and self._serving.journal.revision == entry.revision and entry.at:
            self._pass_on(entry, links)
        elif not entry.at:
            self._end()

    def _pass_on(self, entry: Entry, links: list[int]) -> None:
        if not entry.large:
            parts = list(transaction_parts(self._serving.epoch, entry))
            self._serving.out.append(Broadcast(links, parts))
        else:
            for link in links:
                self._serving.roster.lag(link, entry.revision - 1)

    def _end(self) -> None:
        for session in self._serving.roster:
            if session.replication is not None:
                session.close(CloseCode.RELOAD, "the data was replaced: ask again")
