"""By which ways an account is checked: which libraries, in which order, with which settings.

Resolved from the options of the server, the annexes of the tenants and the annex of the person;
the more specific wins. Knows documents, and neither passwords nor how anything is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from proxyapp.engine.options import Option
from proxyapp.engine.settings import parse

Sections = Mapping[str, Mapping[str, str | int]]

SECTION = "authentication"
LDAP, RADIUS, KERBEROS, INTERNAL = "gauth_ldap", "gauth_radius", "gauth_kerberos", "internal"
LIBRARIES = (LDAP, RADIUS, KERBEROS, INTERNAL)
DEFAULT_PERSON = 100
"""Environment\\default is checked internally always: no directory may lock out everybody."""
_NUMBERED = re.compile(r"_[1-9][0-9]?")
_BOOLEAN = ("true", "false")
_LDAP, _RADIUS, _KERBEROS = (LDAP,), (RADIUS,), (KERBEROS,)

LIBRARY_OPTIONS: tuple[Option, ...] = (
    Option(
        _LDAP,
        "ldap-url",
        "",
        "immediately",
        "The directory and the search for a person: `ldap(s)://host:port/base?attribute?scope?"
        "(filter)`. `X` as a value in the filter stands for the external ID, or the user name of"
        " a person without one.",
    ),
    Option(
        _LDAP,
        "app-user",
        "",
        "immediately",
        "Distinguished name that searches; empty: anonymous.",
    ),
    Option(_LDAP, "password", "", "immediately", "Password of `app-user`."),
    Option(
        _LDAP,
        "password-file",
        "",
        "immediately",
        "File of mode 600 on the server's host with that password. In the server's options only.",
    ),
    Option(
        _LDAP,
        "start-tls",
        "false",
        "immediately",
        "Whether an `ldap` connection is secured by StartTLS before anything is asked.",
        choices=_BOOLEAN,
    ),
    Option(
        _LDAP,
        "allow-clear-text",
        "false",
        "immediately",
        "Whether passwords may go to this directory without TLS over another host's network.",
        choices=_BOOLEAN,
    ),
    Option(
        _LDAP,
        "cacert-path",
        "",
        "immediately",
        "File with the certificates of the authorities that the directory is checked against;"
        " empty: those of the host. In the server's options only, as the next two.",
    ),
    Option(_LDAP, "cert-path", "", "immediately", "File with this server's own certificate."),
    Option(_LDAP, "key-path", "", "immediately", "File with the key of that certificate."),
    Option(
        _LDAP,
        "chase-referrals",
        0,
        "immediately",
        "1: follow the directory's referrals to other directories.",
        most=1,
    ),
    Option(
        _LDAP,
        "connect-timeout",
        10,
        "immediately",
        "Seconds that connecting, and each answer of the directory, may take.",
        least=1,
        most=60,
    ),
    Option(
        _LDAP,
        "retry-attempts",
        3,
        "immediately",
        "Rounds over the list of directories within one login, while its time lasts.",
        least=1,
        most=10,
    ),
    Option(
        _LDAP,
        "retry-interval",
        10,
        "immediately",
        "Seconds for which a directory that did not answer is left alone.",
        most=3600,
    ),
    Option(
        _RADIUS,
        "servers",
        "",
        "immediately",
        "The RADIUS servers in order, `host` or `host:port`, with commas between them.",
    ),
    Option(_RADIUS, "secret", "", "immediately", "The secret that is shared with the servers."),
    Option(
        _RADIUS,
        "secret-file",
        "",
        "immediately",
        "File of mode 600 on the server's host with that secret. In the server's options only.",
    ),
    Option(
        _RADIUS,
        "timeout",
        3,
        "immediately",
        "Seconds to wait for an answer before a request is repeated.",
        least=1,
        most=60,
    ),
    Option(
        _RADIUS,
        "retries",
        1,
        "immediately",
        "Times that a request is repeated before the next server is asked.",
        most=10,
    ),
    Option(
        _RADIUS,
        "retry-interval",
        10,
        "immediately",
        "Seconds for which a server that did not answer is left alone.",
        most=3600,
    ),
    Option(
        _RADIUS,
        "message-authenticator",
        "true",
        "immediately",
        "Whether answers without a Message-Authenticator are dropped. `false` lets an attacker on"
        " the network forge an acceptance (BlastRADIUS).",
        choices=_BOOLEAN,
    ),
    Option(
        _RADIUS,
        "nas-identifier",
        "csproxy",
        "immediately",
        "How this server names itself to the RADIUS servers.",
    ),
    Option(
        _KERBEROS,
        "SPN",
        "",
        "immediately",
        "The service's principal: `service@host`, or `service/host@REALM`. All servers of a pool"
        " have the same.",
    ),
    Option(_KERBEROS, "keytab", "", "immediately", "File on the server's host with its keys."),
    Option(
        _KERBEROS,
        "realm",
        "",
        "immediately",
        "The realm that users belong to; empty: the one that `SPN` names.",
    ),
    Option(
        _KERBEROS,
        "replay-cache",
        "true",
        "immediately",
        "Whether the host's Kerberos library remembers tickets, as `KRB5RCACHETYPE` says. Replays"
        " are refused without it, too.",
        choices=_BOOLEAN,
    ),
)
"""Options of the sections of a library, once; `gauth_ldap_1` and so on are as `gauth_ldap`."""
_OF_THE_HOST = frozenset(
    ("password-file", "cacert-path", "cert-path", "key-path", "secret-file", "chase-referrals")
)
"""Options that a tenant's annex must not have: they name files, or send passwords elsewhere."""


