"""Options as text that people edit, and back without loss.

    [log]
    verbose = standard
    segment = 10240
    extension = "2020"
    password = secret "plain text"
    key = (secret)

A bare integer is an integer. A text is quoted as in JSON when it looks like an integer, is empty,
begins with a quote, or has line breaks or outer spaces; names of sections and options likewise.
There are no comments: `#name` is an option of that name. A secret is given once; later it is shown
as `(secret)`, and who leaves that as it is keeps the value. Knows no forms.
"""

from __future__ import annotations

import json
import re
from typing import Any

from confwire.objects import Options
from confwire.opaque import GIVEN, SHOWN, is_opaque

_INTEGER = re.compile(r"0|-?[1-9][0-9]*")
_LARGEST = 2**63 - 1
_DECODER = json.JSONDecoder()
_SECRET = re.compile(r'secret\s*(?=")')
_KEPT = {GIVEN: None}
"""Stands for a secret that is to stay as it is, until it is known which."""


class OptionTextError(ValueError):
    """The text cannot be read; the message names the line."""


def serialize(options: Options) -> str:
    """Return the text of options, sections and options in order of their names."""
    return "\n\n".join(_section(name, options[name]) for name in sorted(options))


def _section(name: str, options: dict[str, str | int]) -> str:
    lines = [f"[{_name(name, '[]')}]"]
    lines += [f"{_name(option, '[=')} = {_value(options[option])}" for option in sorted(options)]
    return "\n".join(lines)


def _name(name: str, special: str) -> str:
    if _is_plain(name) and not any(char in name for char in special):
        return name
    return _quoted(name)


def _value(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    if is_opaque(value):
        return SHOWN
    is_special = _INTEGER.fullmatch(value) or value == SHOWN or _SECRET.match(value)
    return value if _is_plain(value) and not is_special else _quoted(value)


def _is_plain(text: str) -> bool:
    return bool(text) and text == text.strip() and text[0] != '"' and text.isprintable()


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in quoted)


def _escaped(char: str) -> str:
    return "\\u007f" if char == "\x7f" else json.dumps(char)[1:-1]


def parse(text: str, before: Options | None = None) -> Options:
    """Read options.

    Args:
        before: the options that were shown, for the secrets that stay.

    Raises:
        OptionTextError: naming the line, and how to mend it.
    """
    options: Options = {}
    section: dict[str, Any] | None = None
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        try:
            section = _read(line.strip(), options, section)
        except OptionTextError as error:
            raise OptionTextError(f"line {number}: {error}") from None
    for name, part in options.items():
        _keep_secrets(name, part, (before or {}).get(name, {}))
    return options


def _keep_secrets(section: str, options: dict[str, Any], before: dict[str, str | int]) -> None:
    for name, value in options.items():
        if value == _KEPT:
            if not is_opaque(before.get(name)):
                raise OptionTextError(
                    f"option {section}/{name} was no secret: to make it one write"
                    f' {name} = secret "text"'
                )
            options[name] = before[name]


def _read(line: str, options: Options, section: dict[str, Any] | None) -> dict[str, Any] | None:
    """Read one line into the options; return the section that the next line belongs to."""
    if not line:
        return section
    if line.startswith("["):
        return _open_section(line, options)
    name, value = _read_option(line)
    if section is None:
        raise OptionTextError(f"option {name} stands in no section: put [section] above it")
    if name in section:
        raise OptionTextError(f"option {name} is there twice: remove one")
    section[name] = value
    return section


def _open_section(line: str, options: Options) -> dict[str, str | int]:
    if not line.endswith("]"):
        raise OptionTextError("a section ends with ]")
    name = line[1:-1].strip()
    if name.startswith('"'):
        name, rest = _unquoted(name)
        if rest:
            raise OptionTextError("only ] comes after the quoted name of a section")
    if not name:
        raise OptionTextError("a section needs a name between [ and ]")
    if name in options:
        raise OptionTextError(f"section [{name}] is there twice: put its options together")
    options[name] = {}
    return options[name]


def _read_option(line: str) -> tuple[str, Any]:
    if line.startswith('"'):
        name, rest = _unquoted(line)
        equals, value = rest[:1], rest[1:]
    else:
        name, equals, value = line.partition("=")
    name = name if line.startswith('"') else name.strip()
    if equals != "=":
        raise OptionTextError("write `option = value`, or [section]")
    if not name:
        raise OptionTextError("an option needs a name before =")
    return name, _read_value(name, value.strip())


def _read_value(name: str, text: str) -> Any:
    if text == SHOWN:
        return dict(_KEPT)
    if (found := _SECRET.match(text)) is not None:
        return {GIVEN: _read_value(name, text[found.end() :])}
    if text.startswith('"'):
        value, rest = _unquoted(text)
        if rest:
            raise OptionTextError(f"option {name}: nothing may follow the closing quote")
        return value
    if not _INTEGER.fullmatch(text):
        return text
    # Longer ones are not even converted: that would take time in square of their length.
    if len(text) > 20 or not -_LARGEST - 1 <= int(text) <= _LARGEST:
        raise OptionTextError(f'option {name}: the number is too large; as a text it is "{text}"')
    return int(text)


def _unquoted(text: str) -> tuple[str, str]:
    """Return the text of a leading JSON string, and what follows it."""
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError as error:
        raise OptionTextError(
            f"the quoted text is not right ({error.msg.lower()}):"
            r" write \" for a quote, \\ for a backslash and \n for a line break"
        ) from None
    assert isinstance(value, str), value
    return value, text[end:].strip()
