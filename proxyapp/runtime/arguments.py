"""The command line of the servers: the origin's parameters in single- and double-dash forms.

Pure parsing: it opens no files and reads no environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["master", "proxy"]

_PORT = 65_535
_DAYS = 36_500
_VERBOSITIES = ("all", "debug", "trace", "interaction", "standard", "none")


class UsageError(Exception):
    """The command line cannot be used; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the command line says."""

    role: Role
    application: str = ""
    master_host: str = ""
    master_port: int = 0
    backup_host: str = ""
    backup_port: int = 0
    secret_file: str = ""
    transport_address: str = ""
    transport_port: int = 0
    address: str = ""
    web_port: int = 0
    status_port: int = 0
    web: bool = True
    tls: bool = False
    """Connect to the master by TLS."""
    trusted_ca: str = ""
    certificate: str = ""
    certificate_key: str = ""
    tls_crl: str = ""
    tls_target_name_check: str = ""
    insecure_link: bool = False
    verbose: str = ""
    log_files: dict[str, str] = field(default_factory=dict)
    """Level -> file, of the parameters -log-all FILE, -log-standard FILE and so on."""
    audit_file: str = ""
    """Write the changes of the history to this file, and end."""
    audit_days: int = 0
    """Only those of the last days; 0 for all."""
    show_version: bool = False
    show_help: bool = False
    ignored: tuple[str, ...] = ()
    """Parameters of the origin that were given and have no meaning here."""


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    meaning: str
    value: str = ""
    """What stands for the value in the usage; empty: the parameter is a switch."""
    attribute: str = ""
    """Of `Arguments`; empty: accepted for the origin's sake, without effect."""
    number: int = 0
    """The highest number that the value may be; 0 when it is none."""
    optional: bool = False
    """The value may be left out."""


_MEANINGLESS = (
    _Parameter("l", "licence file or port@host; no licence is needed", "LICENCE"),
    _Parameter(
        "nco",
        "exceptions tolerated in a time; the service manager restarts",
        "X/Y",
        "",
        optional=True,
    ),
    _Parameter("lmspath", "folder of log message files; messages are in the code", "FOLDER"),
    _Parameter("sptime", "accepted, without effect", "TIME", "", optional=True),
)
_COMMON = (
    _Parameter("address", "local address of all ports (every address)", "ADDRESS", "address"),
    _Parameter("status-port", "port of the status as JSON (one above the web port)", "PORT",
               "status_port", _PORT),
    _Parameter("no-web", "do not start the web process", "", "web"),
    _Parameter("V", "print the version and end", "", "show_version"),
    _Parameter("v", "the same", "", "show_version"),
    _Parameter("h", "print this and end", "", "show_help"),
    _Parameter("help", "the same", "", "show_help"),
)  # fmt: skip
_PARAMETERS: dict[Role, tuple[_Parameter, ...]] = {
    "master": (
        _Parameter("app", "name of the server's Application object (confserv)", "NAME",
                   "application"),
        _Parameter("web-port", "port of the web site (8080)", "PORT", "web_port", _PORT),
        _Parameter("dumpauditxml", "write the changes of the history as XML, and end", "FILE",
                   "audit_file"),
        _Parameter("last", "of them those of the last days", "DAYS", "audit_days", _DAYS),
        *_COMMON,
        *_MEANINGLESS,
        _Parameter("c", "configuration file; settings come from the environment", "FILE"),
        _Parameter("s", "section of the configuration file", "SECTION"),
    ),
    "proxy": (
        _Parameter("app", "name of the server's Application object", "NAME", "application"),
        _Parameter("host", "host of the master", "HOST", "master_host"),
        _Parameter("port", "port of the master", "PORT", "master_port", _PORT),
        _Parameter("backup-host", "host of the backup master, until the master tells another one",
                   "HOST", "backup_host"),
        _Parameter("backup-port", "its port", "PORT", "backup_port", _PORT),
        _Parameter("secret", "file (mode 600) with the application's secret; else CSPROXY_SECRET",
                   "FILE", "secret_file"),
        _Parameter("transport-address", "local address of the connection to the master",
                   "ADDRESS", "transport_address"),
        _Parameter("transport-port", "local port of the connection to the master", "PORT",
                   "transport_port", _PORT),
        _Parameter("tls", "connect to the master by TLS", "", "tls"),
        _Parameter("trusted-ca", "file with the CA of the master's certificate (the system's CAs)",
                   "FILE", "trusted_ca"),
        _Parameter("tls-crl", "file with the CA's list of revoked certificates", "FILE", "tls_crl"),
        _Parameter("tls-target-name-check", "whom the certificate must be for: host, no, or a name",
                   "NAME", "tls_target_name_check"),
        _Parameter("certificate", "file with the own certificate, where the master asks for one",
                   "FILE", "certificate"),
        _Parameter("certificate-key", "file with its key", "FILE", "certificate_key"),
        _Parameter("insecure-link", "let verifiers cross a network in clear text", "",
                   "insecure_link"),
        _Parameter("web-port", "port of the status pages (8090)", "PORT", "web_port", _PORT),
        *_COMMON,
        *_MEANINGLESS,
    ),
}  # fmt: skip
_DEFAULTS: dict[Role, dict[str, object]] = {
    "master": {"application": "confserv", "web_port": 8080},
    "proxy": {"web_port": 8090},
}


