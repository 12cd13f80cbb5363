"""What a node remembers of accounts: last logins, failed ones, and locks.

Kept beside the journal, since it changes with each login. Servers exchange the states and merge
them: whatever the order, all end with the same. Knows no passwords and no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

import msgspec

from confwire.errors import AccountExpired, TooManySessions
from confwire.messages import AccountState, AccountStates
from confwire.objects import ObjectType
from historylog.entries import Kind
from proxyapp.engine.commands import KeepAccounts
from proxyapp.engine.data.rows import Row
from proxyapp.engine.parts import Greeting
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust import locks
from proxyapp.engine.trust.accountrules import (
    DAY,
    OVERRIDE,
    Rules,
    must_change,
    password_due,
    rules_for,
)

STRANGERS = 10_000
"""Names that nobody has whose failed logins are remembered."""
PERIOD = 1.0
"""Seconds between the times at which states are kept and forwarded."""
PACKET = 1_000
"""States of one message."""
_LONGEST = 64
"""Characters of a stranger's name that are remembered; a longer one by its digest."""
_DEFAULT_PERSON = 100
_ENVIRONMENT = 1


class Accounts:
    """The states of all accounts, and what follows from them at a login."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._states: dict[int, AccountState] = {}
        self._strangers: dict[str, AccountState] = {}
        self._pending: dict[object, int] = {}
        """Logins that others are judging, by account: each may fail."""
        self._unkept: set[int] = set()
        self._untold: set[int] = set()
        self._known_at = ("", 0)
        self._known: dict[tuple[int, int], Rules] = {}
        """Rules by tenant, and by person where it has its own, as of a revision."""
        self._beat = 0.0

    # ------------------------------------------------------------ a login

    def check(self, user: str, person: Row | None) -> None:
        """Refuse a login to an account that is locked, whatever it brings.

        Args:
            person: of this name, None where there is none.

        Raises AccountLocked, TooManyAttempts.
        """
        under_way = self._pending.get(self._key(user, person), 0) if self._pending else 0
        rules = self._rules(person)
        locks.check(self._state(user, person), rules, under_way, self._serving.now)

    def begin(self, user: str) -> None:
        """Others begin to judge a login: until they have, it may count as failed."""
        key = self._key(user, self._serving.person_named(user))
        self._pending[key] = self._pending.get(key, 0) + 1

    def end(self, user: str) -> None:
        """They have."""
        key = self._key(user, self._serving.person_named(user))
        left = self._pending.get(key, 0) - 1
        if left > 0:
            self._pending[key] = left
        else:
            self._pending.pop(key, None)

    def failed(self, user: str, peer: str) -> None:
        """A login failed: count it, and lock the account if it was one too many."""
        person, now = self._serving.person_named(user), self._serving.now
        known = self._state(user, person)
        state = locks.after_failure(known, self._rules(person), now)
        if person is not None and state.locked_at > known.locked_at:
            self._tell_lock(user, peer, locks.how_long(state))
        self._put(user, person, state)

    def admit(self, person: Row, sessions: int) -> Greeting:
        """Check what else keeps a person out whose password was right.

        Args:
            sessions: that it has here.

        Raises AccountExpired, TooManySessions.
        """
        now, rules = self._serving.now, self._rules(person)
        state = self._state(person.name, person)
        most = rules.number("max-account-sessions")
        if most and sessions >= most:
            raise TooManySessions(
                f"account '{person.name}' has {sessions} sessions here already: end one of them"
            )
        document = msgspec.json.decode(person.body)
        internal = self._serving.checks.ways_of(person).internal
        self._check_age(person, rules, state, internal)
        if not internal:
            return Greeting(state.last_login)
        due = password_due(rules, document) or 0.0
        soon = due - now <= rules.number("password-expiration-notify") * DAY
        return Greeting(
            state.last_login, due if due and soon else 0.0, must_change(rules, document, now)
        )

    def entered(self, person: Row) -> None:
        """A person has logged in: its failed logins are forgotten."""
        state, now = self._state(person.name, person), self._serving.now
        if not self._serving.options.flag("last-login") and not state.failures:
            return
        seen = now if self._serving.options.flag("last-login") else state.last_login
        cleared = now if state.failures else state.cleared_at
        self._put(
            person.name,
            person,
            AccountState(person.dbid, last_login=seen, cleared_at=cleared),
        )

    def _check_age(self, person: Row, rules: Rules, state: AccountState, internal: bool) -> None:
        days, options = rules.number("account-expiration"), self._serving.options
        synchronised = options.flag("last-login") and options.flag("last-login-synchronization")
        if not days or not synchronised or not internal or person.dbid == _DEFAULT_PERSON:
            return
        if state.last_login and self._serving.now - state.last_login > days * DAY:
            raise AccountExpired(
                f"account '{person.name}' was not used for {days} days: an administrator can"
                " unlock it"
            )

    def _rules(self, person: Row | None) -> Rules:
        """Return the rules for a person; worked out once for each revision of the data."""
        serving = self._serving
        at = serving.epoch, serving.revision
        if at != self._known_at:
            self._known_at, self._known = at, {}
        tenant = person.tenant if person is not None else _ENVIRONMENT
        # Few have rules of their own; all others share those of their tenant.
        own = person is not None and OVERRIDE.encode() in person.body
        key = (tenant, person.dbid if person is not None and own else 0)
        rules = self._known.get(key)
        if rules is None:
            document = msgspec.json.decode(person.body) if person is not None else None
            rules = rules_for(document, list(serving.checks.tenants(tenant)))
            self._known[key] = rules
        return rules

    def _tell_lock(self, user: str, peer: str, how_long: str) -> None:
        self._serving.log("warning", "account locked", user=user, peer=peer, how_long=how_long)
        self._serving.keep_about(Kind.ACCOUNT_LOCKED, user, peer, f"locked: {how_long}")

    # ------------------------------------------------------------ states

    def _key(self, user: str, person: Row | None) -> object:
        return person.dbid if person is not None else _folded(user)

    def _state(self, user: str, person: Row | None) -> AccountState:
        if person is not None:
            return self._states.get(person.dbid) or AccountState(person.dbid)
        return self._strangers.get(_folded(user)) or AccountState(0)

    def _put(self, user: str, person: Row | None, state: AccountState) -> None:
        if person is None:
            name = _folded(user)
            self._strangers.pop(name, None)
            if len(self._strangers) >= STRANGERS:
                self._strangers.pop(next(iter(self._strangers)))
            self._strangers[name] = state
        elif self._merge(state):
            self._unkept.add(person.dbid)
            self._untold.add(person.dbid)

    def _merge(self, state: AccountState) -> bool:
        """Take in a state; tell whether it says anything new."""
        known = self._states.get(state.person)
        new = locks.merged(known or state, state)
        if new == known:
            return False
        self._states[state.person] = new
        return True

    def take(self, states: Iterable[AccountState], *, kept: bool) -> None:
        """Take in states of another server, or those that were kept.

        Args:
            kept: they come from where states are kept, and need not go there.
        """
        for state in states:
            if self._merge(state):
                self._untold.add(state.person)
                settled = self._settle(state.person)
                if settled or not kept:
                    self._unkept.add(state.person)

    def _settle(self, dbid: int) -> bool:
        """Lock an account whose failures at several servers are too many together."""
        state, person = self._states[dbid], self._serving.store.get(ObjectType.PERSON, dbid)
        if not state.failures or person is None:
            return False
        settled = locks.settled(state, self._rules(person))
        if settled.locked_at == state.locked_at:
            return False
        self._merge(settled)
        if self._serving.relay is None:  # one of all servers tells it
            self._tell_lock(person.name, "", locks.how_long(settled))
        return True

    def tick(self, now: float) -> list[AccountStates]:
        """Have kept what is new; return it for other servers."""
        if now - self._beat < PERIOD:
            return []
        self._beat = now
        if self._unkept:
            found = self._some(self._unkept)
            self._unkept = set()
            self._serving.out.append(KeepAccounts(found))
        untold, self._untold = self._untold, set()
        return self._messages(self._some(untold))

    def all(self) -> list[AccountStates]:
        """Return everything, for a server whose link has just come about."""
        return self._messages(list(self._states.values()))

    def _some(self, persons: Iterable[int]) -> list[AccountState]:
        return [self._states[dbid] for dbid in sorted(persons)]

    def _messages(self, states: list[AccountState]) -> list[AccountStates]:
        if not self._serving.options.flag("last-login-synchronization"):
            states = [msgspec.structs.replace(state, last_login=0.0) for state in states]
        return [
            AccountStates(states=states[start : start + PACKET])
            for start in range(0, len(states), PACKET)
        ]


def _folded(name: str) -> str:
    """Return what a name is remembered by: in any case the same, and never long."""
    folded = name.casefold()
    if len(folded) <= _LONGEST:
        return folded
    return sha256(folded.encode(errors="surrogatepass")).hexdigest()
