"""A master's connection to the database, as the runtime has it: loads, follows, writes.

Rows are the truth, a wake-up only says when to look; each step takes time, in which others
commit, and the process may be stopped or killed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random

from confwire.errors import DatabaseUnavailable
from confwire.messages import Record, Transaction
from proxyapp.engine import commands, events
from tests.simulation.database import Database

POLL = 1.0
PAGE = 20

Position = tuple[str, int, int, str]


class Authority:
    """What one process knows of the database."""

    def __init__(
        self,
        database: Database,
        tell: Callable[[events.Event], None],
        later: Callable[..., None],
        random: Random,
        may_write: Callable[[], bool],
    ) -> None:
        self._database = database
        self.may_write = may_write
        """The fence: whether this process is the one that leads."""
        self._elected: events.Elected | None = None
        self._tell = tell
        self._later = later
        self._random = random
        self._known: Position | None = None
        self._reason = "first"
        self._is_lost = False
        self._busy = False
        self._woken = False
        self._writes: deque[commands.Write] = deque()
        self._outcomes: deque[events.Event] = deque()
        """Of writes: one thread carries them out, so neither overtakes another."""

    def start(self) -> None:
        """Load; then follow."""
        self._poll()

    def _poll(self) -> None:
        self.wake()
        self._later(POLL, self._poll)

    def wake(self) -> None:
        """Something may be new."""
        self._woken = True
        if not self._busy:
            self._busy = True
            self._later(self._pause(), self._look)

    @property
    def is_loading(self) -> bool:
        return self._known is None

    def reload(self, reason: str) -> None:
        """Load everything anew."""
        self._known = None
        self._reason = reason
        self.wake()

    def announce(self, elected: events.Elected | None) -> None:
        """Tell that this master leads behind all that was committed before; None: it does not."""
        self._elected = elected
        self.wake()

    def write(self, command: commands.Write) -> None:
        """Write, one after another; an answer and its change come back in any order."""
        self._writes.append(command)
        self._later(self._pause(), self._write)

    def _write(self) -> None:
        if self._database.is_away:
            self._later(0.5, self._write)
            return
        command = self._writes.popleft()
        if self.may_write():
            self._outcomes.append(self._database.write(command))
        else:
            error = DatabaseUnavailable("another master leads")
            self._outcomes.append(events.WriteRefused(command.ticket, error))
        self._later(self._pause(), self._answer)

    def _answer(self) -> None:
        self._tell(self._outcomes.popleft())

    def read_transactions(self, command: commands.ReadTransactions) -> None:
        """Read the journal table."""
        self._later(self._pause(), self._read_transactions, command)

    def _read_transactions(self, command: commands.ReadTransactions) -> None:
        if self._database.is_away:
            self._tell(events.TransactionsRead(command.connection, False, []))
        else:
            self._later(self._pause(), self._tell, self._database.read(command))

    def new_epoch(self, command: commands.NewEpoch) -> None:
        """Begin a new epoch."""
        self._later(self._pause(), self._new_epoch)

    def _new_epoch(self) -> None:
        if not self._database.is_away and self.may_write():
            self._database.new_epoch()
        self.wake()

    # ------------------------------------------------------------ following

    def _pause(self) -> float:
        return self._random.random() * 0.02

    def _rest(self) -> None:
        self._busy = False
        if self._woken:
            self.wake()

    def _look(self) -> None:
        self._woken = False
        if self._database.is_away:
            if not self._is_lost:
                self._is_lost = True
                self._tell(events.AuthorityLost("the connection was refused"))
            self._later(0.3, self._look)
            return
        if self._known is None:
            start, total = self._database.position, len(self._database.records)
            self._regain()
            self._tell(events.LoadStarted(start[0], start[1], total, self._reason))
            self._load(start, (0, 0))
        else:
            self._follow(self._known)

    def _regain(self) -> None:
        if self._is_lost:
            self._is_lost = False
            self._tell(events.AuthorityBack())

    def _load(self, start: Position, after: tuple[int, int]) -> None:
        """Read the next page, as it stands now."""
        if self._database.is_away:
            self._look()
            return
        keys = sorted(key for key in self._database.records if key > after)[:PAGE]
        if keys:
            page: list[Record] = [self._database.records[key] for key in keys]
            self._tell(events.RecordsLoaded(page))
            self._later(self._pause(), self._load, start, keys[-1])
        else:
            end = self._catch_up(start)
            if end[0] != start[0]:  # another epoch has begun meanwhile
                self.reload("epoch")
                self._later(self._pause(), self._look)
                return
            self._known = end
            self._tell(events.LoadEnded(*end[1:]))
            self._woken = True
            self._rest()

    def _catch_up(self, known: Position) -> Position:
        for transaction in self._database.since(known[1]):
            self._tell(events.Committed(transaction))
            known = _after(transaction)
        return known

    def _follow(self, known: Position) -> None:
        position = self._database.position
        self._regain()
        if position == known:
            elected, self._elected = self._elected, None
            if elected is not None:
                self._tell(elected)
            self._rest()
        elif broken := self._find_break(known, position):
            self.reload(broken)
            self._later(self._pause(), self._look)
        else:
            self._next(known, self._database.since(known[1]))

    def _next(self, known: Position, found: list[Transaction]) -> None:
        """Tell what was read, one at a time: what it causes comes in between."""
        if self._known is not known:  # a reload was asked for on the way
            self._later(self._pause(), self._look)
        elif found:
            self._known = _after(found[0])
            self._tell(events.Committed(found[0]))
            if self._known is not None:
                self._later(0.001, self._next, self._known, found[1:])
            else:
                self._later(self._pause(), self._look)
        else:
            self._woken = self._woken or self._elected is not None
            self._rest()

    def _find_break(self, known: Position, position: Position) -> str:
        if position[0] != known[0] or position[1] <= known[1]:
            return "epoch"
        found = self._database.hash_at(known[1])
        if found is not None:
            return "" if found == known[3] else "epoch"
        return "" if self._database.first <= known[1] else "compacted"


def _after(transaction: Transaction) -> Position:
    return (
        transaction.epoch, transaction.revision, int(transaction.tree, 16), transaction.hash
    )  # fmt: skip
