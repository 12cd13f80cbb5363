"""A server's own Application object, and the host that it runs on: its options and its ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from confwire.objects import ObjectType
from proxyapp.engine.applicationfaults import SERVER_TYPE
from proxyapp.engine.commands import Again, Configure, ConfigureHistory, Listen, Send, Stop
from proxyapp.engine.data.journal import Change
from proxyapp.engine.data.rows import Row
from proxyapp.engine.links.copying import Copying
from proxyapp.engine.links.keyring import Keyring
from proxyapp.engine.ports import client_ports, port_notices, sync_ports
from proxyapp.engine.serving import Serving
from proxyapp.engine.settings import Settings
from proxyapp.engine.standby.identity import Identity
from proxyapp.engine.transport import security_of

_RENEWED_A_TURN = 100
"""Tokens that are given out in one turn; each takes 20 us."""


def objection(name: str, type_: str) -> str:
    """Return why no server can be started as an application of this type; empty where one can."""
    if type_ == SERVER_TYPE:
        return ""
    return (
        f"application '{name}' is of type {type_ or 'unknown'}, and servers are of type"
        f" {SERVER_TYPE}: start with the -app of such an application"
    )


class OwnApplication:
    """What one node has taken over from its objects."""

    def __init__(
        self, serving: Serving, keyring: Keyring, copying: Copying, identity: Identity
    ) -> None:
        self._serving = serving
        self._keyring = keyring
        self._copying = copying
        self._identity = identity
        self._active: bool | None = None
        """The option active as it was read last."""
        self._host: dict[str, Any] = {}
        """The document of the host, as the ports were opened by."""

    def follow(self, changes: list[Change]) -> None:
        """Application objects have changed: the own one, or perhaps the pair's."""
        serving = self._serving
        if serving.site.note(changes, serving.revision):
            self._drop_those_ahead()
            if serving.issuing.part_since != serving.revision:
                serving.out.append(Again(self._renew_tokens()))
        self._take(changes)
        if self._serving.application and self._serving.pairing is not None:
            self._serving.pairing.follow()
        self._identity.follow()

    def follow_host(self) -> None:
        """Hosts have changed: take over other TLS parameters of the own one."""
        host = self._serving.host_of(self._serving.application)
        if security_of(host) != security_of(self._host) and not self._serving.withheld:
            self.listen()
        self._identity.follow()

    def serve(self) -> None:
        """The data is the master's: serve it."""
        serving = self._serving
        serving.withheld = ""
        if not serving.application:
            self.follow([])
        elif serving.pairing is not None and not serving.pairing.begun:
            serving.pairing.follow()
        else:
            self.listen()

    def listen(self) -> None:
        """Open and close ports as the object and the role in a pair want it."""
        serving = self._serving
        if serving.draining:
            return
        open_ = not (serving.withheld or serving.standby)
        self._host = host = serving.host_of(serving.application)
        ports = client_ports(serving.application, host) if open_ else ()
        paired = serving.pairing is not None and serving.pairing.paired
        for_pair = sync_ports(serving.application, host) if paired else ()
        serving.out.append(Listen((*ports, *for_pair), shut=bool(serving.standby)))

    def _take(self, changes: list[Change]) -> None:
        """Take over options and ports when the object has changed."""
        serving = self._serving
        row = self._find()
        if row is None:
            return
        key = (int(ObjectType.APPLICATION), row.dbid)
        known = bool(serving.application)
        if known and not any((change.type, change.dbid) == key for change in changes):
            return
        serving.application = msgspec.json.decode(row.body)
        serving.options = Settings(serving.application.get("options", {}))
        serving.issuing.server = serving.application["DBID"]
        if not known and serving.pairing is not None:
            self._limit(row.dbid)
        self._keyring.tick(serving.now)
        for complaint in serving.options.complaints:
            serving.log("warning", "option ignored", complaint=complaint)
        self._configure()
        self._configure_history()
        for notice in port_notices(serving.application):
            serving.log("warning", "port notice", notice=notice)
        if not serving.withheld and (serving.pairing is None or serving.pairing.begun):
            self.listen()

    def _drop_those_ahead(self) -> None:
        """A limit has changed, here or elsewhere: who knows more may know it of that part."""
        serving = self._serving
        for session in serving.roster:
            follower = session.follower
            if follower.specs and follower.ahead >= serving.revision:
                serving.out.append(Send(session.connection, [follower.lose("compacted")]))
                follower.distrust()

    def _renew_tokens(self) -> Iterator[None]:
        """Some server shows other data now: let tokens say what was told here, over many turns."""
        for count, session in enumerate(list(self._serving.roster), 1):
            session.renew_token()
            if count % _RENEWED_A_TURN == 0:
                yield

    def _limit(self, own: int) -> None:
        """Show what the site limit shows from the first client on; later the data sees to it."""
        serving = self._serving
        serving.site.own = own
        serving.site.follow(serving.store, serving.access)
        serving.issuing.part = serving.site.part_after((), serving.store)

    def _configure(self) -> None:
        options = self._serving.options
        self._serving.out.append(
            Configure(
                options.number("max-client-output-queue-size") * 1024,
                float(options.number("client-response-timeout")),
                options.text("verbose"),
                options.number("max-output-queue-size") * 1024 * 1024,
                options.text("balancer-networks"),
                options.text("balancer-protocol"),
            )
        )

    def _configure_history(self) -> None:
        serving, options = self._serving, self._serving.options
        active = options.flag("active")
        if self._active is not None and self._active is not active:
            # What the start finds there is from before it: only a change suspends.
            serving.keeping = active
            serving.log("warning", "history log resumed" if active else "history log suspended")
        self._active = active
        serving.out.append(
            ConfigureHistory(
                options.text("all"),
                options.flag("failsafe-store-processing"),
                options.number("client-expiration"),
                options.number("expiration"),
            )
        )

    def _find(self) -> Row | None:
        """Return the object: by its name at the start, by its DBID from then on.

        A server that runs goes on as it is when its object is renamed or deleted: its clients
        must not suffer from a slip in the administration.
        """
        serving, name = self._serving, self._serving.settings.application
        if not serving.application:
            row = serving.application_named(name)
            if row is None and not self._copying.reading:
                reason = (
                    f"there is no application '{name}': create it in the administration, or start"
                    " with the -app that it has there"
                )
                serving.out.append(Stop(reason))
            elif row is not None:
                type_ = msgspec.json.decode(row.body).get("type", "")
                if reason := objection(row.name, type_):
                    serving.out.append(Stop(reason))
                    return None
            return row
        row = serving.store.get(ObjectType.APPLICATION, serving.application["DBID"])
        if row is None:
            text = f"application '{name}' was deleted: create it anew, or stop this server"
        elif row.name.casefold() != name.casefold():
            text = f"application '{name}' is now '{row.name}': start it with -app '{row.name}'"
        else:
            serving.calm("application")
            return row
        if serving.alarms.get("application", ("", 0))[0] != text:
            serving.alarm("application", text, serving.now)
        return row
