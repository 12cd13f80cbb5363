"""Secret option values: how they are given, and the opaque text that stands for them everywhere.

    {"secret": "plain text"}                       given once, in a write
    secret:1:<key id>:<sealed value in base64>     kept, published and shown

Knows no keys: who has them can open the text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PREFIX = "secret:1:"
"""What an opaque text begins with; no other value of an option may."""
GIVEN = "secret"
"""The one name in the value by which a plain text is given."""
SHOWN = "(secret)"
"""What people see instead of an opaque text."""
FIELDS = ("options", "userProperties", "flexibleProperties")
"""The fields of documents that hold options."""


def is_opaque(value: object) -> bool:
    """Whether a value of an option is an opaque text."""
    return isinstance(value, str) and value.startswith(PREFIX)


def is_given(value: object) -> bool:
    """Whether a value of an option is a plain text that is to be kept as a secret."""
    return isinstance(value, dict) and value.keys() == {GIVEN} and isinstance(value[GIVEN], str)


def values_of(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Any]]:
    """Yield field, section, name and value of all options in a document or a delta."""
    for field in FIELDS:
        for section, options in _items(document.get(field)):
            for name, value in _items(options):
                yield field, section, name, value


def gives_secrets(document: Mapping[str, Any]) -> bool:
    """Whether a document or a delta holds a plain text that is to be kept as a secret."""
    return any(isinstance(value, dict) for *_, value in values_of(document))


def _items(value: object) -> Any:
    return value.items() if isinstance(value, Mapping) else ()
