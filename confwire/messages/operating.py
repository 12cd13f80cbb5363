"""What those who run a server ask it, and have it do with its sessions."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from confwire.messages.envelope import Answer, Request
from confwire.messages.opening import ServerIdentity


class ReadServerInfo(Request):
    """Client: ask for the state of the server."""


class ServerInfo(Answer, kw_only=True):
    """Server: its identity and state."""

    server: ServerIdentity
    link: str = ""
    """The proxy's link to the master: "live", "catching up", "loading", "resuming", "opening",
    "connecting" or "lost"; empty on a master."""
    age: float = 0
    """Seconds since the data was known to be current; 0 while the link is live."""
    source: str = ""
    """Where the data comes from: "live", "memory" (the link or the database is lost), or "disk"
    (the local copy of a proxy that has not reached its master since its start)."""
    tree_hash: str = ""
    objects: int = 0
    sessions: int = 0


class Disconnect(Request, kw_only=True):
    """Client: end another session."""

    session: str


class Shed(Request, kw_only=True):
    """Client: send a part of the server's clients elsewhere."""

    percent: Annotated[int, Meta(ge=1, le=100)]


class Drain(Request):
    """Client: send all clients elsewhere, then end the server."""


class SessionsSentAway(Answer, kw_only=True):
    """Server: so many sessions are sent away."""

    count: int


class SwitchOver(Request):
    """Client: let the backup of the server's pair lead."""


class SwitchedOver(Answer, kw_only=True):
    """Server: another one of its pair leads now; this session goes on there."""

    server: str
    term: int
