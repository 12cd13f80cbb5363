"""Who a server says it is: itself, or the pool that it is a member of.

Clients of a pool know the balancer's object alone, so each member answers with that one's
identity. Worked out when applications or hosts change, not for each session.
"""

from __future__ import annotations

from confwire.messages import ServerIdentity
from proxyapp.engine.serving import Serving
from proxyapp.engine.topology.partners import client_address, partner_of
from proxyapp.engine.topology.pool import OPTION, Pool, objection, pool_of


class Identity:
    """The identity of one node."""

    def __init__(self, serving: Serving) -> None:
        """Tell nothing but the names before the first data."""
        self._serving = serving
        self._pool_name = ""
        self._has_begun = False
        self._known: ServerIdentity | None = None

    def follow(self) -> None:
        """Applications or hosts have changed."""
        serving = self._serving
        if not serving.application:
            return
        if not self._has_begun:
            self._has_begun = True
            self._pool_name = serving.options.text(OPTION)
        self._known = self._work_out()

    def tell(self) -> ServerIdentity:
        """Return who this server is to its clients."""
        return self._known or self._work_out()

    def _work_out(self) -> ServerIdentity:
        serving = self._serving
        settings, pool = serving.settings, self._pool()
        host, port = ("", "") if pool is not None else self._backup()
        return ServerIdentity(
            application=pool.name if pool is not None else settings.application,
            dbid=pool.dbid if pool is not None else serving.application.get("DBID", 0),
            release=settings.release,
            mode="master" if serving.authority.takes_servers else "proxy",
            host=pool.host if pool is not None else "",
            port=pool.port if pool is not None else "",
            member=settings.application if pool is not None else "",
            backup_host=host,
            backup_port=port,
            master_host=serving.master_address[0],
            master_port=str(serving.master_address[1] or ""),
        )

    def _backup(self) -> tuple[str, str]:
        """Return host and port of the other server for clients, empty where there is none."""
        serving, pairing = self._serving, self._serving.pairing
        partner = pairing.partner if pairing is not None else None
        if partner is None:
            # Of two masters either may lead: to its clients the other one is the backup.
            partner = partner_of(serving.store, serving.application.get("DBID", 0))
        return client_address(serving.store, partner.document) if partner is not None else ("", "")

    def _pool(self) -> Pool | None:
        """Return the pool of this server; where that cannot be, say why once."""
        serving, name = self._serving, self._pool_name
        if not name:
            return None
        reason = objection(serving.store, serving.application, name)
        if not reason:
            serving.calm("pool")
            return pool_of(serving.store, name)
        text = f"{OPTION} has no effect: {reason}"
        if serving.alarms.get("pool", ("", 0.0))[0] != text:
            serving.alarm("pool", text, serving.now)
        return None
