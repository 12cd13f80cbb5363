"""Tables and code in Markdown, as all written pages have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, and an empty one."""
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def code(text: object) -> str:
    """Return a text as code."""
    return f"`{text}`"


def codes(names: Iterable[object]) -> str:
    """Return a list of texts as code."""
    return ", ".join(map(code, names))
