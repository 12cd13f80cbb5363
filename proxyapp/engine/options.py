"""Every option that a server reads from its Application object, once.

The table gives section, name, type, default, when it takes effect and the meaning; parsing and
the reference page come from it. Knows no object model and no runtime.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Effect = Literal["immediately", "after restart"]


@dataclass(frozen=True, slots=True)
class Option:
    """One option."""

    sections: tuple[str, ...]
    name: str
    default: int | str
    effect: Effect
    meaning: str
    least: int = 0
    most: int = 2**31
    choices: tuple[str, ...] = ()


_SERVER = ("csproxy", "confserv")
VERBOSITY = ("all", "debug", "trace", "interaction", "standard", "none")

OPTIONS: tuple[Option, ...] = (
    Option(
        _SERVER,
        "packet-size",
        1_024_000,
        "immediately",
        "Bytes at which a message with notifications is cut into packets.",
        least=1,
    ),
    Option(
        _SERVER,
        "max-client-output-queue-size",
        1024,
        "immediately",
        "KB of unsent output of one client above which its requests and notifications wait.",
        least=1,
    ),
    Option(
        _SERVER,
        "client-response-timeout",
        600,
        "immediately",
        "Seconds after which a client that does not read its output is disconnected.",
        least=1,
    ),
    Option(
        _SERVER,
        "client-connect-timeout",
        10,
        "immediately",
        "Seconds within which a connected client must have logged in.",
        least=1,
        most=65_536,
    ),
    Option(
        ("log",),
        "verbose",
        "standard",
        "immediately",
        "The least important records that are written.",
        choices=VERBOSITY,
    ),
)


class Settings:
    """The values of all options, read from the options of an Application object."""

    def __init__(self, given: Mapping[str, Mapping[str, str | int]]) -> None:
        self.complaints: list[str] = []
        """What was given and is not valid; the default is used instead."""
        self._values = {option.name: self._read(option, given) for option in OPTIONS}

    def __getitem__(self, name: str) -> int | str:
        return self._values[name]

    def number(self, name: str) -> int:
        value = self._values[name]
        assert isinstance(value, int), name
        return value

    def text(self, name: str) -> str:
        return str(self._values[name])

    def _read(self, option: Option, given: Mapping[str, Mapping[str, str | int]]) -> int | str:
        for section, value in _given(option, given):
            parsed = _parse(option, value)
            if parsed is not None:
                return parsed
            self.complaints.append(
                f"option [{section}] {option.name} has the value '{value}', which is not valid:"
                f" {option.default} is used"
            )
        return option.default


def _given(
    option: Option, given: Mapping[str, Mapping[str, str | int]]
) -> Iterator[tuple[str, str | int]]:
    for section in option.sections:
        if option.name in given.get(section, {}):
            yield section, given[section][option.name]


def _parse(option: Option, value: str | int) -> int | str | None:
    if isinstance(option.default, str):
        text = str(value).strip().lower()
        return text if text in option.choices else None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if option.least <= number <= option.most else None
