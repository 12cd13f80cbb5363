"""One object as a node holds it.

Knows the rights node that governs it and the form in which servers exchange it.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from confwire.messages import Record
from proxyapp.engine.data.rights import RightsNode


class Row(Struct, gc=False):
    """One object as the store holds it. Immutable by convention: a change makes a new row.

    What a read needs comes first: it then lies in one line of the processor's cache.
    """

    body: bytes
    """The document, byte for byte as the master published it."""
    node: RightsNode
    """Where its rights are found; the node itself may change, the row then need not."""
    type: int
    dbid: int
    folder: int
    tenant: int
    name: str
    """What people call it: its name, user name, number or login code."""
    enabled: bool
    acl: list[tuple[int, int, int]] | None
    verifier: str

    def record(self) -> Record:
        """Return the row in the form that servers exchange."""
        return Record(self.type, self.dbid, self.folder, Raw(self.body), self.acl, self.verifier)
