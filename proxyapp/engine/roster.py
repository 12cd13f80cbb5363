"""Who is logged in: open sessions by connection, by id, and the one session of each daemon.

Knows no protocol: a session is entered when it has opened and struck when it is gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Generic, Protocol, TypeVar


class Member(Protocol):
    """What the roster needs to know of a session."""

    connection: int
    id: str
    application: int
    person: int
    user: str

    def lag(self, revision: int) -> None:
        """Go through what comes after a revision at its own pace."""

    daemon: bool
    """Whether its application may have only one session at a time."""


M = TypeVar("M", bound=Member)


class Roster(Generic[M]):
    """All open sessions of a server."""

    def __init__(self) -> None:
        self._sessions: dict[int, M] = {}
        self.watch: Callable[[M, bool], None] = _ignore
        """Told of each daemon that enters, or leaves."""
        # Invariant: each daemon application has at most one entry, and it is in `_sessions`.
        self._daemons: dict[int, M] = {}
        self.touched: dict[int, None] | None = None
        """Connections whose sessions opened, ended or subscribed; None: nobody wants to know."""
        self._ids: dict[str, M] = {}
        self._persons: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[M]:
        return iter(list(self._sessions.values()))

    def get(self, connection: int) -> M | None:
        return self._sessions.get(connection)

    def daemon(self, application: int) -> M | None:
        """Return the session that a daemon application has now."""
        return self._daemons.get(application)

    def daemons(self) -> list[M]:
        """Return the sessions of all daemons."""
        return list(self._daemons.values())

    def named(self, session: str) -> M | None:
        """Return the open session with this id."""
        return self._ids.get(session)

    def count_of(self, person: int) -> int:
        """Return how many sessions a person has that logged in as a user."""
        return self._persons.get(person, 0)

    def lag(self, connection: int, revision: int) -> None:
        """Let a session go through what comes after a revision at its own pace."""
        session = self._sessions.get(connection)
        if session is not None:
            session.lag(revision)

    def touch(self, connection: int) -> None:
        """A session has become another one for whoever mirrors it."""
        if self.touched is not None:
            self.touched[connection] = None

    def enter(self, session: M) -> None:
        """Add a session that has opened."""
        assert session.id not in self._ids, session
        self._sessions[session.connection] = self._ids[session.id] = session
        self.touch(session.connection)
        if session.user:
            self._persons[session.person] += 1
        if session.daemon:
            assert session.application not in self._daemons, session
            self._daemons[session.application] = session
            self.watch(session, True)

    def strike(self, session: M) -> None:
        """Remove a session; one that never opened is none of the roster's."""
        if self._sessions.pop(session.connection, None) is not None:
            self.touch(session.connection)
            if session.user:
                self._persons[session.person] -= 1
                if not self._persons[session.person]:
                    del self._persons[session.person]
        if self._ids.get(session.id) is session:
            del self._ids[session.id]
        if self._daemons.get(session.application) is session:
            del self._daemons[session.application]
            self.watch(session, False)


def _ignore(session: Any, is_open: bool) -> None:
    """Nobody watches."""
