"""The link between the two servers of a pair, whichever of them has dialled it.

Both may dial at once; two links may stand for a moment, and the newest is the one to talk on.
Which that is, the two may see differently: what decides who leads is said on all.
Knows no roles, and no sockets: it asks for connections by commands and is told by events.
"""

from __future__ import annotations

from typing import Any, Protocol

from confwire import codec
from confwire.errors import WireError
from confwire.messages import Challenge, Error, KeepAlive, Message, Opened
from proxyapp.engine.serving import Serving
from proxyapp.engine.standby.dial import Dial, DialState
from proxyapp.engine.topology.pair import Configured
from proxyapp.engine.topology.partners import Partner, address_of

_FIRST_DELAY = 0.1
_DELAY = 0.5
"""Seconds between attempts to reach the other server, with half as much by chance."""
_REFUSED_DELAY = 5.0
"""Seconds after a refusal that waiting alone cannot mend, such as of a wrong secret."""


class Owner(Protocol):
    """Whom the link tells what becomes of it."""

    @property
    def starting(self) -> bool:
        """Whether the role of this server is not known yet."""

    def keep_alive(self) -> KeepAlive:
        """Return the keep-alive timeouts of the link."""

    def take(self, message: Any) -> None:
        """The other server has sent a message."""

    def linked(self) -> None:
        """A link stands."""

    def relinked(self) -> None:
        """A link has ended, and another one stands."""

    def parted(self, reason: str, gone: bool, was_open: bool) -> None:
        """No link stands any more, or could be made."""


class PeerLink:
    """The link of one server of a pair."""

    def __init__(self, serving: Serving, owner: Owner) -> None:
        """Be no link until `begin`."""
        self._serving = serving
        self._owner = owner
        self._partner: Partner | None = None
        self._dial = Dial(serving)
        self._sessions: list[Any] = []
        """Those that the other server has opened here; the newest is the last."""
        self._dial_is_newer = False
        self._refused = False
        """The last attempt was refused for good."""
        self._stopped = False

    def __repr__(self) -> str:
        return f"<PeerLink {self.state}>"

    @property
    def stands(self) -> bool:
        """Whether there is a link."""
        return bool(self._sessions) or self._dial.is_open

    @property
    def state(self) -> str:
        """The state for status pages."""
        return "live" if self.stands else self._dial.state.value

    def begin(self, partner: Partner) -> None:
        """Reach the other server."""
        self._partner = partner
        self._connect(0.0)

    def follow(self, partner: Partner) -> None:
        """Take over where the other server is now, for the next attempt."""
        self._partner = partner

    def stop(self) -> None:
        """This server ends: what becomes of the link has no meaning."""
        self._stopped = True

    def tick(self) -> None:
        """Some time has passed: try again where nothing is under way."""
        if not self.stands and self._dial.state is DialState.IDLE:
            self._connect(_DELAY)

    def tell(self, message: Message) -> None:
        """Tell the other server on the newest link."""
        if self._sessions and not (self._dial_is_newer and self._dial.is_open):
            self._sessions[-1].answer(message)
        elif self._dial.is_open:
            self._dial.send(message)

    def tell_all(self, message: Message) -> None:
        """Tell the other server on each link that stands."""
        for session in self._sessions:
            session.answer(message)
        if self._dial.is_open:
            self._dial.send(message)

    # ------------------------------------------------------------ the connection that was dialled

    def opened(self, nonce: str) -> None:
        """It stands."""
        self._dial.opened(nonce)

    def proved(self, salted_password: bytes) -> None:
        """The keys for the other server's challenge are there."""
        try:
            self._dial.proved(salted_password)
        except WireError as error:
            self._dial.close(str(error))

    def received(self, messages: list[bytes]) -> None:
        """The other server has sent messages on it."""
        for data in messages:
            try:
                self._take(codec.decode_server(data))
            except (WireError, ValueError) as error:
                self._serving.log("error", "the other server broke the protocol", reason=str(error))
                self._dial.close(str(error))
                return

    def lost(self, reason: str, gone: bool, jitter: float) -> None:
        """It failed or ended."""
        was_open = self._dial.is_open
        self._dial.lost()
        if self._partner is None or self._stopped:
            return
        if self.stands:
            if was_open:
                self._owner.relinked()
        else:
            self._owner.parted(reason, gone, was_open)
            delay = _FIRST_DELAY if self._owner.starting else _DELAY
            delay, self._refused = _REFUSED_DELAY if self._refused else delay, False
            self._connect(0.0 if was_open and gone else delay * (1 + jitter / 2))

    def _take(self, message: Any) -> None:
        if isinstance(message, Error):
            self._serving.log(
                "warning", "the other server of the pair refused this one", reason=message.text
            )
            self._refused = message.permanent
            self._dial.close(message.text)
        elif self._dial.is_open:
            self._owner.take(message)
        elif isinstance(message, Challenge | Opened) and self._dial.take(message):
            self._dial_is_newer = True
            self._owner.linked()
            self._spare_one()

    def _spare_one(self) -> None:
        """Both servers have dialled at once: the link that the configured backup made stays."""
        assert self._partner is not None
        if self._sessions and self._partner.own is Configured.PRIMARY:
            self._dial.close("another link stands")

    def _connect(self, delay: float) -> None:
        assert self._partner is not None
        document = self._partner.document
        host, port = address_of(self._serving.store, document)
        if host and not self._stopped:
            self._dial.connect(host, port, delay, self._owner.keep_alive(), document)

    # ------------------------------------------------------------ connections to this server

    def joined(self, session: Any) -> None:
        """The other server has opened a session here."""
        self._sessions.append(session)
        self._dial_is_newer = False
        if self._dial.state is DialState.CONNECTING:
            self._dial.close("the other server was faster")
        self._owner.linked()

    def left(self, session: Any, reason: str, gone: bool) -> None:
        """A session of the other server has ended."""
        if session not in self._sessions:
            return
        self._sessions.remove(session)
        if self.stands:
            self._owner.relinked()
            return
        self._owner.parted(reason, gone, was_open=True)
        if self._dial.state is DialState.IDLE:
            self._connect(0.0 if gone else _FIRST_DELAY)
