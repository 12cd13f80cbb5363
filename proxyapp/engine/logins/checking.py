"""External checks under way: passwords and tickets that others than this node judge.

A check is a command to the runtime, or a message to the master where this server has no settings
for the library that the account needs; its end is an event. The node goes on meanwhile. Secrets
pass through and are never kept, logged or compared here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
from msgspec import Struct

from confwire.errors import AuthenticationUnavailable, MasterUnavailable, RequestError
from confwire.messages import CheckLogin, LoginChecked, Message
from confwire.objects import ObjectType
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import Authenticated
from proxyapp.engine.secretreading import plain_sections
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.ways import (
    Internal,
    Sections,
    Server,
    Ways,
    kerberos_of,
    server_of,
    ways_for,
)

Done = Callable[[Authenticated], None]
_DEEPEST_TENANT = 20
"""Tenants above each other that are looked at: a circle must not hold up a login."""
MARGIN = 0.5
"""Seconds before its time is over at which a login that nobody judged is refused."""


class Login(Struct, kw_only=True):
    """What is to be judged."""

    user: str
    person: Row | None
    mechanism: Literal["PLAIN", "KERBEROS"]
    data: str
    """The password, or the ticket in base64."""
    nonce: str = ""
    proof: str = ""
    """Of a ticket: what only its owner can say of the nonce."""
    seconds: float
    """How long it may take."""


class Checks:
    """All external checks of a node that have not ended."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._pending: dict[int, Done] = {}
        self._relayed: set[int] = set()
        self._next_ticket = 1
        self._complained: set[str] = set()
        self._last: tuple[Row | None, tuple[object, ...], Ways] = (None, (), Ways((), ()))
        """The last answer of `ways_of`, and to what: one login asks several times."""

    def __len__(self) -> int:
        return len(self._pending)

    # ------------------------------------------------------------ by which ways

    def ways_of(self, person: Row) -> Ways:
        """Return how the password of a person is checked."""
        known, at, ways = self._last
        serving = self._serving
        now = serving.epoch, serving.revision, serving.secret_keys
        if known is not person or at != now:
            document = msgspec.json.decode(person.body)
            ways = ways_for(document, list(self.tenants(person.tenant)), self._deciding())
            self._last = person, now, ways
        return ways

    def takes_tickets(self) -> bool:
        """Whether clients may bring Kerberos tickets."""
        return kerberos_of(self._deciding()) is not None

    def _own(self) -> Server:
        application = self._serving.application
        return server_of(self._plain(application, "options")) if application else server_of({})

    def _deciding(self) -> Server:
        """Return the options that say who is checked how: of this server, else of its master."""
        own = self._own()
        if own.libraries or self._serving.relay is None:
            return own
        master = self._serving.store.get(ObjectType.APPLICATION, self._serving.master_dbid())
        return (
            own
            if master is None
            else server_of(self._plain(msgspec.json.decode(master.body), "options"))
        )

    def tenants(self, dbid: int) -> Iterator[Sections]:
        """Yield the annexes of a tenant and of those above it."""
        for _ in range(_DEEPEST_TENANT):
            row = self._serving.store.get(ObjectType.TENANT, dbid)
            if row is None:
                return
            document: dict[str, Any] = msgspec.json.decode(row.body)
            yield self._plain(document, "userProperties", ObjectType.TENANT)
            dbid = document.get("parentTenantDBID", 0)

    def _plain(
        self, document: dict[str, Any], field: str, type_: ObjectType = ObjectType.APPLICATION
    ) -> Sections:
        sections: Sections = document.get(field, {})
        return plain_sections(self._serving, type_, document["DBID"], field, sections)

    # ------------------------------------------------------------ checking

    def begin(self, login: Login, done: Done) -> None:
        """Have a login judged; `done` is called once, in a later turn.

        Raises:
            AuthenticationUnavailable: too many wait, or the library has no settings anywhere.
            MasterUnavailable: the master would have to judge, and is away.
        """
        limit = self._serving.options.number("authentication-queue-threshold")
        if limit and len(self._pending) >= limit:
            raise AuthenticationUnavailable(
                f"{len(self._pending)} logins wait for their check already: try again in a moment"
            )
        ways = self._here(login)
        ticket, self._next_ticket = self._next_ticket, self._next_ticket + 1
        if ways is None:
            self._relay(login, ticket)
        else:
            self._serving.out.append(self._command(login, ticket, ways))
        self._pending[ticket] = done

    def judge(self, message: CheckLogin, answer: Callable[[Message], None]) -> None:
        """Judge a login for a proxy; `answer` gets the answer in a later turn."""
        person = self._serving.person_named(message.user)
        login = Login(
            user=message.user,
            person=person,
            mechanism=message.mechanism,
            data=message.data,
            nonce=message.nonce,
            proof=message.proof,
            seconds=max(MARGIN, message.seconds - MARGIN),
        )

        def judged(event: Authenticated) -> None:
            answer(
                LoginChecked(
                    ref=message.ref,
                    outcome=event.outcome,
                    text=event.text,
                    principal=event.principal,
                    data=event.data,
                )
            )

        try:
            self.begin(login, judged)
        except RequestError as error:
            answer(LoginChecked(ref=message.ref, outcome="unavailable", text=error.text))

    def take(self, event: Authenticated) -> None:
        """A check has ended."""
        self._relayed.discard(event.ticket)
        done = self._pending.pop(event.ticket, None)
        if done is not None:
            done(event)

    def taken(self, message: LoginChecked) -> None:
        """The master has judged a login."""
        if message.ref in self._relayed:
            assert isinstance(message.ref, int)
            self.take(
                Authenticated(
                    message.ref, message.outcome, message.text, message.principal, message.data
                )
            )

    def unlink(self) -> None:
        """The master is away: what it had to judge has no answer."""
        for ticket in sorted(self._relayed):
            self.take(Authenticated(ticket, "unavailable", "the master went away"))

    def _here(self, login: Login) -> tuple[Any, ...] | None:
        """Return the ways to check a login here; None: the master has to."""
        own = self._own()
        elsewhere = self._serving.relay is not None and not own.libraries
        if login.mechanism == "KERBEROS":
            kerberos = kerberos_of(own)
            if kerberos is not None:
                return (kerberos,)
            self._need_master(("gauth_kerberos",), elsewhere)
            return None
        if login.person is None:
            return (Internal(),)
        ways = self.ways_of(login.person)
        if elsewhere and any(not isinstance(way, Internal) for way in ways.ways):
            document = msgspec.json.decode(login.person.body)
            own_ways = ways_for(document, list(self.tenants(login.person.tenant)), own)
            return own_ways.ways if own_ways == ways else None
        if ways.missing:
            self._complain(ways.missing)
        if not ways.ways:
            self._need_master(ways.missing, self._serving.relay is not None)
            return None
        return ways.ways

    def _need_master(self, missing: tuple[str, ...], there_is: bool) -> None:
        if not there_is:
            raise AuthenticationUnavailable(
                f"this server has no settings for {', '.join(missing)}: its administrator must"
                " complete them"
            )

    def _complain(self, missing: tuple[str, ...]) -> None:
        for library in set(missing) - self._complained:
            self._complained.add(library)
            self._serving.log(
                "warning",
                "library without settings",
                library=library,
                remedy=f"complete the section [{library}], or take it out of the library option",
            )

    def _relay(self, login: Login, ticket: int) -> None:
        relay = self._serving.relay
        assert relay is not None
        sent = relay(
            CheckLogin(
                ref=ticket,
                user=login.user,
                mechanism=login.mechanism,
                data=login.data,
                nonce=login.nonce,
                proof=login.proof,
                seconds=login.seconds,
            )
        )
        if not sent:
            raise MasterUnavailable(
                "this proxy has no settings to check such a login by itself, and the master is"
                " away: try again later",
                retryAfter=5,
            )
        self._relayed.add(ticket)

    def _command(self, login: Login, ticket: int, ways: tuple[Any, ...]) -> Authenticate:
        row, options = login.person, self._serving.options
        document = msgspec.json.decode(row.body) if row is not None else {}
        return Authenticate(
            ticket=ticket,
            mechanism=login.mechanism,
            user=document.get("externalID") or document.get("userName") or login.user,
            data=login.data,
            nonce=login.nonce,
            proof=login.proof,
            verifier=row.verifier if row is not None else "",
            known=row is not None,
            ways=ways,
            seconds=login.seconds,
            iterations=self._serving.settings.scram_iterations,
            remember=float(options.number("refused-password-cache")),
            empty=options.flag("allow-empty-password"),
            external_empty=options.flag("allow-external-empty-password"),
        )
