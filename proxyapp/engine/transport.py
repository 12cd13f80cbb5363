"""What ports and connections say of their transport: TLS, local addresses, and for whom they are.

Knows the texts and their precedence; files, sockets and certificates it does not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

Mode = Literal["unsecured", "secured", "autodetect"]
Parameters = Mapping[str, Any]

SECTION = "security"
"""Of an application's options and of a host's annex: the TLS parameters that they give."""
_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")
FLAGS = ("tls", "tls-mutual", "upgrade", "user")
"""Parameters that say yes or no."""


class Tls(Struct, frozen=True, gc=False):
    """The TLS parameters of a port or of a connection. Files are of the host that uses them."""

    certificate: str = ""
    """Files with the certificate and those between it and its CA, separated by commas."""
    certificate_key: str = ""
    trusted_ca: str = ""
    """A file or folder with the CAs that the other side's certificate may come from."""
    crl: str = ""
    """A file with the lists of revoked certificates."""
    mutual: bool = False
    """The client must show a certificate, too."""
    cipher_list: str = ""
    protocol: str = ""
    """The parameter sec-protocol; empty: TLS 1.2 and above."""
    target: str = "host"
    """Whom the server's certificate must be for: "host" as connected to, another name, or "no"."""


class Parameter(Struct, frozen=True):
    """One TLS parameter, as people are told of it."""

    name: str
    values: str
    default: str
    meaning: str


PARAMETERS = (
    Parameter(
        "tls",
        "`0`, `1`",
        "`0`",
        "Whether the server's own links go by TLS. Of ports it is the listening mode Secured, and"
        " given at the port alone.",
    ),
    Parameter(
        "tls-mutual",
        "`0`, `1`",
        "`0`",
        "Whether clients of a port must show a certificate of a CA in `trusted-ca`.",
    ),
    Parameter(
        "certificate",
        "files",
        "empty",
        "Certificate in PEM with its chain, in one file or in several separated by commas.",
    ),
    Parameter("certificate-key", "a file", "empty", "Its key in PEM, without a passphrase."),
    Parameter(
        "trusted-ca",
        "a file or folder",
        "the system's CAs",
        "CAs that the other side's certificate may come from.",
    ),
    Parameter("tls-crl", "a file", "empty", "Lists of certificates that the CAs have revoked."),
    Parameter(
        "cipher-list",
        "OpenSSL's form",
        "`ECDHE+AESGCM:ECDHE+CHACHA20`",
        "Ciphers of TLS 1.2; a list with a weak one is refused.",
    ),
    Parameter(
        "sec-protocol",
        "`TLSv12`, `TLSv13`, `SSLv23`",
        "empty",
        "One version alone. `SSLv23` and empty mean both; older ones are refused.",
    ),
    Parameter(
        "tls-target-name-check",
        "`host`, `no`, a name",
        "`host`",
        "Whom the certificate must be for of the server that a link leads to.",
    ),
)
_TEXTS = {
    "certificate": "certificate",
    "certificate-key": "certificate_key",
    "trusted-ca": "trusted_ca",
    "tls-crl": "crl",
    "cipher-list": "cipher_list",
    "sec-protocol": "protocol",
    "tls-target-name-check": "target",
}
NAMES = tuple(parameter.name for parameter in PARAMETERS)
_OF_BOTH_SIDES = ("cipher-list", "sec-protocol", "tls-target-name-check")
"""What a client takes over from a server's port: what is no file of the server's host."""


def parameters_of(text: str) -> dict[str, str]:
    """Return the parameters of "name=value;name=value"; names in lower case."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}


def security_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an Application or a Host gives in its section [security]."""
    annex = document.get("userProperties", {}).get(SECTION, {})
    return {**annex, **document.get("options", {}).get(SECTION, {})}


def tls_of(*levels: Parameters) -> Tls:
    """Return the TLS parameters: of each the first that is given, the nearest level first."""
    found = {name: _first(name, levels) for name in NAMES}
    texts = {field: found[name] for name, field in _TEXTS.items() if found[name]}
    return Tls(mutual=is_true(found["tls-mutual"]), **texts)


def mode_of(port: Mapping[str, Any]) -> Mode:
    """Return the listening mode of a port: the safer one of its field and of its parameters."""
    given = parameters_of(port.get("transportParams", ""))
    field = port.get("listeningMode", "unsecured")
    if is_true(given.get("tls", "")) or field == "secured":
        return "secured"
    if is_true(given.get("upgrade", "")) or field == "autodetect":
        return "autodetect"
    return "unsecured"


def is_dedicated(port: Mapping[str, Any]) -> bool:
    """Whether a port is for client user interface applications only."""
    # Asked at every login, and nearly always in vain.
    text = port.get("transportParams", "")
    said = "user" in text.lower() and is_true(parameters_of(text).get("user", ""))
    return said or bool(port.get("clientsOnly"))


def server_tls(
    port: Mapping[str, Any], application: Mapping[str, Any], host: Mapping[str, Any]
) -> Tls:
    """Return the parameters of a listening port: port, then application, then host."""
    given = parameters_of(port.get("transportParams", ""))
    return tls_of(given, security_of(application), security_of(host))


def client_tls(levels: Sequence[Parameters], port: Parameters) -> Tls | None:
    """Return the parameters of a connection; None: it is in clear.

    Args:
        levels: the connection, then the client's application, then its host.
        port: the server's port, as far as it is known.
    """
    said = _first("tls", levels)
    if not (is_true(said) if said else mode_of(port) == "secured"):
        return None
    of_port = parameters_of(port.get("transportParams", ""))
    shared = {name: of_port[name] for name in _OF_BOTH_SIDES if name in of_port}
    return tls_of(*levels, shared)


def local_address(parameters: Parameters, *, backup: bool = False) -> tuple[str, int] | None:
    """Return the address and port that a connection goes out from; "" and 0 are any.

    Args:
        parameters: the transport parameters of the connection.
        backup: whether it goes to the backup server.
    """
    number = parameters.get("backup-port" if backup else "port", "")
    port = int(number) if number.isascii() and number.isdecimal() and int(number) < 65_536 else 0
    address = parameters.get("address", "")
    return (address, port) if address or port else None


def is_true(value: Any) -> bool:
    """Whether a parameter says yes."""
    return str(value).strip().lower() in _TRUE


def flag_of(value: str) -> bool | None:
    """Return what a parameter says that says yes or no; None: neither."""
    return is_true(value) if value.strip().lower() in (*_TRUE, *_FALSE) else None


def _first(name: str, levels: Sequence[Parameters]) -> str:
    given = (str(level.get(name, "")).strip() for level in levels)
    return next((value for value in given if value), "")
