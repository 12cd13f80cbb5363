"""What the node process answers on its status port: browser sessions, health and status."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from proxyapp.consumers import WireConsumer
from proxyapp.runtime.nowhere import refuse
from proxyapp.runtime.probes import application as probes

http = probes
# The router takes ASGI applications, of which the types of Django's `path` do not know.
_consumer: Any = WireConsumer.as_asgi()
_nowhere: Any = refuse
_paths: list[Any] = [path("ws/confwire", _consumer), re_path("", _nowhere)]
websocket = URLRouter(_paths)
