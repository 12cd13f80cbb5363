"""What a server would make of its Application object, before it reads it: what is mistyped there.

Options by the check that the server itself makes, in the words of its log; transport parameters of
ports and connections by the names and values that have an effect. Knows no sessions and no pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from proxyapp.engine.settings import Settings
from proxyapp.engine.transport import FLAGS, NAMES, flag_of

SERVER_TYPE = "configserver"
"""The type of the Application objects that our own servers run as."""

_OF_PORTS = frozenset(NAMES) - {"tls-target-name-check"} | {"upgrade", "user"}
_NUMBERS = ("port", "backup-port")
_OF_CONNECTIONS = frozenset(NAMES) - {"tls-mutual"} | {"address", *_NUMBERS}
_LONGEST = 60
"""Characters of what was typed that are repeated."""


def faults_of(document: Mapping[str, Any]) -> list[str]:
    """Return what is not valid and what is used instead, and what has no effect.

    Of an application that is no server of ours nothing is known.
    """
    if document.get("type") != SERVER_TYPE:
        return []
    settings = Settings(document.get("options", {}))
    return [*settings.complaints, *settings.notices, *_transport_faults(document)]


def _transport_faults(document: Mapping[str, Any]) -> Iterator[str]:
    for port in document.get("portInfos", ()):
        for fault in _faults_in(port.get("transportParams", ""), _OF_PORTS):
            yield f"port {port.get('id', '')}: {fault}"
    for connection in document.get("appServers", ()):
        # By its number: who is told may not be one who may read the other application.
        where = f"connection to the application with DBID {connection.get('appServerDBID', 0)}"
        for fault in _faults_in(connection.get("transportParams", ""), _OF_CONNECTIONS):
            yield f"{where}: {fault}"


def _faults_in(text: str, known: frozenset[str]) -> Iterator[str]:
    """Yield what is wrong with "name=value;name=value"."""
    seen = set()
    for part in filter(None, map(str.strip, text.split(";"))):
        typed, equals, value = (piece.strip() for piece in part.partition("="))
        name, shown = typed.lower(), f"transport parameter '{typed[:_LONGEST]}'"
        if name not in known:
            near = get_close_matches(name[:_LONGEST], sorted(known), 1)
            yield f"{shown} has no effect" + (f": is {near[0]} meant?" if near else "")
        elif not equals or not value:
            yield f"{shown} has no value: write {name}=value, with semicolons between several"
        elif name in seen:
            yield f"{shown} is given more than once: the last one counts"
        elif wrong := _fault_of(name, value):
            yield f"{shown} has the value '{value[:_LONGEST]}', which {wrong}"
        seen.add(name)


def _fault_of(name: str, value: str) -> str:
    if name in FLAGS and flag_of(value) is None:
        return "is neither 1 nor 0: 0 is used"
    if name in _NUMBERS and not (value.isascii() and value.isdecimal() and int(value) < 65_536):
        return "is no port number: any port is used"
    return ""
