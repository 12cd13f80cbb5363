"""Changes of own passwords: the old one is judged beside the node, the new one set in the database.

Answered when the change has come back, as writes are. Passwords pass through and are never kept.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from confwire.errors import (
    AuthenticationFailed,
    AuthenticationUnavailable,
    NoPermission,
    PasswordInClear,
    RequestError,
    TooManyAttempts,
)
from confwire.messages import ChangePassword, PasswordChanged, RelayPassword, WriteRelayed
from confwire.objects import ObjectType
from proxyapp.engine.commands import SetPassword
from proxyapp.engine.data.access import Profile
from proxyapp.engine.data.rights import CHANGE
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import Authenticated, PasswordSet
from proxyapp.engine.logins.checking import Login
from proxyapp.engine.reading.requests import refusal
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.tokens import fingerprint_of

_SECONDS = 10.0
"""For the check of the old password."""
MOST = 5
"""Changes that a person may begin within a minute: each costs the database's server as much as
many writes.
"""
_MINUTE = 60.0


class Passwords:
    """The changes of passwords that are under way."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._asked: dict[int, tuple[Any, ChangePassword]] = {}
        self._set: list[PasswordSet] = []
        """Those that are committed and not yet applied here."""
        self._relayed: dict[int, tuple[Any, RelayPassword]] = {}
        """Those of the clients of proxies, and the sessions of these."""
        self._counts: Counter[int] = Counter()
        """Changes in the present minute, by person."""
        self._minute = 0.0
        self._busy: set[int] = set()
        """Connections with a change under way: each has one at a time."""

    def begin(self, session: Any, message: ChangePassword) -> None:
        """Change the password of a session's account.

        Raises PasswordInClear, NoPermission, TooManyAttempts, what a login raises whose account
        is locked, and what the authority does: ReadOnlyServer, DatabaseUnavailable, …
        """
        serving = self._serving
        person = self._check(session)
        if session.connection in self._busy:
            raise TooManyAttempts("a change of the password is under way: wait for its answer")
        self._count(person)
        serving.accounts.check(person.name, person)
        login = Login(
            user=person.name,
            person=person,
            mechanism="PLAIN",
            data=message.old_password,
            seconds=_SECONDS,
        )

        former = fingerprint_of(person.verifier)

        def judged(event: Authenticated) -> None:
            self._judged(session, message, person, former, event)

        serving.checks.begin(login, judged)
        serving.accounts.begin(person.name)
        self._busy.add(session.connection)

    def relay(self, session: Any, message: RelayPassword) -> None:
        """Change the password of a proxy's client; the proxy has judged the old one."""
        serving = self._serving
        person = serving.store.get(ObjectType.PERSON, message.person_dbid)
        try:
            if person is None:
                raise NoPermission("the account does not exist any more")
            serving.authority.check_password()
            self._check_allowed(person, serving.access.profile_of(person.dbid))
        except RequestError as error:
            session.answer(WriteRelayed(ticket=message.ticket, error=refusal(error)))
            return
        ticket = next(serving.tickets)
        self._relayed[ticket] = session, message
        serving.authority.set_password(
            SetPassword(
                ticket,
                person.dbid,
                message.password,
                message.origin,
                message.former,
                message.request_id,
                session.name,
            )
        )

    def take(self, event: PasswordSet) -> None:
        """A password was set, or could not be."""
        if event.ticket in self._relayed:
            # The proxy waits for the change itself.
            session, message = self._relayed.pop(event.ticket)
            error = refusal(event.error) if event.error is not None else None
            relayed = WriteRelayed(ticket=message.ticket, revision=event.revision, error=error)
            session.answer(relayed)
            return
        self._set.append(event)
        self.answer()

    def answer(self) -> None:
        """Answer the changes that were applied."""
        serving = self._serving
        waiting, self._set = self._set, []
        for event in waiting:
            if event.revision > serving.revision:
                self._set.append(event)
                continue
            session, message = self._asked.pop(event.ticket)
            self._busy.discard(session.connection)
            if event.error is not None:
                session.refuse(event.error, message.ref)
            else:
                serving.log("info", "password changed", user=session.user, session=session.id)
                changed = PasswordChanged(
                    ref=message.ref, epoch=serving.epoch, revision=serving.revision
                )
                session.unbar()
                session.answer(changed)

    def _check(self, session: Any) -> Row:
        serving = self._serving
        if not session.secure:
            raise PasswordInClear
        person = serving.store.get(ObjectType.PERSON, session.person) if session.user else None
        if person is None:
            raise NoPermission("only a person has a password: the session is of an application")
        serving.authority.check_password()
        self._check_allowed(person, session.profile)
        return person

    def _count(self, person: Row) -> None:
        now = self._serving.now
        if now - self._minute >= _MINUTE:
            self._minute = now
            self._counts.clear()
        if self._counts[person.dbid] >= MOST:
            raise TooManyAttempts(
                f"the password was changed, or tried to be, {MOST} times within a minute: wait",
                retryAfter=int(_MINUTE - (now - self._minute)) + 1,
            )
        self._counts[person.dbid] += 1

    def _check_allowed(self, person: Row, profile: Profile) -> None:
        serving = self._serving
        if not serving.checks.ways_of(person).internal:
            raise NoPermission("the password is kept by another system: change it there")
        allowed = serving.options.flag("password-change")
        if not allowed and not profile.whole.mask(person.node) & CHANGE:
            raise NoPermission("persons may not change their own passwords here (password-change)")

    def _judged(
        self,
        session: Any,
        message: ChangePassword,
        person: Row,
        former: bytes,
        event: Authenticated,
    ) -> None:
        serving = self._serving
        serving.accounts.end(person.name)
        try:
            if event.outcome == "unavailable":
                raise AuthenticationUnavailable
            if event.outcome == "rejected":
                serving.accounts.failed(person.name, session.forwarded or session.peer)
                raise AuthenticationFailed("the old password is wrong")
            serving.authority.check_password()  # again: that took a while
        except RequestError as error:
            self._busy.discard(session.connection)
            session.refuse(error, message.ref)
            return
        ticket = next(serving.tickets)
        self._asked[ticket] = session, message
        origin = f"{session.name} {session.peer} session {session.id}"
        serving.authority.set_password(
            SetPassword(ticket, person.dbid, message.new_password, origin, former)
        )
