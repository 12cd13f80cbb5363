"""Who logs in and with what: a person with a password, or an application with its secret."""

from __future__ import annotations

import asyncio

from confwire.errors import LocalProtocolError
from confwire.handshake import Salting, derive


class Credentials:
    """The account of a client, and the keys derived from its password.

    Args:
        application: the Application object that the client opens.
        user: user name of a person; empty when the application logs in by its own secret.
        password: the person's password.
        secret: the application's secret.
    """

    def __init__(self, application: str, user: str, password: str, secret: str) -> None:
        if bool(user) == bool(secret):
            raise LocalProtocolError("give a user with a password, or the application's secret")
        self.application = application
        self.user = user
        self._password = password or secret
        # Servers of one environment share the salt, so a reconnect costs no derivation.
        self._salted: dict[Salting, bytes] = {}

    def __repr__(self) -> str:
        return f"<Credentials {self.user or self.application}>"

    @property
    def name(self) -> str:
        """The name that SCRAM proves."""
        return self.user or self.application

    async def salted_password(self, salting: Salting) -> bytes:
        """Return the derived key; the slow derivation runs in a thread, once for each salt."""
        found = self._salted.get(salting)
        if found is None:
            found = await asyncio.to_thread(
                derive, self._password, salting.salt, salting.iterations
            )
            self._salted = {salting: found}  # an old salt means an old password
        return found
