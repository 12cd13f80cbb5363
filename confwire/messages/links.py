"""What a proxy and its master tell each other beside the data: keys, accounts, logins, writes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from confwire.messages.envelope import Error, Message, Ref, Request


class TokenKeys(Message, kw_only=True):
    """Master: keys of resume tokens for some time to come, and of secret options.

    They replace those before.
    """

    generation: int
    """Tokens of another generation are void."""
    life: int
    """Seconds for which a token counts."""
    period: int
    """Seconds for which one key signs."""
    keys: list[tuple[int, bytes]]
    """Number of each period, counted from 1970 UTC, and its key."""
    secrets: list[tuple[str, bytes]] = []
    """Id and key of secret options, the one that seals now first."""


class AccountState(Struct, rename="camel", omit_defaults=True, gc=False):
    """What servers remember of an account beside the journal; times in seconds since 1970."""

    person: int
    last_login: float = 0
    failures: list[float] = []
    """When logins failed that still count."""
    locked_at: float = 0
    locked_until: float = 0
    cleared_at: float = 0
    """What failed or was locked up to then counts no more."""


class AccountStates(Message, kw_only=True):
    """Servers: what this one knows of accounts; the other merges it with what it knows."""

    states: list[AccountState]


class CheckLogin(Request, kw_only=True):
    """Proxy: judge a login, which this proxy has no settings for. On secured links only."""

    user: str
    mechanism: Literal["PLAIN", "KERBEROS"]
    data: str
    nonce: str = ""
    proof: str = ""
    seconds: Annotated[float, Meta(gt=0, le=600)] = 10
    """An answer that comes later is of no use."""


class LoginChecked(Message, kw_only=True):
    """Master: how a login was judged."""

    ref: Ref
    outcome: Literal["accepted", "rejected", "unavailable"]
    text: str = ""
    """For the user, as the external system said it."""
    principal: str = ""
    """Of a ticket: who brought it."""
    data: str = ""
    """Of a ticket: the service's signature."""


class RelayWrite(Message, kw_only=True):
    """Proxy: carry out a client's write. Sent again on the next link until it is answered."""

    ticket: int
    """What the proxy tells its writes apart by; comes back."""
    request_id: Annotated[str, Meta(min_length=1, max_length=64)]
    person_dbid: int = field(name="personDBID")
    """Whose rights bind it."""
    origin: str
    """The client's application, address and session."""
    object_type: str
    dbid: int = field(name="DBID")
    delta: dict[str, Any]


class RelayPassword(Message, kw_only=True):
    """Proxy: set the password that a person has chosen itself, and whose old one was judged here.

    Sent and answered like `RelayWrite`.
    """

    ticket: int
    request_id: Annotated[str, Meta(min_length=1, max_length=64)]
    person_dbid: int = field(name="personDBID")
    origin: str
    password: str
    former: bytes
    """Fingerprint of the verifier by which the old one was judged: by no other it counts."""


class WriteRelayed(Message, kw_only=True):
    """Master: the write was committed, or refused."""

    ticket: int
    revision: int = 0
    """The answer goes out when the proxy has this revision."""
    error: Error | None = None


class DaemonSession(Message, kw_only=True):
    """Proxy: a server application has a session here, or has it no more."""

    application_dbid: int = field(name="applicationDBID")
    session: Annotated[str, Meta(max_length=64)]
    open: bool = False
    age: Annotated[float, Meta(ge=0)] = 0
    """Seconds since it opened."""


class DaemonRuling(Message, kw_only=True):
    """Master: what is to become of the session of a server application."""

    application_dbid: int = field(name="applicationDBID")
    session: str
    ruling: Literal["inUse", "moved", "probe"]
    server: str = ""
    """Who has the other session."""


class SiteProgress(Message, kw_only=True):
    """Proxy: how far it is itself, and its clients are. Each pair is a revision and a number."""

    epoch: str
    revision: int
    clients: int
    """Those that have subscriptions."""
    behind: list[tuple[int, int]] = []
    """Of clients that were not sent all up to `revision`: how far they were."""
    acknowledged: list[tuple[int, int]] = []
    """Of all clients: what they have acknowledged."""
    slowest: str = ""
    """Application of the client that is furthest behind."""
