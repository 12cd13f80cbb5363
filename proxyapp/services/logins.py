"""Keeping in the history log who logged in to the web site, who out of it, and who was refused.

Django tells it by its signals. A history that cannot be written keeps nobody out.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError
from django.http import HttpRequest

from confwire.messages import HistoryEntry
from historylog import writer
from historylog.entries import Kind, clean
from proxyapp.balancer.forwarded import client_of
from proxyapp.balancer.networks import Networks
from proxyapp.models import Person
from proxyapp.models.accounts import LOCKED, REFUSAL
from proxyapp.models.secondfactors import FACTOR
from proxyapp.services import accounts, leadership, recording, retention

log = structlog.get_logger(__name__)

PASSWORD_EXPIRED = "password_expired"  # noqa: S105 - a name
"""In the session: the person has to choose a new password first."""


def connect() -> None:
    """Be told from now on."""
    user_logged_in.connect(_logged_in, dispatch_uid="proxyapp.logged_in")
    user_logged_out.connect(_logged_out, dispatch_uid="proxyapp.logged_out")
    user_login_failed.connect(_refused, dispatch_uid="proxyapp.refused")


def _logged_in(sender: Any, request: HttpRequest | None, user: Person, **more: Any) -> None:
    factor = request.META.get(FACTOR, "") if request is not None else ""
    keep(Kind.WEB_LOGIN, request, user.user_name, factor)
    if request is not None and accounts.must_change_password(user):
        request.session[PASSWORD_EXPIRED] = True


def _logged_out(sender: Any, request: HttpRequest | None, user: Person | None, **more: Any) -> None:
    if user is not None:
        keep(Kind.WEB_LOGOUT, request, user.user_name)


def _refused(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
) -> None:
    name = str(credentials.get("username") or "")
    seen = request.META if request is not None else {}
    reason = seen.get(FACTOR) or seen.get(REFUSAL, "")
    keep(Kind.WEB_LOGIN_REFUSED, request, name, clean(reason or "user name or password is wrong"))
    if request is not None and request.META.get(LOCKED):
        keep(Kind.ACCOUNT_LOCKED, request, name, request.META[LOCKED])


def keep(kind: Kind, request: HttpRequest | None, user: str, reason: str = "") -> None:
    """Keep a moment of the web site, unless another master leads."""
    seen = request.META if request is not None else {}
    address = seen.get("REMOTE_ADDR", "")
    entry = HistoryEntry(
        kind=kind.value,
        at=time.time(),
        server=recording.serving(),
        user=clean(user),
        peer=f"{address}:{seen.get('REMOTE_PORT', '')}" if address else "",
        port="web",
        reason=reason,
    )
    try:
        if not leadership.leads():
            log.info("not kept, since another master leads", kind=kind.value, user=entry.user)
            return
        options = retention.settings()
        balancers = Networks(options.text("balancer-networks"))
        told = seen.get("HTTP_X_FORWARDED_FOR", "")
        entry.forwarded = client_of(address, [told], balancers)
        if options.flag("active"):
            writer.keep([entry])
    except DatabaseError as error:
        log.error("history log error", code=writer.ERROR_CODE, reason=" ".join(str(error).split()))
