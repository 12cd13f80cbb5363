"""The web process itself: Daphne with the Django site, beside a node process.

On a master the site is the admin and the status pages, on a proxy the status pages alone: a
proxy has no configuration database.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import warnings

import msgspec
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.asgi import get_asgi_application

from proxyapp.auth import web
from proxyapp.runtime import bootstrap, election, historyfile, window
from proxyapp.runtime.arguments import Role
from proxyapp.runtime.logs import Logs
from proxyapp.runtime.nowhere import refuse
from proxyapp.runtime.webserver import install_loop, serve, stop
from proxyapp.services import leadership, recording

LONGEST_PAUSE = 60.0
"""Seconds that a page may take between two statements of one transaction."""
URLS = {"master": "csproxy_site.urls", "proxy": "csproxy_site.proxy_urls"}


def run(role: Role, application_name: str, listen_fd: int, status_port: int, instance: str) -> None:
    """Serve the site on an inherited socket until the node process ends or says so."""
    settings.ROOT_URLCONF = URLS[role]
    recording.serve_as(application_name)
    web.serve_as(application_name)
    if role == "master":
        leadership.claim(instance)
        election.bound_transactions(LONGEST_PAUSE)
    if role == "proxy":
        historyfile.use(bootstrap.data_folder(settings.DATA_ROOT, application_name))
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    # WhiteNoise hands synchronous iterators to Django's ASGI handler; the files arrive whole.
    warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume")
    logs = Logs(None)
    logs.start()
    loop = install_loop()
    window.open_window(status_port)
    application = ProtocolTypeRouter({"http": get_asgi_application(), "websocket": refuse})

    def ready() -> None:
        loop.call_soon(_follow_parent, loop)

    try:
        serve(application, socket.socket(fileno=listen_fd), ready)
    finally:
        logs.stop()


def _follow_parent(loop: asyncio.AbstractEventLoop) -> None:
    """Stop on a signal, and when the pipe from the node process breaks."""
    loop.add_signal_handler(signal.SIGTERM, stop)
    # The terminal sends this to both processes; the node process decides.
    loop.add_signal_handler(signal.SIGINT, lambda: None)
    pipe = sys.stdin.fileno()
    os.set_blocking(pipe, False)
    loop.add_reader(pipe, hear, pipe, bytearray())


def hear(pipe: int, heard: bytearray) -> None:
    """Take in what the node says: on which server the database is, for connections to come.

    Args:
        heard: what was read of a line that has not ended.
    """
    told = os.read(pipe, 1024)
    if not told:
        asyncio.get_running_loop().remove_reader(pipe)
        stop()
    heard += told
    *lines, rest = heard.split(b"\n")
    heard[:] = rest
    for line in lines:
        settings.DATABASES["default"].update(msgspec.json.decode(line))
