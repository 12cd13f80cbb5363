"""The rules of accounts: when one is locked or expires, and what a password must be.

They stand in the annexes of tenants and are inherited downwards; the annex of a person may
override each. Knows documents and passwords, and neither keeps nor compares any.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from proxyapp.engine.options import Option
from proxyapp.engine.settings import parse

Sections = Mapping[str, Mapping[str, str | int]]

SECTION = "security-authentication-rules"
OVERRIDE = "override-"
"""Before the name of a rule in the annex of a person."""
_RULES = (SECTION,)
_BOOLEAN = ("true", "false")
DAY = 86_400.0
FOR_GOOD = 1e12
"""The end of a lock that only an administrator lifts."""


def _flag(name: str, meaning: str) -> Option:
    return Option(_RULES, name, "false", "immediately", meaning, choices=_BOOLEAN)


def _count(name: str, default: int, most: int, meaning: str) -> Option:
    return Option(_RULES, name, default, "immediately", meaning, most=most)


RULES: tuple[Option, ...] = (
    _count(
        "account-lockout-threshold", 0, 100,
        "Failed logins after which an account is locked. 0 never locks.",
    ),
    _count(
        "account-lockout-attempts-period", 0, 20,
        "Minutes within which they must fall. 0: since the last login that succeeded.",
    ),
    _count(
        "account-lockout-duration", 30, 1440,
        "Minutes for which a locked account stays so.",
    ),
    _count(
        "account-lockout-mode", 0, 1,
        "1: a lock has no end; an administrator lifts it.",
    ),
    _flag("account-lockout", "Of a person, as `override-account-lockout`: never lock it."),
    _count(
        "account-expiration", 0, 365,
        "Days without a login after which an account cannot log in any more. 0 is no limit. Needs"
        " `last-login` and `last-login-synchronization`; not for Environment\\default, nor for"
        " those whom others check.",
    ),
    _count(
        "max-account-sessions", 0, 128,
        "Sessions that an account may have at one server at a time. 0 is no limit.",
    ),
    _flag(
        "force-password-reset",
        "Whether a password that somebody else has set must be changed at the next login.",
    ),
    _count(
        "password-expiration", 0, 365,
        "Days after which a password must be changed at the next login. 0 is no limit.",
    ),
    _count(
        "password-expiration-notify", 0, 365,
        "Days before that from which on `opened` tells it.",
    ),
    _count("password-min-length", 0, 64, "Characters that a password has at least."),
    _count(
        "password-no-repeats", 0, 30,
        "Former passwords, the present one included, that cannot be chosen again.",
    ),
    _flag("password-req-alpha", "Whether a password must have a letter, of any script."),
    _flag(
        "password-req-mixed-case", "Whether a password must have an upper and a lower case letter."
    ),
    _flag("password-req-numbers", "Whether a password must have a digit."),
    _flag("password-req-punctuation", "Whether a password must have a punctuation mark or symbol."),
    Option(
        _RULES,
        "tenant-override-section",
        "",
        "immediately",
        "Of a tenant: another section of its annex that is read in place of this one.",
    ),
)  # fmt: skip
_KNOWN = {option.name: option for option in RULES}


class Rules:
    """The rules that count for one account."""

    def __init__(self, values: Mapping[str, int | str]) -> None:
        self._values = values

    def number(self, name: str) -> int:
        return int(self._values[name])

    def flag(self, name: str) -> bool:
        return self._values[name] == "true"


def rules_for(person: Mapping[str, Any] | None, tenants: Sequence[Sections]) -> Rules:
    """Return the rules for a person.

    Args:
        person: its document; None: nobody that is known.
        tenants: annexes of its tenant and of those above it, the nearest first.
    """
    levels = [_section_of(annex) for annex in tenants]
    if person is not None:
        own = person.get("userProperties", {}).get(SECTION, {})
        levels.insert(0, {name.removeprefix(OVERRIDE): value for name, value in own.items()
                          if name.startswith(OVERRIDE)})  # fmt: skip
    return Rules({name: _value(option, levels) for name, option in _KNOWN.items()})


def _section_of(annex: Sections) -> Mapping[str, str | int]:
    section = annex.get(SECTION, {})
    return annex.get(str(section.get("tenant-override-section", "")), section)


def _value(option: Option, levels: Sequence[Mapping[str, str | int]]) -> int | str:
    for level in levels:
        if option.name in level and (value := parse(option, level[option.name])) is not None:
            return value
    return option.default


def faults_of(rules: Rules, password: str) -> list[str]:
    """Return what a password lacks, as requirements to be told; empty: it may be chosen."""
    kinds = {unicodedata.category(char) for char in password}
    least = rules.number("password-min-length")
    wanted = (
        (f"at least {least} characters", least, len(password) >= least),
        ("a letter", rules.flag("password-req-alpha"), any(k[0] == "L" for k in kinds)),
        (
            "an upper and a lower case letter",
            rules.flag("password-req-mixed-case"),
            {"Lu", "Ll"} <= kinds,
        ),
        ("a digit", rules.flag("password-req-numbers"), "Nd" in kinds),
        (
            "a punctuation mark or symbol",
            rules.flag("password-req-punctuation"),
            any(kind[0] in "PS" for kind in kinds),
        ),
    )
    return [text for text, asked, met in wanted if asked and not met]


def must_change(rules: Rules, person: Mapping[str, Any], now: float) -> bool:
    """Whether a person must change its password before anything else."""
    if person.get("changePasswordOnNextLogin"):
        return True
    due = password_due(rules, person)
    return due is not None and due <= now


def password_due(rules: Rules, person: Mapping[str, Any]) -> float | None:
    """Return when the password expires, in seconds since 1970; None: never."""
    days, set_at = rules.number("password-expiration"), person.get("passwordUpdatingDate", 0)
    if not days or not set_at or person.get("DBID") == 100:
        return None
    return float(set_at + days * DAY)
