"""In which order the other server of a pair has said what it said, over however many lines.

Two lines may stand between the two, and what comes on the slower one may be older than what is
known. So each run of a process numbers what it says. Knows no roles and no links.
"""

from __future__ import annotations

from typing import Final

PATIENCE: Final = 3
"""Words of a former run in a row after which it is the one that lives: the dead ones end."""


class Statements:
    """Numbers what one server says, and tells which of the other's words are old."""

    def __init__(self, run: str) -> None:
        """Have said and heard nothing.

        Args:
            run: names this run of the process, unlike any other run of it.
        """
        self.run = run
        self._said = 0
        self._heard = ("", 0)
        """The run that was heard last, and its highest number."""
        self._former = ""
        """The run that was heard before that one."""
        self._ignored = 0
        """Its words since then, with none of the other run in between."""

    def __repr__(self) -> str:
        return f"<Statements {self._said} said, {self._heard[1]} heard>"

    def next(self) -> int:
        """Return the number of what is said now."""
        self._said += 1
        return self._said

    def is_news(self, run: str, said: int) -> bool:
        """Tell whether nothing later was heard of the other server; note it if so."""
        known, highest = self._heard
        if run == known and said <= highest:
            return False
        if run == self._former and run != known:
            self._ignored += 1
            if self._ignored < PATIENCE:
                return False
        if run != known:
            self._former = known
        self._heard, self._ignored = (run, said), 0
        return True

    def is_of_the_living(self, run: str) -> bool:
        """Tell whether it is the run of the other server that was heard last."""
        return run == self._heard[0]

    def forget(self) -> None:
        """No line stands any more: nothing old can come."""
        self._heard, self._former, self._ignored = ("", 0), "", 0
