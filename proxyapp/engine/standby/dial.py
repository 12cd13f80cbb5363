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
from confwire.messages import Challenge, KeepAlive, Message, Opened
from proxyapp.engine.commands import CloseLink, SendLink
from proxyapp.engine.links.contact import peer_contact
from proxyapp.engine.links.introduction import Introduction
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
        self._introduction: Introduction | None = None
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
        self.state = DialState.OPENING
        self._introduction = Introduction(self._serving.settings.application, nonce)
        self.send(self._introduction.opening("peer", self._keep_alive))

    def proved(self, salted_password: bytes) -> None:
        """The keys for the challenge are there."""
        if self.state is DialState.OPENING and self._introduction is not None:
            proof = self._introduction.proof(salted_password)
            if proof is not None:
                self.send(proof)

    def take(self, message: Any) -> bool:
        """Take what comes before the session is open; tell whether it is open now.

        Raises RemoteProtocolError: this is not how a session opens, or a false server.
        """
        assert self._introduction is not None
        if isinstance(message, Challenge):
            self._serving.out.append(self._introduction.challenged(message, LINK))
        elif isinstance(message, Opened):
            self._introduction.verify(message)
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
