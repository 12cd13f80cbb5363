"""How a connection becomes a session, and what the session's account may change of itself."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from confwire.messages.envelope import Answer, Cursor, Message, Request
from confwire.messages.subscriptions import Subscription

MAX_TOKEN = 1_000
"""Characters of a resume token."""


class KeepAlive(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Wished keep-alive timeouts in seconds; 0 is off (ADDP)."""

    local: Annotated[float, Meta(ge=0, le=86_400)] = 0
    """After this long in silence the sender of the opening polls."""
    remote: Annotated[float, Meta(ge=0, le=86_400)] = 0
    """After this long in silence the server polls."""


class Open(Message, kw_only=True):
    """Client: the first message of a connection."""

    application: str
    application_type: str = ""
    release: str = ""
    user: str = ""
    """Person's user name; empty: the application logs in by its own secret."""
    mechanism: Literal["SCRAM-SHA-256", "PLAIN", "KERBEROS"] = "SCRAM-SHA-256"
    data: str = ""
    """The SCRAM client-first-message (RFC 5802), the password, or the ticket in base64; with a
    token a nonce for the server to prove itself with."""
    keep_alive: KeepAlive | None = None
    role: Literal["client", "proxy", "peer"] = "client"
    """What the connection is for: a client's session, a proxy's link, or the link of a pair."""
    seen: Cursor | None = None
    """The newest data that the client has seen, on whatever server."""
    monotonic: bool = False
    """Refuse a read that could only be answered from older data than `seen`, instead of marking
    its answer."""
    token: Annotated[str, Meta(max_length=MAX_TOKEN)] | None = None
    """Goes on with a session instead of a login; empty: asks for a token for later."""
    since: Cursor | None = None
    """With a token: where the session stood; what came after it follows."""
    subscriptions: list[Subscription] = []
    """With a token: those that the session had."""


class Challenge(Message):
    """Server: the SCRAM server-first-message, or what the owner of a ticket must sign."""

    data: str


class Proof(Message):
    """Client: the SCRAM client-final-message, or the signature in base64."""

    data: str


class ServerIdentity(Struct, rename="camel", omit_defaults=True, frozen=True):
    """Who serves this session."""

    application: str
    dbid: int = field(name="DBID")
    release: str
    mode: Literal["master", "proxy"]
    host: str = ""
    """Of a pool: where its load balancer listens; `application` and `dbid` are the pool's."""
    port: str = ""
    member: str = ""
    """Of a pool: name of the member that serves this session."""
    backup_host: str = ""
    backup_port: str = ""
    master_host: str = ""
    """Where writes go, when `mode` is proxy."""
    master_port: str = ""


class Opened(Message, kw_only=True):
    """Server: the session is open; one that was restored has its subscriptions."""

    session: str
    epoch: str
    revision: int
    data: str
    """The SCRAM server-final-message, the server's signature for a ticket, or its proof at a
    resume: the server is the right one; empty after a password."""
    server: ServerIdentity
    application_dbid: int = field(name="applicationDBID")
    person_dbid: int = field(name="personDBID", default=0)
    keep_alive: KeepAlive | None = None
    max_message_size: int = 0
    """Bytes that one message to the server may have."""
    last_login: float = 0
    """When the account logged in before, seconds since 1970; 0: not known."""
    password_due: float = 0
    """When the password expires, once that is near."""
    password_change_required: bool = False
    """The session takes nothing but changePassword until then."""
    token: str = ""
    """To go on with this session on any server; given to who asked for one."""
    restored: bool = False
    """The session goes on by its token."""
    clock: float = 0
    """On server links: what this server's clock reads; it never jumps while the link lives."""


class TokenRenewed(Message, kw_only=True):
    """Server: the token to go on with from now on; the one before it ends earlier."""

    token: str


class ChangePassword(Request, kw_only=True):
    """Client: change the password of the session's own account. Over TLS or loopback only."""

    old_password: str
    new_password: str


class PasswordChanged(Answer, kw_only=True):
    """Server: the password was changed; tokens that were given out are void."""
