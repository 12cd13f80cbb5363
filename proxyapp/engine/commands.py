"""What to do: everything that a node can ask of its runtime, as imperatives.

Plain structs without behaviour; a runtime that carries them out in order keeps every promise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from confwire.messages import CreateObject, DeleteObject, UpdateObject


class Command(Struct, gc=False):
    """The root of all commands."""


class Send(Command):
    """Send text messages to one connection, in order."""

    connection: int
    messages: Sequence[bytes]


class Broadcast(Command):
    """Send the same text messages to many connections."""

    connections: Sequence[int]
    messages: Sequence[bytes]


class Close(Command):
    """Close a connection after what was sent."""

    connection: int
    code: int
    reason: str


class Again(Command):
    """Hand this task back as `Resumed` in a later turn of the loop."""

    task: Any


class Write(Command):
    """Carry out a write in the database as this account; answered by Written or WriteRefused."""

    ticket: int
    request: CreateObject | UpdateObject | DeleteObject
    person: int
    """DBID of the acting person."""
    origin: str
    """Who and from where, as text for the journal."""


class Listen(Command):
    """Listen on exactly these ports; ports that are open and not named are closed."""

    ports: tuple[ListeningPort, ...]


class ListeningPort(Struct, frozen=True, gc=False):
    """One port to listen on."""

    id: str
    port: int
    mode: Literal["unsecured", "secured", "autodetect"] = "unsecured"


class ConnectLink(Command):
    """Connect to the master, after a delay in seconds; ends in LinkOpened or LinkLost."""

    host: str
    port: int
    delay: float


class ProveLink(Command):
    """Derive SCRAM keys from the application's secret in a thread; answered by LinkProved."""

    salt: bytes
    iterations: int


class SendLink(Command):
    """Send text messages to the master."""

    messages: Sequence[bytes]


class CloseLink(Command):
    """Close the connection to the master; ends in LinkLost."""

    reason: str


class Stop(Command):
    """End the process: it cannot go on. The reason says what to do."""

    reason: str


class Log(Command):
    """Write a log record."""

    level: Literal["debug", "info", "warning", "error"]
    event: str
    fields: dict[str, Any]
