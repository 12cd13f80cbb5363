"""What options, annexes and texts of the configuration may hold."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.core.exceptions import ValidationError

from confwire.opaque import GIVEN, is_given

LONGEST_NAME = 255
_REFUSED = {"Cc", "Cs"}  # control characters, NUL among them, and lone surrogates


def validate_text(value: str) -> None:
    """Refuse what no name may hold.

    Raises:
        ValidationError: control characters or lone surrogates.
    """
    if not value.isprintable() and any(unicodedata.category(char) in _REFUSED for char in value):
        raise ValidationError("control characters cannot be in a name: leave them out")


def is_storable(text: str) -> bool:
    """Whether a text can be kept and sent: no NUL, no lone surrogates."""
    return text.isprintable() or not any(
        char == "\0" or unicodedata.category(char) == "Cs" for char in text
    )


def validate_options(value: Any) -> None:
    """Refuse what is not section -> option -> string, integer or a secret that is given.

    Raises:
        ValidationError: naming the section or option.
    """
    if not isinstance(value, dict):
        raise ValidationError('options have the form {"section": {"option": "value"}}')
    for section, options in value.items():
        _validate_name(section, "a section")
        if not isinstance(options, dict):
            raise ValidationError(f"section {section} needs options: {{option: value}}")
        for name, option in options.items():
            _validate_name(name, f"an option of section {section}")
            if is_given(option):
                option = option[GIVEN]
            if isinstance(option, bool) or not isinstance(option, str | int):
                raise ValidationError(f"option {section}/{name} is neither a text nor an integer")
            if isinstance(option, str) and not is_storable(option):
                raise ValidationError(f"option {section}/{name} holds a character that is none")


def _validate_name(name: str, what: str) -> None:
    if not name or len(name) > LONGEST_NAME:
        raise ValidationError(f"{what} needs a name of at most {LONGEST_NAME} characters")
    validate_text(name)


def validate_mapping(value: Any) -> None:
    """Refuse what is not a mapping from text to text.

    Raises:
        ValidationError: naming the entry.
    """
    if not isinstance(value, dict):
        raise ValidationError('the form is {"name": "value"}')
    for name, text in value.items():
        if not isinstance(text, str) or not is_storable(text):
            raise ValidationError(f"{name} is not a text")
