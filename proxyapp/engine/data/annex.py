"""The options in documents, by section: what an object is found by beside its fields.

Knows documents as bytes and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Struct

Option = tuple[str, str, str]
"""(field of the document, section, name), the last two folded."""

_Sections = dict[str, dict[str, str | int]]


class _Annex(Struct, gc=False):
    userProperties: _Sections = {}
    options: _Sections = {}


_decode = msgspec.json.Decoder(_Annex).decode


def options_in(body: bytes) -> list[Option]:
    """Return the options in a document."""
    annex = _decode(body)
    return [
        (field, section.casefold(), name.casefold())
        for field, sections in (
            ("userProperties", annex.userProperties),
            ("options", annex.options),
        )
        for section, options in sections.items()
        for name in options
    ]


def has_option(body: bytes, option: Option) -> bool:
    """Whether an option is in a document; names may differ in case."""
    field, section, name = option
    sections: _Sections = getattr(_decode(body), field)
    if name in sections.get(section, ()):
        return True
    return any(True for _ in values_in(body, option))


def values_in(body: bytes, option: Option) -> Iterator[str]:
    """Yield the values of an option in a document; names may differ in case."""
    field, section, name = option
    sections: _Sections = getattr(_decode(body), field)
    for known_section, options in sections.items():
        if known_section == section or known_section.casefold() == section:
            for known, value in options.items():
                if known == name or known.casefold() == name:
                    yield str(value)
