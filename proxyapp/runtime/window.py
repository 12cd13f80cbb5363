"""The web process's window on its node: asks the node's status port over loopback.

Knows HTTP and nothing of the node.
"""

from __future__ import annotations

import http.client
from typing import Any

import msgspec

TIMEOUT = 5.0
"""Seconds to wait for the node."""


class NodeAway(Exception):
    """The node does not answer on its status port."""


class View(msgspec.Struct, frozen=True):
    """What the node answered."""

    status: int
    body: bytes
    challenge: str = ""
    """The WWW-Authenticate header of a refusal."""

    def json(self) -> dict[str, Any]:
        """Return the body as data."""
        data: dict[str, Any] = msgspec.json.decode(self.body)
        return data


class Window:
    """Asks one node."""

    def __init__(self, port: int) -> None:
        self._port = port

    def look(self, path: str, peer: str, authorization: str = "") -> View:
        """Ask for a path in the name of a peer; blocks for up to TIMEOUT.

        Raises:
            NodeAway: there is no answer.
        """
        headers = {"X-Csproxy-Peer": peer}
        if authorization:
            headers["Authorization"] = authorization
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", path, headers=headers)
            response = connection.getresponse()
            challenge = response.getheader("WWW-Authenticate", "")
            return View(response.status, response.read(), challenge)
        except (OSError, http.client.HTTPException) as error:
            raise NodeAway(f"the server process does not answer: {error}") from error
        finally:
            connection.close()


_windows: list[Window] = []


def open_window(port: int) -> None:
    """Look at the node whose status port this is, from now on."""
    _windows[:] = [Window(port)]


def window() -> Window:
    """Return the window of this process.

    Raises:
        NodeAway: the process was not started beside a node.
    """
    if not _windows:
        raise NodeAway("this web process runs beside no server: start runmaster or runproxy")
    return _windows[0]
