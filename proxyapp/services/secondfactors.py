"""Second factors of the web login: who must have one, giving one, and taking it away.

Each step is kept in the history log; what is kept of a factor itself is in its table.
"""

from __future__ import annotations

import time

import structlog
from django.http import HttpRequest

from historylog.entries import Kind
from proxyapp.models import Person
from proxyapp.models import secondfactors as kept
from proxyapp.services import logins, retention

log = structlog.get_logger(__name__)


def is_due(person: Person) -> bool:
    """Whether a person must enrol before it uses the administration."""
    if kept.factor_of(person.pk) is not None:
        return False
    who = retention.settings().text("web-second-factor")
    return who == "everybody" or (who == "administrators" and person.is_admin)


def enrol(request: HttpRequest, person: Person, key: str, code: str) -> list[str]:
    """Give a person a second factor; return its recovery codes, empty if the code is wrong."""
    codes = kept.enrol(person.pk, key, code, time.time())
    if codes:
        _tell(Kind.SECOND_FACTOR_ENROLLED, request, person, "")
    return codes


def renew_recovery_codes(request: HttpRequest, person: Person) -> list[str]:
    """Replace the recovery codes of a person, and return the new ones."""
    codes = kept.renew_recovery_codes(person.pk)
    if codes:
        _tell(Kind.SECOND_FACTOR_ENROLLED, request, person, "new recovery codes")
    return codes


def remove(request: HttpRequest | None, person: Person, by: str) -> bool:
    """Take the second factor of a person away; return whether there was one."""
    removed = kept.remove(person.pk)
    if removed:
        _tell(Kind.SECOND_FACTOR_REMOVED, request, person, f"by {by}")
    return removed


def check_own(request: HttpRequest, person: Person, code: str) -> kept.Judged:
    """Judge a code that a person shows to change its own second factor."""
    judged = kept.check(person.pk, code, time.time())
    if not judged.fits:
        _tell(Kind.SECOND_FACTOR_REFUSED, request, person, judged.why)
    return judged


def _tell(kind: Kind, request: HttpRequest | None, person: Person, reason: str) -> None:
    log.warning("second factor", kind=kind.value, user=person.user_name, reason=reason)
    logins.keep(kind, request, person.user_name, reason)
