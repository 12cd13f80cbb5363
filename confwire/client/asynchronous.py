"""The asyncio client: requests and their answers, watches and their notifications.

The connection below it comes and goes; reads and named writes are repeated, watches resume, and
only a write that no server answers in time is handed to the caller as an open question.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from random import random
from typing import Any, Literal

from confwire.client.backoff import Address, Reconnect
from confwire.client.connection import Connection
from confwire.client.credentials import Credentials
from confwire.client.exchange import Exchanges
from confwire.client.failures import (
    ClientClosed,
    LinkLost,
)
from confwire.client.freshness import Freshness
from confwire.client.link import DEFAULT_KEEP_ALIVE, Link, Opening
from confwire.client.logins import Mechanism
from confwire.client.operating import Operations
from confwire.client.past import Backwards
from confwire.client.reading import Order, Packet, Reads
from confwire.client.requesting import Requests
from confwire.client.rights import Rights
from confwire.client.rightswatch import RightsWatches
from confwire.client.sites import SiteRule, Sites
from confwire.client.status import State, Status, Statuses
from confwire.client.watch import Interest, Watch
from confwire.client.watches import Watches
from confwire.client.writing import Writes
from confwire.errors import WireError
from confwire.messages import (
    Bounds,
    ChangePassword,
    Cursor,
    FilterValue,
    KeepAlive,
    NotificationsLost,
    ObjectId,
    ObjectsChanged,
    PasswordChanged,
    PermissionsChanged,
    Progress,
    ReadSecrets,
    ReadServerInfo,
    SecretsRead,
    ServerIdentity,
    ServerInfo,
    ServerMessage,
    Subscription,
)


class Client(Writes, Rights, Backwards, Operations):
    """A session with a configuration server, kept open over losses; made by `connect`."""

    def __init__(
        self,
        opening: Opening,
        sites: Sites,
        timeout: float,
        monotonic: bool,
        on_status: Callable[[Status], None] | None,
    ) -> None:
        self._connection = Connection(opening, sites, self, on_status)
        self._timeout = timeout
        self._exchanges = Exchanges()
        self._requests = Requests(self._exchanges, self._connection.ready, timeout)
        self._watches = Watches(self._exchanges, lambda: self._connection.link)
        self._rights = RightsWatches(self._exchanges, lambda: self._connection.link)
        self._freshness = Freshness(self._exchanges, lambda: self._connection.link)
        self._reads = Reads(
            self._exchanges,
            self._requests.begin,
            self._requests.next,
            lambda: self.seen,
            lambda: self.server.application if self.server is not None else "the server",
            monotonic,
        )

    @classmethod
    async def connect(
        cls,
        servers: Sequence[Address],
        *,
        application: str,
        application_type: str = "",
        user: str = "",
        password: str = "",
        secret: str = "",
        mechanism: Mechanism = "SCRAM-SHA-256",
        service: str = "",
        keep_alive: KeepAlive = DEFAULT_KEEP_ALIVE,
        request_timeout: float = 60.0,
        opening_timeout: float = 10.0,
        patience: float = 0.0,
        tls: ssl.SSLContext | None = None,
        tls_name: str = "",
        local_address: tuple[str, int] | None = None,
        reconnect: Reconnect | None = None,
        backup_site: Sequence[Address] = (),
        site_rule: SiteRule | None = None,
        monotonic: bool = False,
        on_status: Callable[[Status], None] | None = None,
        jitter: Callable[[], float] = random,
    ) -> Client:
        """Open a session; from then on the client keeps it open by itself.

        Args:
            servers: (host, port) of the server and of its backups, at the preferred site.
            application: name of the Application object to log in with.
            application_type: checked by the server, if given.
            user: a person's user name, with `password`.
            secret: the application's own secret, when no person logs in.
            mechanism: how a person is proved: by keys of the password, by the password itself
                (over TLS or loopback), or by a Kerberos ticket.
            service: principal that the ticket is for.
            keep_alive: wished keep-alive timeouts, in seconds.
            request_timeout: seconds that a request may go without an answer.
            opening_timeout: seconds that connecting and logging in may take.
            patience: seconds for which a server that cannot be reached is tried again.
            tls: how to speak TLS, as `confwire.tls.client_context` makes it; None: in clear.
            tls_name: whom the server's certificate must be for, if not the host connected to.
            local_address: where connections go out from; "" and 0 are any.
            reconnect: tries on each server, and the most seconds between two.
            backup_site: servers of another site, for when the preferred one cannot be reached.
            site_rule: when the site is changed, and when the client returns.
            monotonic: whether a read that a server can only answer from older data than was
                seen waits, and is refused in the end, instead of coming marked as behind.
            on_status: called with each new status.
            jitter: gives random numbers in [0, 1) for the delays between attempts.

        Raises:
            LinkLost: no server can be reached.
            RequestError: the login was refused; the class says why.
        """
        credentials = Credentials(application, user, password, secret, mechanism, service)
        opening = Opening(
            credentials,
            application_type,
            keep_alive,
            tls,
            opening_timeout,
            monotonic,
            tls_name,
            local_address,
        )
        reconnect, site_rule = reconnect or Reconnect(), site_rule or SiteRule()
        sites = Sites(servers, backup_site, jitter, reconnect, site_rule)
        client = cls(opening, sites, request_timeout, monotonic, on_status)
        await client._connection.start(patience)
        return client

    async def __aenter__(self) -> Client:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Client {self.state.value}, {len(self._watches)} watches>"

    @property
    def state(self) -> State:
        """Whether the session is open now."""
        return self._connection.status.state

    @property
    def status(self) -> Status:
        """The state, since when, the server and its site, attempts, last error, and data age."""
        return replace(self._connection.status, current_at=self._freshness.current_at)

    def statuses(self) -> Statuses:
        """Return an asynchronous iterator over the present status and every change of it."""
        return self._connection.statuses()

    @property
    def seen(self) -> Cursor | None:
        """The highest revision that any server has shown, of the newest epoch."""
        return self._freshness.seen

    @property
    def current_at(self) -> float | None:
        """When the data was last known to be current, in seconds since 1970."""
        return self._freshness.current_at

    @property
    def server(self) -> ServerIdentity | None:
        """Who serves the session now; None while it is lost."""
        link = self._connection.link
        return link.opened.server if link is not None else None

    @property
    def session(self) -> str:
        """The session's id at the server; empty while it is lost."""
        link = self._connection.link
        return link.opened.session if link is not None else ""

    def change_keep_alive(self, keep_alive: KeepAlive) -> None:
        """Use other keep-alive timeouts, in seconds.

        `local` counts at once; `remote`, with which the server watches this client, from the
        next session on.
        """
        self._connection.change_keep_alive(keep_alive)

    async def close(self) -> None:
        """End the session; watches and requests end with it."""
        self._watches.acknowledge()
        await self._connection.close()

    # ------------------------------------------------------------ reading

    async def read(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None = None,
        *,
        limit: int = 0,
        order: Order = "DBID",
        after: int = 0,
        after_name: str = "",
        freshness: bool | Bounds = False,
    ) -> list[dict[str, Any]]:
        """Return the documents of a type that match, in order.

        Args:
            object_type: such as "application".
            filter: filter keys and values; all must match.
            limit: at most this many, 0 for all.
            order: "DBID", or "name" of objects of equal names by DBID; needs a limit.
            after: only objects with a DBID above this one.
            after_name: by name, only objects behind that of this name and of the DBID `after`.
            freshness: bounds that the data must be within; `read_packets` tells how new it is.

        Raises:
            NotFresh: the server's data is older than the bounds of `freshness`.
            ServerBehind: the client is monotonic, and the server did not catch up.
        """
        page: dict[str, Any] = {"order": order, "after": after, "after_name": after_name}
        return await self._reads.gather(
            object_type, filter, limit=limit, **page, freshness=freshness, brief=False
        )

    async def brief(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None = None,
        *,
        limit: int = 0,
        order: Order = "DBID",
        after: int = 0,
        after_name: str = "",
        freshness: bool | Bounds = False,
    ) -> list[dict[str, Any]]:
        """As `read`, but only DBID, name, state, tenant and folder of each object."""
        page: dict[str, Any] = {"order": order, "after": after, "after_name": after_name}
        return await self._reads.gather(
            object_type, filter, limit=limit, **page, freshness=freshness, brief=True
        )

    def read_packets(
        self,
        object_type: str,
        filter: Mapping[str, FilterValue] | None = None,
        *,
        limit: int = 0,
        order: Order = "DBID",
        after: int = 0,
        after_name: str = "",
        freshness: bool | Bounds = False,
        brief: bool = False,
    ) -> AsyncIterator[Packet]:
        """Yield the packets of a read; after a lost link it goes on behind the last object.

        Raises:
            ReadInterrupted: rights or folders changed: drop what came, and read again.
            NotFresh: the server's data is not within the bounds of `freshness`.
            ServerBehind: the client is monotonic, and the server did not catch up.
        """
        return self._reads.packets(
            object_type,
            filter,
            limit=limit,
            order=order,
            after=after,
            after_name=after_name,
            freshness=freshness,
            brief=brief,
        )

    async def change_password(self, old: str, new: str) -> None:
        """Change the password of the session's own account.

        Raises:
            RequestError: it was refused; the class says why.
        """
        request = ChangePassword(ref=0, old_password=old, new_password=new)
        await self._requests.ask(request, PasswordChanged)

    async def server_info(self) -> ServerInfo:
        """Return the identity and the state of the server."""
        return await self._requests.ask(ReadServerInfo(ref=0), ServerInfo)

    # ------------------------------------------------------------ secrets

    async def secrets(self, object_type: str, dbid: int) -> dict[str, dict[str, dict[str, str]]]:
        """Return the plain texts of an object's secret options: by field, section and option.

        Raises:
            SecretInClear: the line is neither TLS nor loopback.
            NoPermission: neither is it the own Application object of an application that has
                logged in by its secret, nor is there the right to change the object.
            SecretsUnavailable: the server lacks a key.
        """
        request = ReadSecrets(ref=0, object_type=object_type, dbid=dbid)
        return (await self._requests.ask(request, SecretsRead)).values

    # ------------------------------------------------------------ watching

    async def watch(
        self,
        types: Sequence[str] = (),
        *,
        tenants: Sequence[int] = (),
        folders: Sequence[int] = (),
        objects: Sequence[ObjectId] = (),
        filter: Mapping[str, FilterValue] | None = None,
        mode: Literal["log", "state"] = "log",
        snapshot: bool = False,
        since: Cursor | None = None,
    ) -> Watch:
        """Subscribe; what is given must match, what is empty is no condition.

        Args:
            types: object types, such as "application".
            tenants: DBIDs of tenants.
            folders: DBIDs of folders; what lies below them counts, too.
            objects: single objects.
            filter: filter keys and values; needs exactly one type.
            mode: "log" for every change as a delta, "state" for whole objects, newest only.
            snapshot: begin with a notification that brings the whole data.
            since: go on from here; where the server cannot, the whole data comes instead.

        Raises:
            LocalProtocolError: another watch of this client is for the same types, and the two
                could not be told apart: use another client.
            RequestError: the server refused the subscription.
        """
        conditions = tuple((filter or {}).items())
        interest = Interest(
            tuple(types), tuple(tenants), tuple(folders), tuple(objects), conditions, mode
        )
        name = f"w{self._exchanges.new_ref()}"
        watches = self._watches
        watch = Watch(name, interest, since, snapshot, watches.consumed, watches.remove)
        watches.add(watch)
        await watch.settle(self._timeout, "the subscription")
        return watch

    # ------------------------------------------------------------ the connection tells

    def standing(self) -> tuple[Cursor | None, list[Subscription]]:
        """Return where the session stands, and what it subscribes to."""
        return self._watches.standing()

    def opened(self, link: Link) -> None:
        """A session is open."""
        self._freshness.opened(link)
        self._watches.opened(link.opened, link.resumption)
        self._rights.opened()

    async def quiet(self) -> None:
        """Wait until all that was asked is answered."""
        await self._exchanges.quiet()

    def receive(self, message: ServerMessage) -> None:
        """Hand a message to whom it concerns."""
        self._freshness.heard(message)
        if isinstance(message, ObjectsChanged):
            self._watches.changed(message)
        elif isinstance(message, Progress):
            self._watches.progressed(message)
        elif isinstance(message, NotificationsLost):
            self._watches.notifications_lost(message)
        elif isinstance(message, PermissionsChanged):
            self._rights.changed(message)
        else:
            self._exchanges.receive(message)

    def lost(self, error: WireError) -> None:
        """The session is gone: its requests get no answer."""
        self._freshness.lost()
        self._watches.lost()
        self._rights.lost()
        self._exchanges.end(LinkLost(str(error)))

    def ended(self, error: ClientClosed) -> None:
        """No session will follow: end everything."""
        self._freshness.lost()
        self._watches.ended(error)
        self._rights.ended(error)
        self._exchanges.end(error)
