"""Rows of the history as CSV, JSON or XML, piece by piece: only one page of them is in memory.

An export ends at a limit of bytes and then says where to go on, since a server cannot make a
browser take them, and what it does not take is kept in memory. Pure; knows no tables.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol
from xml.sax.saxutils import quoteattr

import msgspec

MOST_BYTES = 64 * 1024 * 1024

CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "xml": "application/xml; charset=utf-8",
}

Row = Mapping[str, Any]
Pages = Iterable[tuple[Sequence[Row], str]]
"""Rows, and the mark after which to go on when the export ends behind them; "" at the last."""

_FORMULA = re.compile(r"[=+\-@\t\r\n]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Form(Protocol):
    def head(self) -> str: ...

    def rows(self, rows: Sequence[Row]) -> str: ...

    def foot(self, more: str) -> str: ...


def export(
    form: str, columns: Sequence[str], pages: Pages, most: int = MOST_BYTES
) -> Iterator[bytes]:
    """Yield the pieces of an export.

    Args:
        form: "csv", "json" or "xml".
        columns: what rows have, in the order of the columns.
    """
    written = _FORMS[form](columns)
    size, more = 0, ""
    piece = written.head().encode()
    for rows, following in pages:
        piece += written.rows(rows).encode(errors="replace")
        size += len(piece)
        more = following
        yield piece
        piece = b""
        if size >= most:
            break
    yield piece + written.foot(more).encode()


class _Csv:
    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def head(self) -> str:
        return self._lines([self._columns])

    def rows(self, rows: Sequence[Row]) -> str:
        return self._lines([_cell(row.get(name)) for name in self._columns] for row in rows)

    def foot(self, more: str) -> str:
        return self._lines([["more", more]]) if more else ""

    @staticmethod
    def _lines(rows: Iterable[Sequence[str]]) -> str:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        return text.getvalue()


def _cell(value: Any) -> str:
    """Return a value as spreadsheets show it; never one that they would calculate."""
    text = _text(value)
    is_text = isinstance(value, str | list | Mapping)
    return f"'{text}" if is_text and _FORMULA.match(text) else text


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case str():
            return value
        case bool() | Mapping() | list():
            return msgspec.json.encode(value).decode()
    return str(value)


class _Json:
    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._any = False

    def head(self) -> str:
        return '{"rows":['

    def rows(self, rows: Sequence[Row]) -> str:
        bodies = [
            msgspec.json.encode({name: row[name] for name in self._columns if name in row}).decode()
            for row in rows
        ]
        comma = ",\n" if self._any and bodies else "\n"
        self._any |= bool(bodies)
        return comma + ",\n".join(bodies) if bodies else ""

    def foot(self, more: str) -> str:
        return f'\n],"more":{msgspec.json.encode(more).decode()}}}\n'


class _Xml:
    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns

    def head(self) -> str:
        return '<?xml version="1.0" encoding="utf-8"?>\n<HistoryLog>\n'

    def rows(self, rows: Sequence[Row]) -> str:
        return "".join(
            f"<Row{attributes((name, row.get(name)) for name in self._columns)}/>\n" for row in rows
        )

    def foot(self, more: str) -> str:
        rest = f"<More{attributes([('after', more)])}/>\n" if more else ""
        return f"{rest}</HistoryLog>\n"


def attributes(values: Iterable[tuple[str, Any]]) -> str:
    """Return XML attributes; those without a value are left out, what XML has not is replaced."""
    given = ((name, _text(value)) for name, value in values if value not in (None, ""))
    return "".join(
        f" {name}={quoteattr(_NOT_XML.sub(_REPLACEMENT, text), _BREAKS)}" for name, text in given
    )


_BREAKS = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
_FORMS: dict[str, Callable[[Sequence[str]], _Form]] = {"csv": _Csv, "json": _Json, "xml": _Xml}
