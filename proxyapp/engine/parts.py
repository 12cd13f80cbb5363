"""The parts of a node as they see each other, and the requests that they share.

Each part stands in a module of its own, and `node` puts them together in `serving`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from confwire.messages import (
    AccountState,
    AccountStates,
    AskRole,
    AskSessions,
    ChangePassword,
    CheckLogin,
    CreateObject,
    DaemonRuling,
    DaemonSession,
    DeleteObject,
    Disconnect,
    Drain,
    HandOver,
    LoginChecked,
    PairRole,
    PeerRead,
    ReadPeer,
    RelayPassword,
    SessionsMirrored,
    Shed,
    SwitchOver,
    UpdateObject,
    UpdatePermissions,
)
from proxyapp.engine.commands import SetPassword, Write
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import Authenticated
from proxyapp.engine.topology.partners import Partner
from proxyapp.engine.trust.ways import Ways

WriteRequest = CreateObject | UpdateObject | DeleteObject | UpdatePermissions
PairMessage = PairRole | SessionsMirrored | AskSessions | HandOver | ReadPeer | SwitchOver
DismissRequest = Disconnect | Drain | Shed


class Authority(Protocol):
    """Where the data comes from and where writes go: the database, or the link to a master."""

    takes_servers: bool
    """Whether other servers may replicate from this one."""

    keeps_journal: bool
    """Whether the journal goes back further than memory, in a table."""

    def check_write(self, connection: int, request: WriteRequest) -> None:
        """Raise the reason when this write of a client cannot be taken now."""

    def write(self, command: Write) -> None:
        """Have a write carried out that was checked; ends in Written or WriteRefused."""

    def check_password(self) -> None:
        """Raise the reason when no password can be changed now."""

    def set_password(self, command: SetPassword) -> None:
        """Have a password set; ends in PasswordSet."""

    def diverge(self, reason: str) -> None:
        """The data is not what the authority says of it: have it loaded anew."""

    def doubt(self, reason: str, proven: str = "") -> None:
        """Someone proves that there was another history, under this epoch or one proven later."""

    def age(self, now: float) -> float:
        """Return the seconds since the data was known to be current."""

    def known_at(self, now: float) -> float:
        """Return the last time at which the data is proven to have been current."""

    def source(self) -> str:
        """Return where the data comes from: live, memory, or the local copy on the disk."""

    def status(self, now: float) -> dict[str, Any]:
        """Return the state of the authority for status pages."""


class Checks(Protocol):
    """Passwords and tickets that others than the node judge."""

    def ways_of(self, person: Row) -> Ways:
        """Return how the password of a person is checked."""

    def tenants(self, dbid: int) -> Iterable[Any]:
        """Yield the annexes of a tenant and of those above it."""

    def takes_tickets(self) -> bool:
        """Whether clients may bring Kerberos tickets."""

    def begin(self, login: Any, done: Callable[[Authenticated], None]) -> None:
        """Have a login judged; `done` is called once, in a later turn."""

    def judge(self, message: CheckLogin, answer: Callable[[Any], None]) -> None:
        """Judge a login for a proxy."""

    def take(self, event: Authenticated) -> None:
        """A check has ended."""

    def taken(self, message: LoginChecked) -> None:
        """The master has judged a login."""

    def unlink(self) -> None:
        """The master is away: what it had to judge has no answer."""


class Fleet(Protocol):
    """The sessions of daemons on all servers."""

    def status(self) -> dict[str, Any] | None:
        """Return how many there are as JSON-able data, None where the master is another one."""

    def check(self, application: int, session: str) -> None:
        """Refuse a daemon that is known to have another session on another server."""

    def told(self, link: int, server: str, message: DaemonSession) -> None:
        """A proxy says that a daemon has a session there, or has it no more."""

    def left(self, link: int) -> None:
        """A proxy's link is gone."""

    def tell(self) -> None:
        """The link to the master lives: tell it of all."""

    def ruled(self, message: DaemonRuling) -> None:
        """The master has decided about a session."""


class Accounts(Protocol):
    """What is remembered of accounts, and what follows from it."""

    def check(self, user: str, person: Row | None) -> None:
        """Refuse a login to an account that is locked, whatever it brings."""

    def begin(self, user: str) -> None:
        """Others begin to judge a login."""

    def end(self, user: str) -> None:
        """They have."""

    def failed(self, user: str, peer: str) -> None:
        """A login failed."""

    def admit(self, person: Row, sessions: int) -> Greeting:
        """Check what else keeps a person out whose password was right."""

    def entered(self, person: Row) -> None:
        """A person has logged in."""

    def take(self, states: Iterable[AccountState], *, kept: bool) -> None:
        """Take in states of another server, or those that were kept."""

    def all(self) -> list[AccountStates]:
        """Return everything, for a server whose link has just come about."""


class Passwords(Protocol):
    """Changes of own passwords."""

    def begin(self, session: Any, message: ChangePassword) -> None:
        """Change the password of a session's account."""

    def relay(self, session: Any, message: RelayPassword) -> None:
        """Change the password of a proxy's client, as it was judged there."""


class Greeting(msgspec.Struct, frozen=True):
    """What a person is told at its login."""

    last_login: float = 0.0
    """Seconds since 1970; 0: not known."""
    password_due: float = 0.0
    """When the password expires, once that is near; 0: not soon."""
    must_change: bool = False


class Pairing(Protocol):
    """The other server of a pair."""

    @property
    def partner(self) -> Partner | None:
        """The other server, None where this one is of no pair."""

    @property
    def begun(self) -> bool:
        """Whether it is known if this server is of a pair."""

    @property
    def paired(self) -> bool:
        """Whether there is another server to share the work with."""

    def follow(self) -> None:
        """Application objects have changed."""

    def sync_port_ids(self) -> frozenset[str]:
        """Return the IDs of the ports that only the other server may use."""

    def joined(self, session: Any) -> None:
        """The other server has opened a session here."""

    def answered(self, message: PeerRead | AskRole) -> None:
        """The master answers, or asks."""
