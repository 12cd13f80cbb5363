"""A proxy whose local copy is in memory."""

from __future__ import annotations

from typing import Any

from confwire import codec
from confwire.messages import Transaction
from proxyapp.engine import commands, events
from proxyapp.engine.links.replication import transaction_parts
from tests.proxyapp.engine.bench import (
    Proxy,
)

Kept = list[Any]


class Copied(Proxy):
    """A proxy with a local copy in memory: what it commanded to write."""

    def __init__(self, bench: Any, **more: Any) -> None:
        super().__init__(bench, local_copy=True, **more)
        self.kept: Kept = []
        self.hold_pages = False

    def carry_out(self, given: list[commands.Command]) -> None:
        super().carry_out(given)
        for command in given:
            if isinstance(command, commands.BeginCopy):
                self.kept = [command] if command.whole else [*self.kept, command]
                if command.whole:
                    self.ask()
            elif isinstance(command, (commands.CopyRows, commands.CopyEntry)):
                self.kept.append(command)
                if isinstance(command, commands.CopyRows) and command.rows:
                    self.ask()

    def ask(self) -> None:
        if not self.hold_pages:
            self.handle(events.CopyAsked())

    def begin(self, kept: Kept = (), current_at: float = 0.0) -> None:  # type: ignore[assignment]
        """Start from what another one has kept."""
        self.carry_out(self.node.start(self.now))
        assert self.of(commands.ReadCopy)
        self.kept = list(kept)
        if kept:
            tell(self, kept, current_at)
        self.handle(events.CopyRead([]))

    def restart(self, **more: Any) -> Copied:
        """Return another one that starts from what this one has kept, its master away."""
        self.sever()
        made = Copied(self.master, **more)
        made.now = self.now + 60
        made.begin(self.kept, self.now)
        return made


def tell(proxy: Proxy, kept: Kept, current_at: float) -> None:
    """Tell what was kept, as the files would give it."""
    first, *rest = kept
    pages = [item for item in rest if isinstance(item, commands.CopyRows)]
    end = pages[-1]
    proxy.handle(events.LoadStarted(first.epoch, first.revision, 0, "local copy", current_at))
    for page in pages[:-1]:
        proxy.handle(events.RecordsLoaded([row.record() for row in page.rows]))
    ended = False
    for entry in (item for item in rest if isinstance(item, commands.CopyEntry)):
        if entry.entry.revision > end.revision and not ended:
            ended = True
            proxy.handle(events.LoadEnded(end.revision, int(end.tree, 16), end.hash))
        for part in transaction_parts(entry.epoch, entry.entry):
            message = codec.decode_server(part)
            assert isinstance(message, Transaction)
            proxy.handle(events.Committed(message))
    if not ended:
        proxy.handle(events.LoadEnded(end.revision, int(end.tree, 16), end.hash))
