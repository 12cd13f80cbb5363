"""How a server logs in to another one: by the secret of its own Application object.

The keys for a challenge are derived beside the node, so the proof is made in a later turn. Knows
no sockets and no states of a link.
"""

from __future__ import annotations

from typing import Literal

from confwire.handshake import ClientHandshake, parse_challenge
from confwire.messages import RELEASE, Challenge, KeepAlive, Open, Opened, Proof
from proxyapp.engine.commands import ProveLink


class Introduction:
    """One login over one connection."""

    def __init__(self, application: str, nonce: str) -> None:
        self._application = application
        self._handshake = ClientHandshake(application, nonce)
        self._challenge = ""

    def opening(self, role: Literal["proxy", "peer"], keep_alive: KeepAlive) -> Open:
        """Return the first message."""
        return Open(
            application=self._application,
            application_type="configserver",
            release=RELEASE,
            data=self._handshake.first(),
            keep_alive=keep_alive,
            role=role,
        )

    def challenged(self, message: Challenge, link: str) -> ProveLink:
        """Take the challenge; return the command that has the keys for it derived.

        Raises RemoteProtocolError: it is none.
        """
        self._challenge = message.data
        salting = parse_challenge(message.data)
        return ProveLink(salting.salt, salting.iterations, link)

    def proof(self, salted_password: bytes) -> Proof | None:
        """Return the proof, once; None where nothing is to be proved.

        Raises RemoteProtocolError: the challenge does not answer this opening.
        """
        challenge, self._challenge = self._challenge, ""
        return Proof(self._handshake.final(challenge, salted_password)) if challenge else None

    def verify(self, message: Opened) -> None:
        """Check that the other server knows the secret, too.

        Raises RemoteProtocolError: it does not.
        """
        self._handshake.verify(message.data)
