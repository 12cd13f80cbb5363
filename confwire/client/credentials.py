"""Who logs in and with what: a person with a password or a ticket, or an application with its
secret.
"""

from __future__ import annotations

import asyncio
from typing import Literal

from confwire.errors import LocalProtocolError
from confwire.handshake import Salting, derive, server_key


class Credentials:
    """The account of a client, and the keys derived from its password.

    Args:
        application: the Application object that the client opens.
        user: user name of a person; empty when the application logs in by its own secret.
        password: the person's password.
        secret: the application's secret.
        mechanism: how the password is proved; PLAIN sends it, KERBEROS takes a ticket instead.
        service: principal that the ticket is for: `service@host`, or `service/host@REALM`.
    """

    def __init__(
        self,
        application: str,
        user: str,
        password: str,
        secret: str,
        mechanism: Literal["SCRAM-SHA-256", "PLAIN", "KERBEROS"] = "SCRAM-SHA-256",
        service: str = "",
    ) -> None:
        if bool(user) == bool(secret):
            raise LocalProtocolError("give a user with a password, or the application's secret")
        if secret and mechanism != "SCRAM-SHA-256":
            raise LocalProtocolError(f"mechanism {mechanism} is for users, not for applications")
        if mechanism == "KERBEROS" and not service:
            raise LocalProtocolError("say which service the ticket is for: service@host")
        self.application = application
        self.user = user
        self.password = password or secret
        self.mechanism = mechanism
        self.service = service
        # Servers of one environment share the salt, so a reconnect costs no derivation.
        self._salted: dict[Salting, bytes] = {}

    def __repr__(self) -> str:
        return f"<Credentials {self.user or self.application}>"

    @property
    def name(self) -> str:
        """The name that SCRAM proves."""
        return self.user or self.application

    @property
    def server_key(self) -> bytes:
        """What a server that knows the password proves itself with; empty before a login by it."""
        return next(map(server_key, self._salted.values()), b"")

    async def salted_password(self, salting: Salting) -> bytes:
        """Return the derived key; the slow derivation runs in a thread, once for each salt."""
        found = self._salted.get(salting)
        if found is None:
            found = await asyncio.to_thread(derive, self.password, salting.salt, salting.iterations)
            self._salted = {salting: found}  # an old salt means an old password
        return found