def link_parameters(arguments: Arguments) -> dict[str, str]:
    """Return what the command line says of the link, in the names of transport parameters."""
    said = {
        "tls": "1" if arguments.tls else "",
        "trusted-ca": arguments.trusted_ca,
        "certificate": arguments.certificate,
        "certificate-key": arguments.certificate_key,
        "tls-crl": arguments.tls_crl,
        "tls-target-name-check": arguments.tls_target_name_check,
        "address": arguments.transport_address,
        "port": str(arguments.transport_port or ""),
    }
    return {name: value for name, value in said.items() if value}


def parse(role: Role, words: Sequence[str]) -> Arguments:
    """Parse the words after the command's name.

    Raises:
        UsageError: a parameter is unknown, lacks its value, or is missing.
    """
    known = {parameter.name: parameter for parameter in _PARAMETERS[role]}
    values: dict[str, object] = dict(_DEFAULTS[role])
    log_files: dict[str, str] = {}
    ignored: list[str] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or not name:
            raise UsageError(f"'{word}' is not a parameter: parameters begin with a dash")
        given = [value] if equals else rest
        if name.startswith("log-"):
            _take_log_option(name, given, values, log_files, ignored)
            continue
        parameter = known.get(name)
        if parameter is None:
            raise UsageError(f"there is no parameter {word}")
        taken = _take_value(parameter, word, given)
        if not parameter.attribute:
            ignored.append(f"-{name}")
        else:
            values[parameter.attribute] = taken
    arguments = Arguments(role, log_files=log_files, ignored=tuple(ignored), **values)  # type: ignore[arg-type]
    _check(arguments)
    return arguments


def usage(role: Role) -> str:
    """Return the help text."""
    lines = [f"usage: manage.py run{role} [parameters]", ""]
    for parameter in _PARAMETERS[role]:
        value = f"[{parameter.value}]" if parameter.optional else parameter.value
        lines.append(f"  {f'-{parameter.name} {value}':<28}{parameter.meaning}")
    lines += [
        f"  {'-log-verbose LEVEL':<28}{', '.join(_VERBOSITIES)}",
        f"  {'-log-LEVEL FILE':<28}also log to a file: -log-all, -log-standard and so on",
        "",
        "Each parameter may have one dash or two.",
    ]
    return "\n".join(lines)


def _take_value(parameter: _Parameter, word: str, given: list[str]) -> object:
    if not parameter.value:
        return parameter.name != "no-web"
    if not given or (parameter.optional and given[0].startswith("-")):
        if parameter.optional:
            return ""
        raise UsageError(f"{word} needs a value: {word} {parameter.value}")
    value = given.pop(0)
    if not parameter.number:
        return value
    if not value.isdecimal() or not 0 < int(value) <= parameter.number:
        raise UsageError(f"{word} {value}: give a number from 1 to {parameter.number}")
    return int(value)


def _take_log_option(
    name: str,
    given: list[str],
    values: dict[str, object],
    log_files: dict[str, str],
    ignored: list[str],
) -> None:
    option = name.removeprefix("log-")
    if not given:
        raise UsageError(f"-{name} needs a value")
    value = given.pop(0)
    if option == "verbose":
        if value not in _VERBOSITIES:
            raise UsageError(f"-{name} {value}: choose from {', '.join(_VERBOSITIES)}")
        values["verbose"] = value
    elif option in _VERBOSITIES:
        log_files[option] = value
    else:
        ignored.append(f"-{name}")


def _check(arguments: Arguments) -> None:
    if arguments.audit_days and not arguments.audit_file:
        raise UsageError("-last DAYS says of what -dumpauditxml FILE writes: give both")
    if arguments.show_version or arguments.show_help or arguments.role == "master":
        return
    if bool(arguments.backup_host) is not bool(arguments.backup_port):
        raise UsageError("-backup-host and -backup-port belong together: give both")
    missing = [
        word
        for word, value in (
            ("-app", arguments.application),
            ("-host", arguments.master_host),
            ("-port", arguments.master_port),
        )
        if not value
    ]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be given")
