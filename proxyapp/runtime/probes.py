"""Health and status of the node over HTTP, answered from memory on the status port.

A plain ASGI application: neither a database nor a middleware stands between a monitor and the
answer.
"""

from __future__ import annotations

import asyncio
import binascii
import hashlib
import time
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

import msgspec
import structlog

from confwire.handshake import check_password
from confwire.objects import ObjectType
from proxyapp.engine.sessions.recent import RecentQuestion
from proxyapp.runtime import health, metrics, present
from proxyapp.runtime.peers import FORWARDED, is_forwarded, is_loopback
from proxyapp.runtime.worker import Worker

log = structlog.get_logger(__name__)

PEER_HEADER = b"x-csproxy-peer"
"""Whom the web process asks for. It can only take rights away, so it needs no proof."""
CHANGES_A_PAGE = 50
CHECKS_AT_ONCE = 2
REMEMBERED = 60.0
"""Seconds that a checked password is remembered: each check costs a tenth of a second."""

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Headers = dict[bytes, bytes]


class Answer(msgspec.Struct):
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Gatekeeper:
    """Decides who may see the status: this machine, and super administrators."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(CHECKS_AT_ONCE)
        self._checked: dict[bytes, float] = {}

    async def admits(self, worker: Worker, peer: str, headers: Headers) -> bool:
        """Whether the asker may see the status."""
        if is_loopback(peer):
            return True
        user, password = credentials_of(headers)
        verifier = worker.node.verifier_of(user) if user else None
        if verifier is None or not worker.node.is_super_administrator(user):
            return False
        # The verifier is part of the key: a changed password is asked for anew.
        key = hashlib.sha256(f"{verifier}\0{password}".encode()).digest()
        now = time.monotonic()
        if self._checked.get(key, 0.0) > now:
            return True
        async with self._places:
            if not worker.node.may_try(user, peer):
                return False
            good = await asyncio.to_thread(check_password, verifier, password)
            if not good:
                worker.node.has_failed(user, peer)
        if good:
            self._checked = {key: end for key, end in self._checked.items() if end > now}
            self._checked[key] = now + REMEMBERED
        else:
            log.warning("status refused", user=user, peer=peer)
        return good


def credentials_of(headers: Headers) -> tuple[str, str]:
    """Return user name and password of HTTP Basic; both empty when there are none."""
    scheme, _, data = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return "", ""
    try:
        user, _, password = b64decode(data.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


_gatekeeper = Gatekeeper()


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answer one HTTP request (ASGI)."""
    answer = await _answer(scope)
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    body = b"" if scope["method"] == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


async def _answer(scope: dict[str, Any]) -> Answer:
    path = scope["path"]
    if scope["method"] not in ("GET", "HEAD"):
        return Answer(405, b"ask with GET\n", headers=((b"allow", b"GET, HEAD"),))
    worker = present.worker()
    if path in health.PATHS:
        good, text = worker.probe(path, scope["query_string"].decode("latin-1"))
        return Answer(200 if good else 503, f"{text}\n".encode())
    if path not in ("/status", "/metrics", "/hidden", "/changes"):
        return Answer(404, b"there is /status, /metrics, /readyz, /livez and /freshz here\n")
    headers = _first_of(scope["headers"])
    peer = _peer_of(scope, headers)
    if not await _gatekeeper.admits(worker, peer, headers):
        challenge = (b"www-authenticate", b'Basic realm="csproxy status", charset="UTF-8"')
        return Answer(401, b"log in as a super administrator\n", headers=(challenge,))
    viewer = "" if is_loopback(peer) else credentials_of(headers)[0]
    if path == "/hidden":
        return Answer(200, _hidden(worker, viewer, scope["query_string"]), "application/json")
    if path == "/metrics":
        accept = headers.get(b"accept", b"").decode("latin-1")
        body, media_type = metrics.write(worker.figures(), accept)
        return Answer(200, body, media_type)
    if path == "/changes":
        return _changes(worker, viewer, scope["query_string"])
    return Answer(200, msgspec.json.encode(worker.status()), "application/json")


def _hidden(worker: Worker, viewer: str, query: bytes) -> bytes:
    """Return which of the names that the web process asks about the viewer may not read.

    This machine is no person, and sees all.
    """
    names = parse_qs(query.decode("latin-1"))
    types = {"application": ObjectType.APPLICATION, "person": ObjectType.PERSON}
    found = {
        kind: worker.node.hidden_names(viewer, type_, names.get(kind, ())) if viewer else []
        for kind, type_ in types.items()
    }
    return msgspec.json.encode(found)


def _changes(worker: Worker, viewer: str, query: bytes) -> Answer:
    """Return a page of the newest changes in memory, the question being a RecentQuestion."""
    asked = {name: values[0] for name, values in parse_qs(query.decode("latin-1")).items()}
    try:
        before = asked.pop("before", "")
        question = msgspec.convert(asked, RecentQuestion, strict=False)
        if before:
            revision, seq = map(int, before.split("."))
            question = msgspec.structs.replace(question, before=(revision, seq))
    except ValueError:
        return Answer(400, b"ask with type, dbid, by and before=REVISION.SEQ\n")
    found = worker.node.recent_changes(viewer or None, question, CHANGES_A_PAGE)
    return Answer(200, msgspec.json.encode(found), "application/json")


def _first_of(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    first: Headers = {}
    for name, value in headers:
        first.setdefault(name, value)
    return first


def _peer_of(scope: dict[str, Any], headers: Headers) -> str:
    """Return the address of who asks: through the web process, of its client.

    A reverse proxy on this machine asks for others, and what it says of them is not to be trusted.
    """
    peer: str = scope["client"][0] if scope.get("client") else ""
    if is_loopback(peer) and PEER_HEADER in headers:
        return headers[PEER_HEADER].decode("latin-1")
    return FORWARDED if is_forwarded(name.decode("latin-1") for name in headers) else peer
