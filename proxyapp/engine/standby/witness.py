"""The master as a pair's witness: it is told what each server does, and asked what the other does.

What follows from an answer, the table of roles knows (`pair`).
"""

from __future__ import annotations

from typing import Protocol

from confwire.messages import Message, PairRole, PeerRead, ReadPeer


class Master(Protocol):
    """The link to the master."""

    @property
    def is_open(self) -> bool:
        """Whether the master can be told and asked."""

    def say(self, message: Message) -> None:
        """Tell or ask the master."""

    def master_dbid(self) -> int:
        """Return the DBID of the master's application, 0 where it is not known."""


class Witness:
    """What one server of a pair and the master have said to each other of it."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._asked = 0
        """Number of the last question; answers to those before come too late."""
        self._told: tuple[str, int] | None = None
        """The role and its term, as the master was told last on its present link."""

    def ask(self) -> bool:
        """Ask what the other server does; tell whether there is anybody to ask."""
        if not self._master.is_open:
            return False
        self._asked += 1
        self._master.say(ReadPeer(ref=self._asked))
        return True

    def has_asked(self, message: PeerRead) -> bool:
        """Whether this answers the last question."""
        return bool(message.ref == self._asked)

    def lacks(self, running: str, term: int) -> bool:
        """Whether the master is there and was not told of this role; it is taken as told then."""
        if not self._master.is_open:
            self._told = None
            return False
        before, self._told = self._told, (running, term)
        return before != self._told

    def tell(self, role: PairRole) -> None:
        """Tell what this server does."""
        self._master.say(role)
