"""The master's answer to a server of a pair: does it hear of the other one?

It asks the other one itself, over that one's link, so that a line that only seems to live, or a
process that was stopped, does not count. Knows no sockets; time is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from confwire.messages import AskRole, PairRole, PeerRead, ReadPeer
from proxyapp.engine.serving import Serving
from proxyapp.engine.topology.partners import partner_dbid

LIMIT = 2.0
"""Seconds for the other one's answer."""


class _Question(msgspec.Struct):
    asker: int
    ref: int | str
    asked: int
    until: float


class RollCall:
    """The questions that wait for an answer."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self._questions: dict[int, _Question] = {}
        self._number = 0
        self._roles: dict[int, PairRole] = {}
        """What each server of a pair said last, by its connection."""

    def __len__(self) -> int:
        return len(self._questions)

    def ask(self, asker: Any, message: ReadPeer, now: float) -> None:
        """A server of a pair asks about the other one."""
        other = self._session_of(partner_dbid(self._serving.store, asker.application))
        if other is None:
            self._answer(asker, message.ref, None)
            return
        self._number += 1
        self._questions[self._number] = _Question(
            asker.connection, message.ref, other.connection, now + LIMIT
        )
        other.answer(AskRole(number=self._number))

    def told(self, session: Any, message: PairRole) -> None:
        """A server of a pair says what it does."""
        self._roles[session.connection] = message
        question = self._questions.get(message.number)
        if question is not None and question.asked == session.connection:
            del self._questions[message.number]
            self._answer_to(question, message)

    def left(self, connection: int) -> None:
        """A server's link is gone."""
        self._roles.pop(connection, None)
        for question in self._take(lambda question: question.asked == connection):
            self._answer_to(question, None)

    def tick(self, now: float) -> None:
        """Answer for those that have not."""
        for question in self._take(lambda question: question.until <= now):
            self._answer_to(question, None)

    def status(self) -> list[dict[str, Any]]:
        """Return what the servers of pairs do, as JSON-able data."""
        told = ((self._serving.roster.get(number), role) for number, role in self._roles.items())
        return [
            {"application": session.name, "running": role.running, "term": role.term}
            for session, role in told
            if session is not None
        ]

    def _take(self, condition: Any) -> Iterator[_Question]:
        for number, question in list(self._questions.items()):
            if condition(question):
                del self._questions[number]
                yield question

    def _session_of(self, application: int) -> Any:
        # The newest: a line of a former run may not be known as dead yet.
        for session in reversed(self._serving.servers.values()):
            if application and session.application == application:
                return session
        return None

    def _answer_to(self, question: _Question, role: PairRole | None) -> None:
        asker = self._serving.roster.get(question.asker)
        if asker is not None:
            self._answer(asker, question.ref, role)

    def _answer(self, asker: Any, ref: int | str, role: PairRole | None) -> None:
        serving = self._serving
        asker.answer(
            PeerRead(
                ref=ref,
                epoch=serving.epoch,
                revision=serving.revision,
                lives=role is not None,
                running=role.running if role is not None else "",
                term=role.term if role is not None else 0,
            )
        )
