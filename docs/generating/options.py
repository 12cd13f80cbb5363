"""The page of options: of servers, of TLS, of libraries that check logins, of accounts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from generating.tables import code, codes, table
from proxyapp.engine.options import OPTIONS, WITHOUT_EFFECT, Option
from proxyapp.engine.transport import PARAMETERS
from proxyapp.engine.trust.accountrules import RULES
from proxyapp.engine.trust.ways import LIBRARY_OPTIONS

HEAD = """\
# Options of a server

What a master or a proxy reads from the `options` of its own Application object. Where two sections
are named, the first one that has the option with a valid value counts. A value that is not valid is
named in the log and in the status; where none is valid, the default is used.
"""


TLS_HEAD = """\
In section `[security]` of the server's options or annex, and of the annex of its host. The
transport parameters of a port or a Connection may give each of them too, and come first:
[Use TLS](../howto/tls.md#the-parameters). Files are those of the server's own host.
"""
LIBRARIES_HEAD = """\
Sections of the server's options, or of a tenant's annex, which then counts for its persons; how
they work together is told in [External authentication](../howto/external-authentication.md).
`gauth_ldap_1`, `gauth_ldap_2` and so on name further directories. Options that name files, and
`chase-referrals`, count in the server's options only.
"""
RULES_HEAD = """\
In the annex (`userProperties`) of a tenant; tenants below inherit each rule that they do not give
themselves. In the annex of a person, `override-` before its name makes a rule count for that person
alone. What they do is told in [Accounts](../topics/accounts.md).
"""


def page() -> Iterator[str]:
    """Yield the lines of options.md."""
    yield from HEAD.splitlines()
    yield ""
    heads = ("section", "option", "values", "default", "takes effect", "meaning")
    yield from table(heads, map(_option_row, OPTIONS))
    yield from ("", "## TLS", "", *TLS_HEAD.splitlines(), "")
    tls = ((code(one.name), one.values, one.default, one.meaning) for one in PARAMETERS)
    yield from table(("option", "values", "default", "meaning"), tls)
    yield from ("", "## Libraries that check logins", "", *LIBRARIES_HEAD.splitlines(), "")
    yield from table(heads, map(_option_row, LIBRARY_OPTIONS))
    yield from ("", "## Rules of accounts", "", *RULES_HEAD.splitlines(), "")
    yield from table(heads, map(_option_row, RULES))
    yield from ("", "## Accepted without effect", "")
    without = (_without_effect(*item) for item in WITHOUT_EFFECT.items())
    yield from table(("section", "option", "why"), without)


def _option_row(option: Option) -> Sequence[str]:
    sections = " or ".join(map(code, option.sections))
    default = code(option.default) if option.default != "" else "empty"
    return sections, code(option.name), _values_of(option), default, option.effect, option.meaning


def _without_effect(option: tuple[str, str], why: str) -> Sequence[str]:
    section, name = option
    return code(section), code(name), why


def _values_of(option: Option) -> str:
    if option.choices:
        return codes(option.choices)
    if isinstance(option.default, str):
        return "any text"
    return f"{option.least} to {option.most}"
