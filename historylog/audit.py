"""The audit file: each change of an object as a CfgAuditEntry, with what it changed.

The form is that of the origin's exports: an element for each class, scalars as children with the
attribute `value`. Written as it is read, so that any number of changes fits.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

import msgspec
from django.db.models import Min, Q

from confwire.objects import OBJECTS, ObjectType
from historylog import reader
from historylog.exporting import attributes
from historylog.models import ChangeRecord, Transaction
from historylog.paths import PERMISSIONS, SECRET
from historylog.values import differences_of, masked, sides_of

OPERATIONS = {"created": 3, "deleted": 4, "changed": 5}
"""CfgEventType: CFGObjectAdded, CFGObjectDeleted, CFGObjectInfoChanged."""

_BATCH = 50  # changes that are in memory at the same time; each may have megabytes


def write(file: TextIO, since: datetime | None = None) -> int:
    """Write all changes that are kept, the oldest first; return how many there are.

    Args:
        since: leaves out what was committed before.
    """
    file.write('<?xml version="1.0" encoding="utf-8"?>\n<ConfData>\n')
    count = 0
    for records in _pages(since):
        heads = Transaction.objects.in_bulk({record.revision for record in records})
        for record in records:
            head = heads.get(record.revision)
            # Pruned since the page was read; or before, by a clock that was set back.
            if head is not None and (since is None or head.at >= since):
                file.write(_entry(head, record))
                count += 1
    file.write("</ConfData>\n")
    return count


def _pages(since: datetime | None) -> Iterator[list[ChangeRecord]]:
    start = reader.floor()
    if since is not None:
        # Not the first by time: where the clock was set back, an earlier one may be of then, too.
        later = Transaction.objects.filter(at__gte=since)
        first = later.aggregate(first=Min("revision"))["first"]
        if first is None:
            return
        start = max(start, first - 1)
    rows = ChangeRecord.objects.order_by("revision", "seq")
    page = list(rows.filter(revision__gt=start)[:_BATCH])
    while page:
        yield page
        last = page[-1]
        behind = Q(revision=last.revision, seq__gt=last.seq) | Q(revision__gt=last.revision)
        page = list(rows.filter(behind, revision__gte=last.revision)[:_BATCH])


def _entry(head: Transaction, record: ChangeRecord) -> str:
    info = OBJECTS[ObjectType(record.type)]
    values = {
        "id": f"{record.revision}.{record.seq}",
        "revision": record.revision,
        "operation_type": OPERATIONS[record.kind],
        "object_type": record.type,
        "object_type_name": info.name,
        "object_dbid": record.dbid,
        "object_name": record.name,
        "tenant_dbid": record.tenant,
        "folder_dbid": record.folder,
        "user": head.by,
        "user_dbid": head.person,
        "time": head.at.isoformat(),
        "origin": head.origin,
        "application": head.application,
        "session": head.session,
        "server": head.server,
        "through": head.through,
    }
    records = "".join(_element("CfgHistoryRecord", "  ", one) for one in _records(record))
    return _element("CfgAuditEntry", "", values, records)


def _records(record: ChangeRecord) -> Iterator[dict[str, Any]]:
    """Yield what was changed; of an object that came or went its whole document."""
    sides = sides_of(record)
    if record.kind != "changed" or not sides.known:
        former, value = (_text(side) if side else "" for side in (sides.former, sides.document))
        yield {"action": record.kind, "former_value": former, "value": value}
    for one in differences_of(record, permissions=True):
        if record.kind == "changed" or one.path in (PERMISSIONS, SECRET):
            yield {
                "action": "changed",
                "property": one.path,
                "former_value": _text(one.former),
                "value": _text(one.value),
            }


def _text(value: Any) -> str:
    shown = masked(value)
    if shown is None or isinstance(shown, str):
        return shown or ""
    return msgspec.json.encode(shown).decode()


def _element(name: str, indent: str, values: dict[str, Any], inner: str = "") -> str:
    children = "".join(
        f"{indent}  <{key}{attributes([('value', value)])}/>\n"
        for key, value in values.items()
        if value not in ("", None)
    )
    return f"{indent}<{name}>\n{children}{inner}{indent}</{name}>\n"
