"""Who has the last transactions: a page that looks at the running node, and renews itself."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from channels.db import database_sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import is_valid_path, reverse

from confwire.objects import ObjectType
from proxyapp.api import status
from proxyapp.models import Person
from proxyapp.runtime.peers import FORWARDED, is_forwarded
from proxyapp.runtime.window import NodeAway, window
from proxyapp.services.browsing import HIDDEN, Sight

_HISTORY = "/admin/history/"


async def convergence(request: HttpRequest) -> HttpResponse:
    """Show for each of the last transactions how many proxies and clients have it."""
    try:
        view = await status.look(request)
        if view.status == 401:
            return status.challenge(request, view)
        found = view.json()
        rows: list[dict[str, Any]] = found["convergence"]
        hidden = await _hidden(request, {row["slowest"] for row in rows} - {""})
    except NodeAway as error:
        return status.refuse(request, 503, str(error))
    for row in rows:
        if row["slowest"] in hidden:
            row["slowest"] = HIDDEN
    if status.wants_json(request):
        return JsonResponse({"revision": found["revision"], "convergence": rows})
    for row in rows:
        row["at"] = datetime.fromtimestamp(row["at"], UTC)
    context: dict[str, object] = {
        "status": found,
        "rows": rows,
        "history": _HISTORY if is_valid_path(_HISTORY) else reverse("history"),
        "has_transactions": is_valid_path(_HISTORY),
    }
    return status.page(request, "status/convergence.html", context)


async def _hidden(request: HttpRequest, names: set[str]) -> set[str]:
    """Return the names of applications that the viewer may not read."""
    if not names:
        return set()
    if await status.is_super_administrator(request):
        return await _hidden_from(request, names)
    peer = FORWARDED if is_forwarded(request.headers) else request.META.get("REMOTE_ADDR", "")
    query = urlencode([("application", name) for name in sorted(names)])
    authorization = request.headers.get("Authorization", "")
    view = await asyncio.to_thread(window().look, f"/hidden?{query}", peer, authorization)
    return set(view.json()["application"]) if view.status == 200 else names


@database_sync_to_async
def _hidden_from(request: HttpRequest, names: set[str]) -> set[str]:
    assert isinstance(request.user, Person)
    return Sight(request.user).hidden_names(int(ObjectType.APPLICATION), names)
