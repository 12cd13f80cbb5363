"""Daphne on an event loop of our choice: one reactor, one loop, nothing swallowed.

Used by the node process beside the listening ports and by the web process alone.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvloop

from proxyapp.runtime.accept import explain_bind_failure
from proxyapp.runtime.bootstrap import StartError

BACKLOG = 512
ANY_ADDRESS = "0.0.0.0"  # noqa: S104 - people and monitors come from other hosts


def install_loop() -> asyncio.AbstractEventLoop:
    """Make uvloop the loop of this process and of Twisted, and return it.

    Must come before anything imports Daphne, which else installs a loop of its own.
    """
    from twisted.internet import asyncioreactor

    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    asyncioreactor.install(loop)  # type: ignore[no-untyped-call]
    return loop


def bind_http(address: str, port: int, parameter: str) -> socket.socket:
    """Return a listening socket for Daphne; an empty address is every IPv4 address.

    `parameter` is the one that chooses the port, such as "web-port".

    Raises:
        StartError: names the port and the remedy.
    """
    try:
        return socket.create_server((address or ANY_ADDRESS, port), backlog=BACKLOG)
    except OSError as error:
        failure = explain_bind_failure(parameter, port, error, f"give -{parameter} another port")
        raise StartError(failure) from error


def serve(
    application: Any,
    listening: socket.socket,
    ready: Callable[[], None],
) -> None:
    """Run the loop with Daphne answering on the socket, until `stop`.

    Args:
        application: an ASGI application.
        listening: a socket of `bind_http`, which Daphne takes over.
        ready: called just before the loop runs.
    """
    from daphne.server import Server

    def prepare() -> None:
        _report_failures()
        ready()

    Server(
        application=application,
        endpoints=[f"fd:fileno={listening.detach()}"],
        signal_handlers=False,
        ready_callable=prepare,
        request_buffer_size=65536,
        server_name="csproxy",
        verbosity=1,
    ).run()


def stop() -> None:
    """End `serve`; requests under way are cancelled."""
    from twisted.internet import reactor

    running: Any = reactor  # typed as a module of functions
    if running.running:
        running.stop()


def _report_failures() -> None:
    """Log what goes wrong inside Twisted: Daphne sends its log to nowhere."""
    from twisted.logger import (
        FilteringLogObserver,
        LogLevel,
        LogLevelFilterPredicate,
        STDLibLogObserver,
        globalLogPublisher,
    )

    # The types of zope's interfaces are beyond mypy.
    standard: Any = STDLibLogObserver("twisted")
    warnings_and_worse: Any = LogLevelFilterPredicate(LogLevel.warn)
    observer: Any = FilteringLogObserver(standard, [warnings_and_worse])
    globalLogPublisher.addObserver(observer)
