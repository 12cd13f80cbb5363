"""Which master a proxy connects to: the primary, else its backup.

After each loss the primary has the first turn, then the backup, round by round (specification,
chapter "Failure of Master Configuration Server"). A proxy stays with whichever took it until that
one is lost. The first contact is what the command line says; once there is data, the backup is
the one that the master's Application object names.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from confwire.objects import ObjectType
from proxyapp.engine.ports import link_port
from proxyapp.engine.serving import Serving
from proxyapp.engine.topology.partners import partner_of

SHORTEST_DELAY = 0.1
LONGEST_DELAY = 1.5
"""Seconds between two rounds: a master that is back is found within two."""
BETWEEN = 0.1
"""Seconds within a round, so that many proxies do not come to a backup at one moment."""
PATIENCE = 10.0
PATIENCE_OF_MORE = 3.0
"""Seconds for a connection, alone and where another master is to be tried after it."""


class Address(NamedTuple):
    """Where a master is."""

    host: str
    port: int
    backup: bool = False
    """Whether it is another one than the command line says."""

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Masters:
    """The masters that a proxy knows, and whose turn it is."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        settings = serving.settings
        self.present = Address(settings.master_host, settings.master_port)
        """The one that is connected to, or tried."""
        self.attempts = 0
        """Since the link was live."""
        self._home = 0
        """DBID of the application that answered where the command line says."""
        self._tried: list[Address] = []
        """In this round."""

    def __repr__(self) -> str:
        return f"<Masters at {self.present} after {self.attempts} attempts>"

    def known(self) -> list[Address]:
        """Return all masters, the primary first."""
        settings = self._serving.settings
        found = [Address(settings.master_host, settings.master_port), *self._of_objects()]
        if settings.backup_host and len(found) == 1:
            found.append(Address(settings.backup_host, settings.backup_port, True))
        unique: list[Address] = []
        for address in found:
            if address[:2] not in [known[:2] for known in unique]:
                unique.append(address)
        return unique

    def turn(self, jitter: float) -> float:
        """Go on to the next master; return the seconds to wait before it is tried.

        Args:
            jitter: a random number in [0, 1).
        """
        known = self.known()
        rest = [address for address in known if address not in self._tried]
        self.attempts += 1
        if rest and self._tried:
            self.present = rest[0]
            self._tried.append(self.present)
            return BETWEEN * (0.5 + jitter / 2)
        rounds = (self.attempts - 1) // len(known)
        self.present = known[0]
        self._tried = [self.present]
        longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2.0 ** min(rounds, 8))
        return longest * (0.5 + jitter / 2)

    def patience(self) -> float:
        """Return the seconds that the present one has to take the connection."""
        return PATIENCE if len(self.known()) == 1 else PATIENCE_OF_MORE

    def first(self) -> None:
        """Try the primary, at once."""
        self.attempts += 1
        self._tried = [self.present]

    def answered(self, dbid: int) -> None:
        """The present one has opened the session, as this application."""
        if not self.present.backup:
            self._home = dbid

    def live(self) -> None:
        """The link to the present one is live: after its loss all begins anew."""
        self.attempts = 0
        self._tried = []

    # ------------------------------------------------------------ what the objects say

    def _of_objects(self) -> list[Address]:
        """Return the masters that the Application objects name, beside the first contact."""
        serving = self._serving
        home = self._home or self._connected()
        partner = partner_of(serving.store, home) if home else None
        if partner is None:
            return []
        others = [partner.document]
        if not self._home:
            # It is not known yet which of the two the command line names.
            others.insert(0, self._document(home))
        port_id = self._port_id(home)
        found = [self._address(document, port_id) for document in others]
        return [address for address in found if address is not None]

    def _connected(self) -> int:
        """Return the DBID of the server that the own Connection names, 0 where there is none."""
        for item in self._serving.application.get("appServers", ()):
            dbid = int(item.get("appServerDBID", 0))
            if self._document(dbid).get("type") == "configserver":
                return dbid
        return 0

    def _document(self, dbid: int) -> dict[str, Any]:
        row = self._serving.store.get(ObjectType.APPLICATION, dbid)
        document: dict[str, Any] = msgspec.json.decode(row.body) if row is not None else {}
        return document

    def _port_id(self, home: int) -> str:
        """Return the ID of the port that the command line names, where that is to be kept to."""
        if not self._serving.options.flag("consistent-port-selection"):
            return ""
        number = str(self._serving.settings.master_port)
        ports = self._document(home).get("portInfos", ())
        return next((port.get("id", "") for port in ports if str(port.get("port")) == number), "")

    def _address(self, document: dict[str, Any], port_id: str) -> Address | None:
        host, port = self._serving.host_of(document), link_port(document, port_id)
        name = host.get("ipAddress") or host.get("name", "")
        return Address(name, port, True) if name and port else None