class Internal(Struct, frozen=True):
    """The verifier in the configuration."""


class Directory(Struct, frozen=True, kw_only=True):
    """One LDAP server."""

    url: str
    app_user: str = ""
    password: str = ""
    password_file: str = ""
    start_tls: bool = False
    clear_text: bool = False
    """Passwords may cross the network without TLS."""
    cacert_path: str = ""
    cert_path: str = ""
    key_path: str = ""
    chase_referrals: bool = False
    timeout: float = 10.0
    attempts: int = 3
    pause: float = 10.0
    """Seconds for which it is left alone after it did not answer."""


class Ldap(Struct, frozen=True):
    """Directories of which one that answers is enough."""

    directories: tuple[Directory, ...]


class Radius(Struct, frozen=True, kw_only=True):
    """RADIUS servers of which one that answers is enough."""

    servers: tuple[tuple[str, int], ...]
    secret: str = ""
    secret_file: str = ""
    timeout: float = 3.0
    retries: int = 1
    pause: float = 10.0
    enforce: bool = True
    """Answers bear a Message-Authenticator."""
    identifier: str = "csproxy"


class Kerberos(Struct, frozen=True, kw_only=True):
    """The keys of the service that clients bring tickets for."""

    spn: str
    keytab: str
    realm: str
    replay_cache: bool = True


Way = Internal | Ldap | Radius | Kerberos


class Ways(Struct, frozen=True):
    """How the password of one account is checked."""

    ways: tuple[Way, ...]
    """In this order; the first that accepts decides."""
    missing: tuple[str, ...] = ()
    """Libraries that are asked for and have no settings here."""

    @property
    def internal(self) -> bool:
        """Whether the verifier in the configuration counts."""
        return Internal() in self.ways


class Server(Struct, frozen=True):
    """What a server's own options say of authentication."""

    sections: Sections
    enforce_external: bool = False
    enforce_internal: bool = False

    @property
    def libraries(self) -> tuple[str, ...]:
        return libraries_in(self.sections)


def server_of(sections: Sections) -> Server:
    """Return what the options of a server say."""
    given = sections.get(SECTION, {})

    def flag(name: str) -> bool:
        return str(given.get(name, "")).strip().lower() == "true"

    return Server(sections, flag("enforce-external-auth"), flag("enforce-internal-auth"))


def libraries_in(sections: Sections) -> tuple[str, ...]:
    """Return the libraries that a level names, in order; empty where it says nothing valid."""
    words = str(sections.get(SECTION, {}).get("library", "")).replace(",", " ").split()
    return tuple(dict.fromkeys(word.lower() for word in words if word.lower() in LIBRARIES))


def ways_for(person: Mapping[str, Any], tenants: Sequence[Sections], server: Server) -> Ways:
    """Return how the password of a person is checked.

    Args:
        person: its document.
        tenants: annexes of its tenant and of those above it, the nearest first.
        server: options of the server that checks.
    """
    wanted = _wanted(person, tenants, server)
    found: list[Way] = []
    missing = []
    for library in wanted:
        way = _way(library, tenants, server.sections)
        if way is not None:
            found.append(way)
        else:
            missing.append(library)
    return Ways(tuple(found), tuple(missing))


