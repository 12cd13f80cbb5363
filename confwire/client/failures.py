"""What can go wrong on the way to a server, beside what a server answers."""

from __future__ import annotations

from confwire.errors import CLOSE_ACTIONS, CloseCode, WireError

_FINAL = {
    CloseCode.PROTOCOL_ERROR,
    CloseCode.UNSUPPORTED_DATA,
    CloseCode.INVALID_TEXT,
    CloseCode.MALFORMED_OPENING,
    CloseCode.RIGHTS_WITHDRAWN,
}
"""After these a client that came back would only be closed again, or is not wanted."""


class LinkLost(WireError):
    """The connection could not be made, or is gone."""

    def __init__(self, text: str, close_code: int = 0) -> None:
        super().__init__(text)
        self.close_code = close_code
        """The WebSocket close code, 0 when there was none."""

    @property
    def is_final(self) -> bool:
        """Whether connecting again would end in the same way."""
        return self.close_code in _FINAL


class TlsFailed(LinkLost):
    """TLS could not be agreed on with the server; the text says why and what to do."""


class ClientClosed(WireError):
    """The client was closed, or cannot be opened any more; the cause says why."""


class NoAnswer(WireError):
    """No answer came in time."""


class ServerBehind(WireError):
    """A server shows older data than the client has seen elsewhere."""

    def __init__(self, server: str, revision: int) -> None:
        super().__init__(
            f"{server} is behind at revision {revision}, newer data was seen: try again later"
        )


class OutcomeUnknown(WireError):
    """A write was not answered: it may or may not have been made.

    Made again under the same `request_id`, also by another client of the same person, it is
    carried out once in all.
    """

    def __init__(self, text: str, request_id: str = "") -> None:
        super().__init__(text)
        self.request_id = request_id


def closed_text(code: int, reason: str) -> str:
    """Say what a close code means and what was said with it."""
    try:
        meaning, action = CLOSE_ACTIONS[CloseCode(code)]
    except ValueError:
        return reason or f"the server closed the connection with code {code}"
    return f"{reason or meaning} (close code {code}: {action})"
