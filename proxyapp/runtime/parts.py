"""What the worker needs of those around it: the node, connections, the database, and its files.

Each is a protocol, so that none of them knows the worker, or another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from confwire.messages import AccountState, HistoryEntry
from confwire.objects import ObjectType
from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.engine.sessions.recent import RecentChanges, RecentQuestion

CopyOrder = c.BeginCopy | c.CopyRows | c.CopyEntry | c.DateCopy | c.KeepKeys
"""What is written beside the data that is served."""


class NodeLike(Protocol):
    """What the worker needs of a node."""

    def start(self, now: float) -> list[c.Command]:
        """Begin."""

    def handle(self, event: e.Event, now: float) -> list[c.Command]:
        """Take in what happened; return what to do, in order."""

    def status(self, now: float, *, whole: bool = True) -> dict[str, Any]:
        """Return the state for people and programs; its sessions are counted unless whole."""

    def stands_by(self) -> bool:
        """Whether it serves nobody because another one does."""

    def ready(self) -> bool:
        """Whether it would serve."""

    def fresh(self, limit: float | None, now: float) -> tuple[bool, str]:
        """Whether what it serves is not older than a limit in seconds, and a text."""

    def verifier_of(self, user_name: str) -> str | None:
        """Return a person's SCRAM verifier."""

    def may_try(self, user_name: str, address: str) -> bool:
        """Whether neither the account nor the address has failed too often."""

    def has_failed(self, user_name: str, address: str) -> None:
        """A password that was not brought by a session is wrong."""

    def is_super_administrator(self, user_name: str) -> bool:
        """Whether the person may see and do everything."""

    def hidden_names(self, user_name: str, type_: ObjectType, names: Iterable[str]) -> list[str]:
        """Return which names are such of objects that a person may not read."""

    def recent_changes(
        self, user_name: str | None, question: RecentQuestion, limit: int
    ) -> RecentChanges:
        """Return the newest changes in memory that a person may see; None sees all."""


class Outlet(Protocol):
    """A connection, as the worker sees it."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Send text messages."""

    def close(self, code: int, reason: str) -> None:
        """Close after what was sent."""

    def admit(self) -> None:
        """Allow messages of full size."""

    def hold(self) -> None:
        """Read nothing more."""

    def release(self) -> None:
        """Read again."""

    def probe(self) -> None:
        """Poll now."""

    def set_keep_alive(self, timeout: float) -> None:
        """Poll after so many seconds of silence."""


class WebOutlet(Outlet, Protocol):
    """A connection that did not come by a listening port."""

    def sweep(self, now: float) -> None:
        """Look after deadlines; called several times a second."""


class Database(Protocol):
    """The configuration database, as the worker sees it."""

    def write(self, command: c.Write) -> None:
        """Begin a write; Written or WriteRefused is told later."""

    def reload(self, reason: str) -> None:
        """Load everything anew."""

    def set_password(self, command: c.SetPassword) -> None:
        """Begin to set a password; PasswordSet is told later."""

    def read_transactions(self, command: c.ReadTransactions) -> None:
        """Read the journal table; TransactionsRead is told later."""

    def new_epoch(self, command: c.NewEpoch) -> None:
        """Begin a new epoch."""


class Pruning(Protocol):
    """The clean-up of the history, as the worker sees it."""

    def alarms(self, now: float) -> list[dict[str, Any]]:
        """Return what is wrong with it at a monotonic time, for status pages."""


class History(Protocol):
    """The history log, as the worker sees it."""

    def configure(self, command: c.ConfigureHistory) -> None:
        """Take over the options."""

    def keep(self, entries: Sequence[HistoryEntry]) -> None:
        """Keep entries, soon."""

    def hold(self, held: bool) -> None:
        """Write nothing behind what waits now, or go on."""

    def order(self, command: c.ReadSession | c.ReadEntries | c.TakeEntries) -> None:
        """Carry out a command behind all that is to be kept; its event is told later."""

    def read_history(self, command: c.ReadHistory | c.FindPast | c.FindDifferences) -> None:
        """Read changes, or objects as they were; what was read is told later."""

    def status(self) -> dict[str, Any]:
        """Return its state for people and programs."""


class Accounts(Protocol):
    """Where the states of accounts are kept, as the worker sees it."""

    def keep(self, states: Sequence[AccountState]) -> None:
        """Keep states, soon."""


class Terms(Protocol):
    """Where the terms of a pair are kept, as the worker sees it."""

    def keep(self, term: int) -> None:
        """Keep the highest term, soon."""


class LocalCopy(Protocol):
    """A proxy's local copy, as the worker sees it."""

    def read(self) -> None:
        """Tell what is there, then CopyRead."""

    def refuse(self, reason: str) -> None:
        """Take the next best: what was just told is not what it says."""

    def write(self, command: CopyOrder) -> None:
        """Write, soon and in this order."""

    def status(self) -> dict[str, Any]:
        """Return its state for people and programs."""
