"""Whether anything can be changed on this site: not while another master leads.

Such a site shows all there is and says where the one is that leads. The door refuses writes in
any case; here it is told before somebody fills in a form.
"""

from __future__ import annotations

from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from proxyapp.models import Application
from proxyapp.services import leadership

_KNOWN = "proxyapp.leader"  # in request.META


class Leader(NamedTuple):
    """The master that leads instead of this one."""

    name: str
    url: str
    """Of its site; empty where that is not known."""


def leader_of(request: HttpRequest) -> Leader | None:
    """Return the master that leads, None where it is this one; asked once in a request."""
    if _KNOWN not in request.META:
        request.META[_KNOWN] = None if leadership.leads() else _leader(request)
    found: Leader | None = request.META[_KNOWN]
    return found


def may_change(request: HttpRequest) -> bool:
    """Whether this site takes changes."""
    return leader_of(request) is None


def refuse(request: HttpRequest, leader: Leader) -> HttpResponseRedirect:
    """Lead to the first page, which can be shown in any case, and say that nothing was done."""
    where = f": it is at {leader.url}" if leader.url else ""
    messages.error(request, f"Nothing was changed: '{leader.name}' leads{where}")
    return HttpResponseRedirect(reverse("admin:index"))


def _leader(request: HttpRequest) -> Leader:
    standing = leadership.standing()
    application = Application.objects.filter(name=standing.leader).select_related("host").first()
    if application is None or application.host is None or not standing.web_port:
        return Leader(standing.leader or "another master", "")
    scheme = "https" if request.is_secure() else "http"
    return Leader(standing.leader, f"{scheme}://{application.host.name}:{standing.web_port}/admin/")
