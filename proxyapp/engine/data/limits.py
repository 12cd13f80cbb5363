"""The part of the data that a server shows at all, whatever the rights of its readers.

Knows no store: what an object lies in is told by its node in the rights tree.
"""

from __future__ import annotations

from msgspec import Struct

from proxyapp.engine.data.rights import Key, RightsNode


class Limit(Struct, frozen=True):
    """Some objects, and all that lies in them; of nothing it shows nothing."""

    keys: frozenset[Key]

    def holds(self, node: RightsNode) -> bool:
        """Whether what the node governs is shown."""
        place: RightsNode | None = node
        while place is not None:
            if (place.object or place.container) in self.keys:
                return True
            place = place.parent
        return False


def is_shown(limit: Limit | None, node: RightsNode) -> bool:
    """Whether what the node governs is shown; all is, where nothing limits it."""
    return limit is None or limit.holds(node)
