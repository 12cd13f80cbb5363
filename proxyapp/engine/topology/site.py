"""What one proxy shows of all data: its site limit, as the option and the data say it now.

Of a pair that of the primary counts at both servers. A server that runs goes on as it is when its
object is deleted. Knows no sessions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec
from msgspec import Struct

from confwire.messages import Record
from confwire.objects import ObjectType
from proxyapp.engine.data.access import Access
from proxyapp.engine.data.journal import GONE, Change
from proxyapp.engine.data.rights import RightsNode
from proxyapp.engine.data.rows import Row
from proxyapp.engine.data.store import Store
from proxyapp.engine.topology.partners import BACKUP, backup_in, primary_of
from proxyapp.engine.topology.sitelimit import Found, find, part_of, text_in

_APPLICATION = int(ObjectType.APPLICATION)
_PLACES = (int(ObjectType.FOLDER), int(ObjectType.TENANT))


class _Named(Struct):
    name: str = ""


_decode = msgspec.json.Decoder(_Named).decode


class Site:
    """The site limit of one node."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        """Show everything until `own` is set.

        Args:
            complain: is told what of the option has no effect; empty: nothing.
        """
        self._complain = complain
        self._complaint = ""
        self.own = 0
        """DBID of the proxy's own application; 0 before it is known, and at a master."""
        self.text = ""
        """The option's value that counts."""
        self._primary = 0
        """DBID of the pair's primary, of a backup."""
        self._found = Found(None)
        self._limited: bool | None = None
        """Whether some proxy of the environment has a limit; None: to be found out."""
        self._changed = 0
        """The last revision that changed a limit."""

    def __repr__(self) -> str:
        return f"<Site {self.text or 'without limit'}>"

    @property
    def is_limited(self) -> bool:
        return bool(self.text)

    # ------------------------------------------------------------ what is shown

    def concerns(self, record: Record, old: Row | None, store: Store) -> bool:
        """Whether other objects may be shown than before once the record is taken in."""
        if not self.own:
            return False
        if record.type == _APPLICATION:
            return self._after([record], store) != (self._primary, self.text)
        if not self.text or record.type not in _PLACES:
            return False
        found = self._found
        if record.body == GONE:
            return old is not None
        names = {_decode(record.body).name.casefold()} | ({old.name.casefold()} if old else set())
        if old is None:
            limit = found.limit
            named = limit is not None and (record.type, record.dbid) in limit.keys
            return named or not names.isdisjoint(found.names)
        return len(names) > 1 and not names.isdisjoint(found.names)

    def part_after(self, records: Iterable[Record], store: Store) -> bytes:
        """Return what names the part that is shown once these records are taken in."""
        return part_of(self._after(records, store)[1] if self.own else "")

    def turns(self, records: Sequence[Record], store: Store) -> bool:
        """Whether the records bring another limit."""
        if not self.own or all(record.type != _APPLICATION for record in records):
            return False
        return self._after(records, store)[1] != self.text

    def follow(self, store: Store, access: Access) -> dict[RightsNode, RightsNode]:
        """Show what the data says now.

        Return the nodes that have come for it, each with that which governed its object before.
        """
        if not self.own:
            return {}
        self._primary = primary_of(store, self.own)
        row = store.get(_APPLICATION, self._primary or self.own)
        if row is not None:
            self.text = text_in(row.body)
        self._found = found = find(store, self.text)
        apart = store.set_apart(found.limit.keys) if found.limit is not None else {}
        access.limit_to(found.limit)
        complaint = "; ".join(found.complaints)
        if complaint != self._complaint:
            self._complaint = complaint
            self._complain(complaint)
        return apart

    def _after(self, records: Iterable[Record], store: Store) -> tuple[int, str]:
        """Return the pair's primary, and the text that counts, once records are taken in."""
        primary, texts = self._primary, {}
        for record in records:
            if record.type != _APPLICATION:
                continue
            if record.body == GONE:
                primary = 0 if record.dbid == primary else primary
                continue
            body = bytes(record.body)
            if record.dbid not in (self.own, primary) and BACKUP not in body:
                continue
            if backup_in(body) == self.own:
                primary = record.dbid
            elif record.dbid == primary:
                primary = 0
            texts[record.dbid] = text_in(body)
        source = primary or self.own
        if source not in texts:
            row = store.get(_APPLICATION, source)
            texts[source] = text_in(row.body) if row is not None else self.text
        return primary, texts[source]

    # ------------------------------------------------------------ cursors of other servers

    def note(self, changes: Iterable[Change], revision: int) -> bool:
        """Take in that applications have changed; tell whether the limit of one has."""
        for change in changes:
            if change.type == _APPLICATION:
                old, new = (text_in(row.body) if row else "" for row in (change.old, change.new))
                if old != new:
                    self._limited = None
                    self._changed = revision
        return self._changed == revision

    def tells_apart(self, store: Store, revision: int) -> bool:
        """Whether a cursor of this revision may be of a server that shows other data than this."""
        if self._limited is None:
            rows = store.tables[_APPLICATION].rows()
            self._limited = any(text_in(row.body) for row in rows)
        return self._limited or revision < self._changed
