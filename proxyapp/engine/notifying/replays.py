"""What was missed, in the form in which it is sent: shared by all who missed the same.

Clients that lost their server in one moment come back to the same few cursors with the same few
views. Knows no sessions; how a replay is made is told by who asks.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

_KEPT = 32
_LARGEST = 128 * 1024
"""Bytes of a replay that is worth keeping; larger ones are made for each."""


class Replays:
    """The replays that were made last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, list[bytes]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: Hashable, make: Callable[[], list[bytes]]) -> list[bytes]:
        """Return the messages of a replay; they are not to be changed.

        Args:
            key: all that the messages depend on.
        """
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        made = make()
        if sum(map(len, made)) <= _LARGEST:
            self._known[key] = made
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return made
