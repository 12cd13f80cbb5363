"""A client that also keeps notes in an object's annex: one after the other, each written once.

A note that has a name is repeated until it is answered, through whichever server; what the
database has carried out shows whether it was written twice, or answered and never written.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tests.simulation.client import Client
from tests.simulation.database import Database
from tests.simulation.estate import SKILL
from tests.simulation.story import Violation
from tests.simulation.truth import Truth
from tests.simulation.vocabulary import Document

_OPEN = ("epochChanged",)
"""Refusals after which it is not known whether the write was carried out."""
_PASSING = ("masterUnavailable", "databaseUnavailable", "notReady", "tooManyWrites")
"""Refusals of what may be tried again."""

_decode = msgspec.json.Decoder().decode


class Writer(Client):
    """One client with notes."""

    def __init__(
        self, *arguments: Any, dbid: int, truth: Truth, database: Database, **more: Any
    ) -> None:
        """Take also the object of its notes."""
        super().__init__(*arguments, **more)
        self._dbid = dbid
        self._truth = truth
        self._database = database
        self._note = 0
        """The last note that was begun."""
        self._is_named = False
        self._asked = 0
        """The `ref` of its request; 0: none is under way."""
        self._is_under_way = False
        self._may_be_written = False
        """Some request was not answered."""
        self._begun_at = 0
        """How often the database had been set back when the note was begun."""
        self._answered: dict[int, int] = {}
        """The same of the notes that were answered."""

    @property
    def is_writing(self) -> bool:
        """Whether a note is not answered yet."""
        return self._is_under_way

    def _do_something(self) -> None:
        if self._random.random() < 0.7:
            self._write_note()
        else:
            super()._do_something()

    def _step(self) -> None:
        super()._step()
        if self._is_calm and self._is_under_way and self._phase == "open":
            self._write_note()

    def _write_note(self) -> None:
        """Write the next note, or again the one that has no answer."""
        if self._asked:
            return
        if not self._is_under_way:
            self._note += 1
            self._is_named = self._random.random() < 0.7
            self._is_under_way, self._may_be_written = True, False
            self._begun_at = self._database.set_back
        more = {"requestId": f"{self.host}-{self._note}"} if self._is_named else {}
        change = {"userProperties": {"note": {"number": str(self._note)}}}
        self._ask("updateObject", objectType="skill", DBID=self._dbid, delta=change, **more)
        self._asked = self._refs

    def _come_back(self, reason: str, code: int) -> None:
        if self._asked:
            self._asked, self._may_be_written = 0, True
            self._is_under_way = self._is_named  # without a name it cannot be repeated
        super()._come_back(reason, code)

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        message = _decode(data)
        if not self._asked or message.get("ref") != self._asked:
            return
        self._asked = 0
        if message["message"] == "objectUpdated":
            self._is_under_way = False
            self._was_written(message)
        elif message["message"] == "error":
            self._was_refused(message)

    # ------------------------------------------------------------ checks

    def _was_written(self, message: Document) -> None:
        note = self._note
        self._answered[note] = self._begun_at
        place = message["epoch"], message["revision"]
        found = _number(self._truth.moments[place].records[SKILL, self._dbid].body)
        if found < note:
            self._fail("Reliable", f"note {note} is answered, and {place} has {found}")

    def _was_refused(self, message: Document) -> None:
        code, name = message["code"], message.get("data", {}).get("requestId")
        if name or code in _OPEN:
            self._may_be_written = True
        if not self._may_be_written and self._database.notes[self._dbid, self._note]:
            self._fail("Reliable", f"note {self._note} was refused, and is written: {message}")
        self._is_under_way = self._is_named and (code in _PASSING or code in _OPEN)

    def check(self) -> None:
        """Check all notes that were written.

        Raises:
            Violation: one was written twice, or was answered and is not there.
        """
        for note in range(1, self._note + 1):
            times = self._database.notes[self._dbid, note]
            if times > 1:
                self._fail("Unique", f"note {note} was written {times} times")
            kept = self._answered.get(note) == self._database.set_back
            if kept and not times:
                self._fail("Reliable", f"note {note} was answered, and never written")

    def _fail(self, guarantee: str, text: str) -> None:
        history = "\n  ".join(self.ledger.past)
        raise Violation(guarantee, f"{self.host}: {text}\n  {history}")


def _number(body: Any) -> int:
    return int(_decode(body)["userProperties"]["note"]["number"])