def kerberos_of(server: Server) -> Kerberos | None:
    """Return the settings for tickets, None where the server takes none."""
    if KERBEROS not in server.libraries:
        return None
    read = _reader(KERBEROS, server.sections.get(KERBEROS, {}))
    spn, keytab = str(read("SPN")), str(read("keytab"))
    realm = str(read("realm")) or (spn.rpartition("@")[2] if "/" in spn and "@" in spn else "")
    if not spn or not keytab or not realm:
        return None
    return Kerberos(
        spn=spn, keytab=keytab, realm=realm, replay_cache=read("replay-cache") == "true"
    )


def _wanted(
    person: Mapping[str, Any], tenants: Sequence[Sections], server: Server
) -> tuple[str, ...]:
    """Return the libraries that check the password of a person."""
    if person.get("DBID") == DEFAULT_PERSON or server.enforce_internal:
        return (INTERNAL,)
    own = _of_passwords(libraries_in(person.get("userProperties", {})))
    if own:
        return own
    external = bool(person.get("externalID") or person.get("isExternalAuth"))
    levels = (*tenants, server.sections)
    named = next((found for level in levels if (found := libraries_in(level))), ())
    if external or server.enforce_external:
        return _of_passwords(named) or (INTERNAL,)
    return (INTERNAL,)


def _of_passwords(libraries: Iterable[str]) -> tuple[str, ...]:
    """Tickets are taken beside passwords, never instead of them."""
    return tuple(library for library in libraries if library != KERBEROS)


def _way(library: str, tenants: Sequence[Sections], server: Sections) -> Way | None:
    if library == INTERNAL:
        return Internal()
    build = _ldap if library == LDAP else _radius
    for level in tenants:
        safe = {name: _without_files(options) for name, options in level.items()}
        if (found := build(safe)) is not None:
            return found
    return build(server)


def _without_files(options: Mapping[str, str | int]) -> Mapping[str, str | int]:
    return {name: value for name, value in options.items() if name not in _OF_THE_HOST}


def _ldap(sections: Sections) -> Ldap | None:
    directories = tuple(_directories(sections))
    return Ldap(directories) if directories else None


def _directories(sections: Sections) -> Iterator[Directory]:
    names = [name for name in sections if name.startswith(LDAP)]
    numbered = [name for name in names if _NUMBERED.fullmatch(name.removeprefix(LDAP))]
    first = [LDAP] if LDAP in sections else []
    for name in [*first, *sorted(numbered, key=lambda n: int(n.rpartition("_")[2]))]:
        read = _reader(LDAP, sections[name])
        if read("ldap-url"):
            yield Directory(
                url=str(read("ldap-url")),
                app_user=str(read("app-user")),
                password=str(read("password")),
                password_file=str(read("password-file")),
                start_tls=read("start-tls") == "true",
                clear_text=read("allow-clear-text") == "true",
                cacert_path=str(read("cacert-path")),
                cert_path=str(read("cert-path")),
                key_path=str(read("key-path")),
                chase_referrals=read("chase-referrals") == 1,
                timeout=float(read("connect-timeout")),
                attempts=int(read("retry-attempts")),
                pause=float(read("retry-interval")),
            )


def _radius(sections: Sections) -> Radius | None:
    read = _reader(RADIUS, sections.get(RADIUS, {}))
    servers = tuple(_addresses(str(read("servers"))))
    if not servers or not (read("secret") or read("secret-file")):
        return None
    return Radius(
        servers=servers,
        secret=str(read("secret")),
        secret_file=str(read("secret-file")),
        timeout=float(read("timeout")),
        retries=int(read("retries")),
        pause=float(read("retry-interval")),
        enforce=read("message-authenticator") == "true",
        identifier=str(read("nas-identifier")),
    )


def _addresses(text: str) -> Iterator[tuple[str, int]]:
    for word in text.replace(",", " ").split():
        host, colon, port = word.rpartition(":")
        if colon and port.isdecimal() and 0 < int(port) < 65_536 and not host.endswith(":"):
            yield host.strip("[]"), int(port)
        else:
            yield word.strip("[]"), 1812


def _reader(section: str, given: Mapping[str, str | int]) -> Any:
    """Return what gives the value of an option: the given one if it is valid, else the default."""
    known = {option.name: option for option in LIBRARY_OPTIONS if section in option.sections}

    def read(name: str) -> int | str:
        option = known[name]
        value = parse(option, given[name]) if name in given else None
        return option.default if value is None else value

    return read
