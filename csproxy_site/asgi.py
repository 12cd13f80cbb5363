"""The ASGI application of a node process: browser sessions, health and status, from memory.

The web site (admin, pages) is another process, which the node process starts beside itself.
"""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csproxy_site.settings")

import django
from channels.routing import ProtocolTypeRouter

django.setup()  # before the routes below, which need it

from proxyapp import routing  # noqa: E402

application = ProtocolTypeRouter({"http": routing.http, "websocket": routing.websocket})
