"""What people read: tables, lines about changes, values. Pure, for any script of the world."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from confwire.client import Notification, ObjectChange, Packet, Place, State, Status
from confwire.client.past import PastChange
from confwire.messages import HistoryEntry
from confwire.objects import BY_NAME
from confwire.opaque import SHOWN, is_opaque

OPTION_FIELDS = {"options": "", "userProperties": "annex ", "flexibleProperties": "flexible "}
"""Fields that hold section -> option -> value, and how their options are introduced."""

NOTHING = "-"
"""Stands for a value that is not there."""

_REORDERING = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


def width(text: str) -> int:
    """Return the columns that a text takes on a terminal."""
    return sum(map(_char_width, text))


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0  # drawn onto the character before, or not at all
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def shown(text: str) -> str:
    """Return a text that cannot break a line or command a terminal."""
    return "".join(char if _is_harmless(char) else ascii(char)[1:-1] for char in text)


def _is_harmless(char: str) -> bool:
    if unicodedata.bidirectional(char) in _REORDERING:
        return False  # would let what stands after it on the line read otherwise
    return char.isprintable() or unicodedata.category(char) == "Cf"


def value_text(value: Any) -> str:
    """Return a value of a document for a table or a line."""
    if value is None:
        return NOTHING
    value = _masked(value)
    if isinstance(value, str):
        return shown(value) if value else '""'
    if isinstance(value, Mapping) and value.keys() == {"objectType", "DBID"}:
        return shown(f"{value['objectType']} {value['DBID']}")
    return shown(json.dumps(value, ensure_ascii=False))


def _masked(value: Any) -> Any:
    """Return a value with a word instead of each secret, whose opaque text tells people nothing."""
    if isinstance(value, Mapping):
        return {name: _masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_masked(part) for part in value]
    return SHOWN if is_opaque(value) else value


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table with aligned columns; the last one is not padded."""
    lines = [list(titles), *map(list, rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        cells = [cell + " " * (size - width(cell)) for cell, size in zip(line, widths, strict=True)]
        yield "  ".join(cells).rstrip()


def default_fields(object_type: str) -> list[str]:
    """Return the fields that a table of this type shows: number, what names it, state, folder."""
    info = BY_NAME.get(object_type)
    names = info.natural_key if info is not None else ("name",)
    extra = ["userName", "firstName", "lastName"] if object_type == "person" else []
    wanted = ["DBID", *(name for name in names if name != "folderDBID"), *extra]
    return [*wanted, "state", "folderDBID"]


def field_of(document: Mapping[str, Any], path: str) -> Any:
    """Return what is at a dotted path in a document, None if nothing is."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def name_of(document: Mapping[str, Any] | None) -> str:
    """Return the name of an object for people, empty where the document has none."""
    for name in ("name", "userName", "number", "loginCode", "portNumber"):
        if document and document.get(name):
            return str(document[name])
    return ""


def change_line(notification: Notification, change: ObjectChange, name: str, now: datetime) -> str:
    """Return the line about one change of a notification."""
    named = f" [{shown(name)}]" if name else ""
    line = (
        f"{now:%H:%M:%S}  {notification.revision}  {change.kind:<7}  "
        f"{change.object_type} {change.dbid}{named}"
    )
    details = "; ".join(differences(change.delta or {}, change.former or {}))
    return f"{line}  {details}" if details else line


def connection_text(last: Status | None, status: Status) -> str:
    """Return what people are told of a new status, empty where there is nothing to tell."""
    where = f"{status.address[0]}:{status.address[1]}"
    if status.site == "backup":
        where += " (backup site)"
    if status.state is State.LOST:
        return f"connection lost, trying again: {status.reason}"
    if status.state is State.CONNECTING:
        if not status.attempts or (last is not None and last.state is State.OPEN):
            return status.reason  # it left by itself: nothing was lost or tried yet
        return f"not connected: {status.reason}; next is {where}"
    if status.state is State.OPEN and last is not None:
        if last.state is not State.OPEN:
            name = status.server.application if status.server is not None else ""
            return f"connected again: {name} at {where}"
        return status.reason if status.place in (Place.BACKUP, Place.CONFIRMING) else ""
    return ""


def freshness_text(packet: Packet) -> str:
    """Return what people are told of how new the data of a read is."""
    behind = "; newer data was seen" if packet.behind else ""
    return (
        f"as of {packet.epoch}:{packet.revision}, known to be current {packet.age or 0.0:.1f} s"
        f" ago ({packet.source}){behind}"
    )


def past_line(past: PastChange, name: str) -> str:
    """Return the line about one change of the past, in local time."""
    change = past.change
    named = f" [{shown(name)}]" if name else ""
    line = (
        f"{past.at.astimezone():%Y-%m-%d %H:%M:%S}  {past.revision}  {shown(past.by) or NOTHING}  "
        f"{change.kind:<7}  {change.object_type} {change.dbid}{named}"
    )
    details = "; ".join(differences(change.delta or {}, change.former or {}))
    return f"{line}  {details}" if details else line


def entry_line(entry: HistoryEntry) -> str:
    """Return the line about one moment of a session, in local time."""
    time = datetime.fromtimestamp(entry.at).astimezone()
    who = " ".join(shown(part) for part in (entry.application, entry.user) if part)
    where = f"{shown(entry.server)} {shown(entry.port)}, from {shown(entry.peer)}"
    why = f": {shown(entry.reason)}" if entry.reason else ""
    return f"{time:%Y-%m-%d %H:%M:%S}  {entry.revision}  {entry.kind}  {who} at {where}{why}"


def differences(delta: Mapping[str, Any], former: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a delta changed, each as "name: old -> new"."""
    for name, value in delta.items():
        before = former.get(name)
        if name in OPTION_FIELDS:
            yield from _option_differences(OPTION_FIELDS[name], value, before)
        else:
            yield from _field_differences(name, value, before)


def _option_differences(lead: str, sections: Any, former: Any) -> Iterator[str]:
    known = _mapping(former)
    for section, options in (sections or dict.fromkeys(known)).items():
        old = _mapping(known.get(section))
        for option, value in (options or dict.fromkeys(old)).items():
            place = shown(f"{lead}{section}/{option}")
            yield f"{place}: {value_text(old.get(option))} -> {value_text(value)}"


def _field_differences(name: str, value: Any, before: Any) -> Iterator[str]:
    if isinstance(value, dict) and value and value.keys() <= {"add", "remove", "put"}:
        for verb, members in value.items():
            yield f"{name}: {verb} {', '.join(map(value_text, members))}"
    elif isinstance(value, dict) and "objectType" not in value:
        for inner, part in value.items():
            yield from _field_differences(f"{name}.{inner}", part, _mapping(before).get(inner))
    else:
        yield f"{name}: {value_text(before)} -> {value_text(value)}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
