"""The status pages and health answers of the web process.

All they show is what the node says on its status port; they know no database. A super
administrator who is logged in to the admin needs no second login.
"""

from __future__ import annotations

import asyncio

from channels.db import database_sync_to_async
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import is_valid_path

from proxyapp.models import Person
from proxyapp.runtime.peers import FORWARDED, is_forwarded
from proxyapp.runtime.window import NodeAway, View, window
from proxyapp.services.logins import PASSWORD_EXPIRED
from proxyapp.services.secondfactors import is_due

_CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)
_THIS_MACHINE = "127.0.0.1"
_ADMIN = "/admin/"


async def livez(request: HttpRequest) -> HttpResponse:
    """Answer that this process lives."""
    return HttpResponse("alive\n", content_type="text/plain")


async def readyz(request: HttpRequest) -> HttpResponse:
    """Answer whether the node would serve."""
    return await _checked("/readyz")


async def freshz(request: HttpRequest) -> HttpResponse:
    """Answer whether what the node serves is new enough."""
    query = request.META.get("QUERY_STRING", "")
    return await _checked(f"/freshz?{query}" if query else "/freshz")


async def _checked(path: str) -> HttpResponse:
    try:
        view = await asyncio.to_thread(window().look, path, _THIS_MACHINE)
    except NodeAway as error:
        return HttpResponse(f"not ready: {error}\n", status=503, content_type="text/plain")
    return HttpResponse(view.body, status=view.status, content_type="text/plain")


async def status(request: HttpRequest) -> HttpResponse:
    """Show the node's status: a page for people, JSON for programs."""
    try:
        view = await look(request)
    except NodeAway as error:
        return refuse(request, 503, str(error))
    if view.status == 401:
        return challenge(request, view)
    if wants_json(request):
        return HttpResponse(view.body, status=view.status, content_type="application/json")
    return page(request, "status/status.html", {"status": view.json()})


def challenge(request: HttpRequest, view: View) -> HttpResponse:
    """Return the answer to somebody who must log in first."""
    response = refuse(request, 401, "log in as a super administrator")
    response["WWW-Authenticate"] = view.challenge
    return response


async def look(request: HttpRequest) -> View:
    """Ask the node for its status in the name of who asks.

    Raises:
        NodeAway: it does not answer.
    """
    peer = request.META.get("REMOTE_ADDR") or "unknown"
    if is_forwarded(request.headers):
        peer = FORWARDED
    if await is_super_administrator(request):
        peer = _THIS_MACHINE
    authorization = request.headers.get("Authorization", "")
    return await asyncio.to_thread(window().look, "/status", peer, authorization)


async def is_super_administrator(request: HttpRequest) -> bool:
    """Whether the admin's own session vouches; a proxy has no admin, so no such sessions."""
    if not is_valid_path(_ADMIN) or settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return False
    return await _is_in_session(request)


@database_sync_to_async
def _is_in_session(request: HttpRequest) -> bool:
    person = request.user
    return (
        isinstance(person, Person)
        and person.is_staff
        and not (request.session.get(PASSWORD_EXPIRED) or person.change_password_on_next_login)
        and not is_due(person)
    )


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks."""
    if "format" in request.GET:
        return request.GET["format"] == "json"
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def refuse(request: HttpRequest, code: int, text: str) -> HttpResponse:
    """Return a page, or JSON, that says why there is no status."""
    if wants_json(request):
        return JsonResponse({"error": text}, status=code)
    return page(request, "status/away.html", {"text": text}, code)


def page(
    request: HttpRequest, template: str, context: dict[str, object], code: int = 200
) -> HttpResponse:
    """Return a page that loads nothing but its style sheet."""
    response = render(request, template, context, status=code)
    response["Content-Security-Policy"] = _CONTENT_POLICY
    response["Cache-Control"] = "no-store"
    return response
