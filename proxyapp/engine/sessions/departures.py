"""Sessions that are sent elsewhere, each at its own time: draining, shedding, disconnecting.

A session is told when and where to go, and served until then; who stays on is closed a moment
later. Links of servers are never sent away: a backup master takes them only when this one has
ended. Knows no protocol but these messages, and no time but what it is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from confwire.errors import CloseCode, InvalidParameter, NoPermission
from confwire.messages import Drain, Draining, HistoryEntry, Message, Shed
from confwire.objects import ObjectType
from historylog.entries import Kind, clean, of_server
from proxyapp.engine.commands import End, Listen
from proxyapp.engine.data.rights import CHANGE
from proxyapp.engine.parts import DismissRequest
from proxyapp.engine.serving import Serving

PACE = 100
"""Sessions that are sent away in a second, unless that would take longer than the limit."""
GRACE = 1.0
"""Seconds that a session has beyond its time, to leave by itself."""
_CLOSED = {
    CloseCode.DRAINING: "the server is about to stop",
    CloseCode.SHED: "the session was sent to another server",
    CloseCode.NOT_SERVING: "another server of the pair leads",
}


class Leaver(Protocol):
    """What is asked of a session."""

    id: str
    name: str
    user: str
    peer: str
    profile: Any

    @property
    def role(self) -> str:
        """What it is here: a client, or a server."""

    def answer(self, message: Message) -> None:
        """Send a message."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End the connection; the second time it has no effect."""


class Departures:
    """Who leaves this server, and when."""

    def __init__(self, serving: Serving, openings: Mapping[int, Leaver]) -> None:
        """Nobody leaves yet.

        Args:
            openings: connections whose sessions are not open, or were opened just now.
        """
        self._serving = serving
        self._openings = openings
        self._due: deque[tuple[float, Leaver, CloseCode]] = deque()
        """In the order of their times."""

    def __repr__(self) -> str:
        return f"<Departures of {len(self._due)}>"

    def status(self, now: float) -> dict[str, Any]:
        """Return who leaves, as JSON-able data."""
        last = self._due[-1][0] if self._due else now
        return {
            "draining": self._serving.draining,
            "sessions": len(self._due),
            "within": round(max(0.0, last - now), 1),
        }

    # ------------------------------------------------------------ what is asked

    def dismiss(self, by: Leaver, message: DismissRequest) -> int:
        """Do what a session asks; return how many others that concerns.

        Raises NoPermission: it may not change the server's own Application; InvalidParameter.
        """
        self._check(by)
        if isinstance(message, Drain):
            return self.drain(f"asked for by {_who(by)}", by)
        if isinstance(message, Shed):
            return self._shed(message.percent, by)
        return self._disconnect(message.session, by)

    def drain(self, reason: str, by: Leaver | None = None) -> int:
        """Accept nobody any more, send all clients away, then end; return how many there are.

        Asked again, the server ends at once.

        Args:
            reason: for the log and the history.
            by: the session that asked, None where the process was told to.
        """
        serving = self._serving
        if serving.draining:
            serving.out.append(End(f"{reason}, while draining"))
            return 0
        serving.draining = True
        serving.out.append(Listen((), shut=True))
        for opening in list(self._openings.values()):
            if not opening.name:
                opening.close(CloseCode.DRAINING, _CLOSED[CloseCode.DRAINING])
        self._due.clear()  # those that were to leave anyhow get new times
        clients = [session for session in serving.roster if session.role == "client"]
        within = self._send_away(clients, CloseCode.DRAINING)
        self._keep(Kind.DRAINING, f"{reason}: {len(clients)} clients within {within:.1f} s", by)
        serving.log("warning", "draining", reason=reason, clients=len(clients), within=within)
        self._end_when_empty()
        return len(clients)

    def step_down(self) -> None:
        """Another server of the pair leads: send all clients there, unless they leave already."""
        if not self._serving.draining:
            clients = [session for session in self._serving.roster if session.role == "client"]
            within = self._send_away(clients, CloseCode.NOT_SERVING)
            self._serving.log("warning", "clients sent away", clients=len(clients), within=within)

    def _shed(self, percent: int, by: Leaver) -> int:
        """Send a part of the clients elsewhere, evenly over how long they have been here.

        Neither who asks, nor those that leave already.
        """
        leaving = {session.id for _, session, _ in self._due}
        clients = [
            session
            for session in self._serving.roster
            if session.role == "client" and session is not by and session.id not in leaving
        ]
        count = -(-len(clients) * percent // 100)
        chosen = [clients[index * len(clients) // count] for index in range(count)]
        within = self._send_away(chosen, CloseCode.SHED)
        self._keep(Kind.SHEDDING, f"{percent} %: {count} clients within {within:.1f} s", by)
        self._serving.log("warning", "shedding", percent=percent, clients=count, by=_who(by))
        return count

    def _disconnect(self, session: str, by: Leaver) -> int:
        found = next((member for member in self._serving.roster if member.id == session), None)
        if found is None or found is by:
            raise InvalidParameter(
                f"there is no other session '{session}' here: the status lists those that are"
            )
        self._keep(Kind.DISCONNECTED, f"session {session} of {found.name} from {found.peer}", by)
        self._serving.log("warning", "session disconnected", session=session, by=_who(by))
        found.close(CloseCode.DISCONNECTED, f"disconnected by {_who(by)}")
        return 1

    def _check(self, by: Leaver) -> None:
        serving = self._serving
        own = serving.store.get(ObjectType.APPLICATION, serving.application["DBID"])
        if own is None or by.role != "client" or not by.profile.whole.mask(own.node) & CHANGE:
            raise NoPermission(
                "only who may change the Application object of this server ends sessions of others",
                right="change",
            )

    # ------------------------------------------------------------ time

    def tick(self, now: float) -> None:
        """Close those whose time is over; let the server end when all are gone."""
        due = self._due
        while due and due[0][0] <= now:
            _, session, code = due.popleft()
            session.close(code, _CLOSED[code])
        if self._serving.draining:
            self._end_when_empty()

    def _send_away(self, sessions: list[Leaver], code: CloseCode) -> float:
        """Tell each when to go, spread evenly; return the seconds that the last one has."""
        serving = self._serving
        within = min(serving.options.number("drain-time"), len(sessions) / PACE)
        identity = serving.identity()
        host, port = identity.host, identity.port  # of the balancer, which knows who serves
        if not host:
            host, port = identity.backup_host, identity.backup_port
        for number, session in enumerate(sessions, start=1):
            after = round(within * number / len(sessions), 3)
            session.answer(Draining(retry_after=after, host=host, port=port))
            self._due.append((serving.now + after + GRACE, session, code))
        self._due = deque(sorted(self._due, key=lambda leaving: leaving[0]))
        return within

    def _end_when_empty(self) -> None:
        serving = self._serving
        if all(session.role != "client" for session in serving.roster):
            serving.out.append(End("all clients have left"))

    def _keep(self, kind: Kind, reason: str, by: Leaver | None) -> None:
        serving = self._serving
        entry: HistoryEntry = of_server(kind, serving.now, serving.settings.application, reason)
        entry.epoch, entry.revision = serving.epoch, serving.revision
        if by is not None:
            entry.session, entry.application, entry.peer = by.id, clean(by.name), by.peer
            entry.user = clean(by.user)
        serving.keep_entry(entry)


def _who(by: Leaver) -> str:
    return f"{by.user or by.name} from {by.peer}"
