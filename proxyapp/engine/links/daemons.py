"""One session for a daemon application in the whole fleet; the master knows who has it.

Each server refuses a second session of its own by itself. A proxy tells its master of each that
opens or ends; of two on different servers the one that opened first stays, and the other is
closed. A session that goes on elsewhere by its token takes its place along. While the master is
away each server knows its own alone, and tells of them when the link is back. Knows no sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from confwire.errors import ApplicationInUse, CloseCode, RequestError
from confwire.messages import DaemonRuling, DaemonSession
from confwire.objects import ObjectType, is_server_type
from proxyapp.engine.commands import Probe
from proxyapp.engine.serving import Serving

PROBE_EVERY = 1.0
"""Seconds between two polls of one session, however many want in."""
_HERE = 0
"""The number of no connection: the master's own sessions."""


class Daemon(Protocol):
    """A session of a server application."""

    connection: int
    application: int
    id: str
    name: str
    role: str
    connected_at: float

    def refuse(self, error: RequestError, ref: int | str | None) -> None:
        """Answer that something cannot be done."""

    def close(self, code: CloseCode, reason: str) -> None:
        """End it."""


class _Application(Struct):
    """The field of an application's document that says whether it is a daemon."""

    type: str = ""


_document = msgspec.json.Decoder(_Application).decode


class _Holder(Struct):
    """Who has the session of an application."""

    link: int
    """The connection of the proxy that tells of it."""
    server: str
    session: str
    since: float
    """When it opened, by the master's clock."""
    probed: float | None = None
    """When it was polled last."""


class Daemons:
    """What one server knows of the sessions of daemons."""

    def __init__(self, serving: Serving, say: Callable[[DaemonSession], None] | None) -> None:
        """Know of none.

        Args:
            say: tells the master, if it can be told; None: this is the master.
        """
        self._serving = serving
        self._say = say
        # Invariant: one entry at most for each daemon among the applications, whatever is told.
        self._held: dict[int, _Holder] = {}
        self._refused = 0

    def __repr__(self) -> str:
        return f"<Daemons {len(self._held)} known>"

    def status(self) -> dict[str, Any] | None:
        """Return how many there are as JSON-able data, None where the master is another one."""
        if self._say is not None:
            return None
        own = self._serving.settings.application
        servers = Counter(holder.server or own for holder in self._held.values())
        return {"open": len(self._held), "servers": dict(servers), "refused": self._refused}

    # ------------------------------------------------------------ own sessions

    def changed(self, session: Daemon, is_open: bool) -> None:
        """A daemon has logged in here, or has gone; links of servers are no such sessions."""
        if session.role != "client":
            return
        told = self._claim(session, is_open)
        if self._say is not None:
            self._say(told)
        else:
            self._take(_HERE, self._serving.settings.application, told)

    def tell(self) -> None:
        """The link to the master lives: tell of all that are open."""
        assert self._say is not None
        for session in self._serving.roster.daemons():
            if session.role == "client":
                self._say(self._claim(session, True))

    def _claim(self, session: Daemon, is_open: bool) -> DaemonSession:
        return DaemonSession(
            application_dbid=session.application,
            session=session.id,
            open=is_open,
            age=max(0.0, self._serving.now - session.connected_at),
        )

    def check(self, application: int, session: str) -> None:
        """Refuse, at the master, a daemon that has a session on a proxy.

        Raises:
            ApplicationInUse: it has, and that is another one.
        """
        holder = self._held.get(application)
        if holder is not None and holder.link != _HERE and holder.session != session:
            self._refused += 1
            self._probe(holder, application)
            raise ApplicationInUse(_in_use(holder.server))

    # ------------------------------------------------------------ what proxies say

    def told(self, link: int, server: str, message: DaemonSession) -> None:
        """A proxy says that a daemon has a session there, or has it no more.

        What is no daemon, here where the data is the newest, has nothing to claim.
        """
        if not message.open or self._is_daemon(message.application_dbid):
            self._take(link, server, message)

    def _is_daemon(self, application: int) -> bool:
        row = self._serving.store.get(ObjectType.APPLICATION, application)
        return row is not None and is_server_type(_document(row.body).type)

    def left(self, link: int) -> None:
        """A proxy's link is gone: nothing is known of its daemons."""
        held = self._held.items()
        self._held = {dbid: holder for dbid, holder in held if holder.link != link}

    def _take(self, link: int, server: str, message: DaemonSession) -> None:
        application = message.application_dbid
        new = _Holder(link, server, message.session, self._serving.now - message.age)
        old = self._held.get(application)
        if not message.open:
            if old is not None and (old.link, old.session) == (link, message.session):
                del self._held[application]
        elif old is None or old.link == link:
            self._held[application] = new
        elif old.session == new.session:
            self._held[application] = new
            self._rule(old, application, "moved")
        elif new.since < old.since:
            self._held[application] = new
            self._refused += 1
            self._rule(old, application, "inUse", new.server)
        else:
            self._refused += 1
            self._rule(new, application, "inUse", old.server)
            self._probe(old, application)

    def _probe(self, holder: _Holder, application: int) -> None:
        now = self._serving.now
        if holder.probed is None or now - holder.probed >= PROBE_EVERY:
            holder.probed = now
            self._rule(holder, application, "probe")

    def _rule(self, holder: _Holder, application: int, ruling: str, server: str = "") -> None:
        message = DaemonRuling(
            application_dbid=application,
            session=holder.session,
            ruling=ruling,  # type: ignore[arg-type]
            server=server,
        )
        if holder.link == _HERE:
            self.ruled(message)
            return
        link = self._serving.roster.get(holder.link)
        if link is not None:
            link.answer(message)

    # ------------------------------------------------------------ what the master says

    def ruled(self, message: DaemonRuling) -> None:
        """The master has decided about a session that may be here."""
        session = self._serving.roster.daemon(message.application_dbid)
        if session is None or session.id != message.session:
            return  # it is gone already
        if message.ruling == "probe":
            self._serving.out.append(Probe(session.connection))
        elif message.ruling == "moved":
            session.close(CloseCode.TAKEN_OVER, "the session goes on on another connection")
        else:
            error = ApplicationInUse(_in_use(message.server))
            self._serving.log("warning", "second session of a daemon", application=session.name,
                              other=message.server)  # fmt: skip
            session.refuse(error, None)
            session.close(CloseCode.REFUSED, error.code)


def _in_use(server: str) -> str:
    return (
        f"the application has a session on '{server}' already: a server may have one at a time."
        " Stop the other one, or try again in some seconds if its line is dead"
    )
