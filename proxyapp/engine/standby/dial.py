"""An outgoing connection to the other server of a pair, until its session is open.

    idle -> connecting -> opening -> open -> idle …

Logs in by the own application's secret. Knows no sockets, and nothing of what is said once it is
open.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from confwire import codec
from confwire.errors import RemoteProtocolError
from confwire.handshake import ClientHandshake, parse_challenge
from confwire.messages import RELEASE, Challenge, KeepAlive, Message, Open, Opened, Proof
from proxyapp.engine.commands import CloseLink, ProveLink, SendLink
from proxyapp.engine.links.contact import peer_contact
from proxyapp.engine.serving import Serving

LINK = "peer"


class DialState(Enum):
    """How far it has come."""

    IDLE = "lost"
    CONNECTING = "connecting"
    OPENING = "opening"
    OPEN = "live"


class Dial:
    """One connection to the other server, or the attempt at it."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving
        self.state = DialState.IDLE
        self._handshake: ClientHandshake | None = None
        self._challenge = ""
        self._keep_alive = KeepAlive()

    def __repr__(self) -> str:
        return f"<Dial {self.state.value}>"

    @property
    def is_open(self) -> bool:
        return self.state is DialState.OPEN

    def connect(
        self, host: str, port: int, delay: float, keep_alive: KeepAlive, other: Mapping[str, Any]
    ) -> None:
        """Try to connect after so many seconds to the server whose Application this is."""
        self.state = DialState.CONNECTING
        self._keep_alive = keep_alive
        self._serving.out.append(
            peer_contact(self._serving, host, port, delay, keep_alive.local, other)
        )

    def opened(self, nonce: str) -> None:
        """The connection stands: log in."""
        name = self._serving.settings.application
        self.state = DialState.OPENING
        self._challenge = ""
        self._handshake = ClientHandshake(name, nonce)
        self.send(
            Open(
                application=name,
                application_type="configserver",
                release=RELEASE,
                data=self._handshake.first(),
                keep_alive=self._keep_alive,
                role="peer",
            )
        )

    def proved(self, salted_password: bytes) -> None:
        """The keys for the challenge are there."""
        if self.state is DialState.OPENING and self._handshake is not None and self._challenge:
            challenge, self._challenge = self._challenge, ""
            self.send(Proof(self._handshake.final(challenge, salted_password)))

    def take(self, message: Any) -> bool:
        """Take what comes before the session is open; tell whether it is open now.

        Raises RemoteProtocolError: this is not how a session opens, or a false server.
        """
        assert self._handshake is not None
        if isinstance(message, Challenge):
            self._challenge = message.data
            salting = parse_challenge(message.data)
            self._serving.out.append(ProveLink(salting.salt, salting.iterations, LINK))
        elif isinstance(message, Opened):
            self._handshake.verify(message.data)
            self.state = DialState.OPEN
        else:
            raise RemoteProtocolError(f"unexpected {type(message).__name__} in an opening")
        return self.is_open

    def send(self, message: Message) -> None:
        """Send a message."""
        self._serving.out.append(SendLink([codec.encode(message)], LINK))

    def close(self, reason: str) -> None:
        """End the connection, or the attempt; told as lost."""
        self._serving.out.append(CloseLink(reason, LINK))

    def lost(self) -> None:
        """The connection is gone."""
        self.state = DialState.IDLE
