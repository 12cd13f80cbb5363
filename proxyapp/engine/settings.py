"""The values of a server's options, as they are given and where they are valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from proxyapp.engine.options import OPTIONS, WITHOUT_EFFECT, Option

_GREATER = (("audit-expiration", "expiration"), ("audit-max-records", "max-records"))
"""Options of one section whose values must be greater than that of another one."""


class Settings:
    """The values of all options, read from the options of an Application object."""

    def __init__(self, given: Mapping[str, Mapping[str, str | int]]) -> None:
        self.complaints: list[str] = []
        """What was given and is not valid, and what is used instead."""
        self._values = {option.name: self._read(option, given) for option in OPTIONS}
        for name, lesser in _GREATER:
            self._raise_above(name, self.number(lesser), lesser)
        self.notices = [
            f"option [{section}] {name} has no effect: {why}"
            for (section, name), why in WITHOUT_EFFECT.items()
            if name in given.get(section, {})
        ]

    def __getitem__(self, name: str) -> int | str:
        return self._values[name]

    def number(self, name: str) -> int:
        value = self._values[name]
        assert isinstance(value, int), name
        return value

    def text(self, name: str) -> str:
        return str(self._values[name])

    def flag(self, name: str) -> bool:
        return self._values[name] == "true"

    def _raise_above(self, name: str, bound: int, lesser: str) -> None:
        value = self.number(name)
        if value <= bound:
            # Not the default: who wants little kept gets the least that is valid.
            self._values[name] = bound + 1
            self.complaints.append(
                f"option [history-log] {name} has the value '{value}', which is not greater than"
                f" {lesser}, {bound}: {bound + 1} is used"
            )

    def _read(self, option: Option, given: Mapping[str, Mapping[str, str | int]]) -> int | str:
        for section, value in _given(option, given):
            parsed = parse(option, value)
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


def parse(option: Option, value: str | int) -> int | str | None:
    """Return the value of an option as given, None where it is not valid."""
    if isinstance(option.default, str):
        text = str(value).strip()
        if not option.choices:
            return text
        return text.lower() if text.lower() in option.choices else None
    try:
        number = int(value)
    except ValueError:
        return None
    return number if option.least <= number <= option.most else None
