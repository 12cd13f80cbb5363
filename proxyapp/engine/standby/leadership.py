"""Which of the masters of one database leads, as far as this one knows.

    electing -> primary <-> doubtful -> backup -> primary …

The lock in the database decides, and the fence in each commit keeps to it; here is only what
follows for clients. A backup has its ports closed and follows the data, so that it has little to
load when it takes over. A primary in doubt serves reads and takes no writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Protocol

import msgspec

from confwire.errors import CloseCode, DatabaseUnavailable, MasterUnavailable
from confwire.messages import Draining, Message
from confwire.objects import ObjectType
from historylog.entries import Kind
from proxyapp.engine.commands import HoldHistory
from proxyapp.engine.events import Deposed, Elected
from proxyapp.engine.ports import default_port
from proxyapp.engine.serving import Serving

RETRY_AFTER = 2
"""Seconds after which a write that found no leader is worth another attempt."""
_LONGEST_REASON = 100
"""Characters of the reason of a close."""
_SESSIONS_A_TURN = 100
_ELECTING = "it is not known yet whether another master leads"


class Client(Protocol):
    """What is asked of a session."""

    name: str
    """Of its application; empty until it is open."""
    replication: Any
    """None: it is no link of a server."""

    def answer(self, message: Message) -> None:
        """Send a message."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection; the second time it has no effect."""


class Role(Enum):
    """What a master does."""

    ELECTING = "electing"
    """It has just started. Serves nobody."""
    PRIMARY = "primary"
    DOUBTFUL = "doubtful"
    """Its lock is gone; nobody else has it as far as it knows. Serves reads."""
    BACKUP = "backup"
    """Another one leads. Serves nobody and writes nothing."""


class Leadership:
    """The role of a master. Without elections it leads from the beginning."""

    def __init__(self, serving: Serving, *, elects: bool) -> None:
        self._serving = serving
        self.role = Role.ELECTING if elects else Role.PRIMARY
        self.term = 0
        self.leader = ""
        """Name of the application that leads instead of this one."""
        self._elected: Elected | None = None
        """A lead that is taken as soon as the data is level."""
        self.doubted_since: float | None = None
        """Since when its data may be older than that of another master."""
        self._was_backup = False
        self._rests = elects
        """Nothing is written to the history log."""
        if elects:
            serving.withheld = _ELECTING

    def __repr__(self) -> str:
        return f"<Leadership {self.role.value} in term {self.term}>"

    @property
    def leads(self) -> bool:
        """Whether it may write."""
        return self.role is Role.PRIMARY

    @property
    def is_elected(self) -> bool:
        """Whether it has the lock and has not taken the lead yet."""
        return self._elected is not None

    @property
    def stands_by(self) -> bool:
        """Whether it is ready to take over."""
        return self.role is Role.BACKUP

    # ------------------------------------------------------------ what happens to it

    def elected(self, event: Elected) -> None:
        """It has the lock, and everything that was committed before was told."""
        self._elected = event

    def take_lead(self) -> bool:
        """Lead, once all data is taken in; tell whether clients are to be let in by that."""
        event, self._elected = self._elected, None
        assert event is not None, "only who is elected leads"
        before, self.role, self.term = self.role, Role.PRIMARY, event.term
        serving, own = self._serving, self._serving.settings.application
        self.leader, self.doubted_since = "", None
        serving.calm("leader")
        serving.log("info", "this master leads", term=event.term, before=before.value)
        if before is Role.DOUBTFUL:
            return False
        serving.out.append(HoldHistory(False))
        self._rests = False
        serving.withheld = ""
        if self._was_backup or event.former not in ("", own):
            what = f"primary in term {event.term}, after '{event.former}'"
            serving.log("warning", "role changed", role="primary", term=event.term)
            serving.keep(Kind.ROLE_CHANGED, what)
        self._was_backup = False
        return True

    def doubt(self, reason: str) -> None:
        """The lock is gone, or it cannot be told whether it is."""
        self._elected = None
        if self.role is Role.PRIMARY:
            # A process that was stopped finds it out late: others may lead since it stopped.
            since = self._serving.wakefulness.last(self._serving.now)
            self.role, self.doubted_since = Role.DOUBTFUL, since
            self._serving.log("error", "the lead is in doubt", reason=reason, term=self.term)
            text = f"no writes are taken until it is known which master leads: {reason}"
            self._serving.alarm("leader", text, self._serving.now)

    def deposed(self, event: Deposed) -> bool:
        """Another one leads; tell whether clients must leave for that."""
        self._elected = None
        before, self.role, self.leader = self.role, Role.BACKUP, event.leader
        self.doubted_since = None
        serving = self._serving
        serving.calm("leader")
        serving.withheld = f"this is a backup master, '{event.leader}' leads"
        if before is Role.BACKUP:
            return False
        self._was_backup = True
        serving.log("warning", "role changed", role="backup", leader=event.leader, term=event.term)
        served = before in (Role.PRIMARY, Role.DOUBTFUL)
        if served:
            serving.keep(Kind.ROLE_CHANGED, f"backup, '{event.leader}' leads in term {event.term}")
        return served

    def dismiss(self, sessions: Mapping[int, Client]) -> Iterator[None]:
        """Send all clients and servers to the one that leads, some in each turn."""
        host, port = self.address()
        notice = Draining(retry_after=0, host=host, port=port)
        reason = f"this is a backup master now: '{self.leader}' leads"[:_LONGEST_REASON]
        for count, session in enumerate(list(sessions.values()), 1):
            if session.name and session.replication is None:
                session.answer(notice)
            session.close(CloseCode.NOT_SERVING, reason)
            if count % _SESSIONS_A_TURN == 0:
                yield

    def rest(self, sessions: Mapping[int, Client]) -> None:
        """Keep nothing more in the history log, once all are gone whose end is to be kept."""
        if self.role is Role.BACKUP and not self._rests and not sessions:
            self._rests = True
            self._serving.out.append(HoldHistory(True))

    # ------------------------------------------------------------ what others ask of it

    def check_write(self) -> None:
        """Raise the reason if no write may be taken."""
        if self.role is Role.DOUBTFUL:
            raise DatabaseUnavailable(
                "it is not certain which master leads: try again in some seconds",
                retryAfter=RETRY_AFTER,
            )
        if self.role is not Role.PRIMARY:
            reason = f"{self._serving.withheld}: write there"
            raise MasterUnavailable(reason, retryAfter=RETRY_AFTER)

    def address(self) -> tuple[str, str]:
        """Return host and port of the master that leads instead; empty where that is not known."""
        row = self._serving.application_named(self.leader) if self.leader else None
        if row is None:
            return "", ""
        document = msgspec.json.decode(row.body)
        table = self._serving.store.tables[ObjectType.HOST]
        host = table.get(document.get("serverInfo", {}).get("hostDBID", 0))
        return host.name if host is not None else "", default_port(document)

    def status(self) -> dict[str, Any]:
        """Return the state for status pages."""
        found: dict[str, Any] = {"role": self.role.value, "term": self.term}
        if self.leader:
            found["leader"] = self.leader
            found["leaderAddress"] = ":".join(filter(None, self.address()))
        return found
