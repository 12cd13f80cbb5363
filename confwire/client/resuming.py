"""What a client goes on with its session by: its token, where it stood, what proves the server.

One message instead of a login, on any server of the environment. Knows no sockets.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from confwire.codec import encode
from confwire.errors import (
    InvalidParameter,
    RemoteProtocolError,
    RequestError,
    TokenRefused,
    TooManySubscriptions,
    UnknownFilterKey,
)
from confwire.handshake import resume_proof
from confwire.messages import Cursor, RegisterNotification, Subscription

_MOST = 32_768
"""Bytes of subscriptions that go into an opening; more are registered after it."""
_REFUSALS = (TokenRefused, InvalidParameter, UnknownFilterKey, TooManySubscriptions)


class NotProven(RemoteProtocolError):
    """A server went on with the session and does not know the account."""


@dataclass(frozen=True, slots=True)
class Resumption:
    """One attempt to go on with a session."""

    token: str = field(repr=False)
    key: bytes = field(repr=False)
    """What a server that knows the account proves itself with; empty: TLS has to do it."""
    since: Cursor | None = None
    subscriptions: tuple[Subscription, ...] = ()

    @property
    def names(self) -> set[str]:
        """The names of its subscriptions."""
        return {subscription.name for subscription in self.subscriptions}

    def verify(self, nonce: str, data: str) -> None:
        """Check what the server says for itself.

        Raises:
            NotProven: it is a false one.
        """
        if self.key:
            expected = resume_proof(self.key, nonce, self.token)
            if not hmac.compare_digest(expected.encode(), data.encode("utf-8", "replace")):
                raise NotProven("the server could not prove that it knows this account")


def bounded(
    token: str, key: bytes, since: Cursor | None, subscriptions: list[Subscription]
) -> Resumption:
    """Return a resumption that an opening has room for."""
    request = RegisterNotification(ref=0, subscriptions=subscriptions)
    if len(encode(request)) > _MOST:
        return Resumption(token, key)
    return Resumption(token, key, since, tuple(subscriptions))


def is_about_the_token(error: RequestError) -> bool:
    """Whether a refused resume says nothing of the account: a login on the same line may do."""
    return isinstance(error, _REFUSALS)
