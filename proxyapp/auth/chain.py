"""The ways of one account, one after another, until one accepts.

A way that rejects, and one that cannot be reached, hands on to the next. Blocks; ends by its
deadline. A password that was just rejected is rejected again for a moment without asking anybody.
"""

from __future__ import annotations

import secrets
import threading
import time
from hashlib import blake2b

import structlog

from confwire.errors import InvalidParameter
from confwire.handshake import MIN_ITERATIONS, check_password, make_verifier
from proxyapp.auth.verdict import Standing, Verdict, left, share
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.trust.ways import Internal, Kerberos, Ldap, Radius, Way

log = structlog.get_logger(__name__)

_MOST = 10_000
"""Rejected passwords that are remembered."""


class Refusals:
    """Passwords that were rejected a moment ago, as digests under a key of this process."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, tuple[float, Verdict]] = {}
        self._lock = threading.Lock()

    def get(self, request: Authenticate) -> Verdict | None:
        """Return what was said of this password a moment ago."""
        found = self._known.get(self._digest(request))
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def put(self, request: Authenticate, verdict: Verdict) -> None:
        """Remember a rejection for as long as the request says."""
        now = time.monotonic()
        with self._lock:
            if len(self._known) >= _MOST:
                self._known = {key: kept for key, kept in self._known.items() if kept[0] > now}
            if len(self._known) < _MOST:
                self._known[self._digest(request)] = now + request.remember, verdict

    def _digest(self, request: Authenticate) -> bytes:
        text = f"{hash(request.ways)}\0{request.user}\0{request.verifier}\0{request.data}"
        return blake2b(text.encode("utf-8", "surrogatepass"), key=self._key).digest()


def check(
    request: Authenticate, until: float, standings: dict[Way, Standing], refusals: Refusals
) -> Verdict:
    """Judge a login.

    Args:
        until: when an answer is of no use any more, on the monotonic clock.
        standings: which servers of a way answer; kept from login to login.
    """
    cached = request.mechanism == "PLAIN" and request.remember and refusals.get(request)
    if cached:
        return cached
    verdict = _ask_all(request, until, standings)
    if verdict.outcome == "rejected" and request.mechanism == "PLAIN" and request.remember:
        refusals.put(request, verdict)
    return verdict


def _ask_all(request: Authenticate, until: float, standings: dict[Way, Standing]) -> Verdict:
    rejected = unavailable = None
    for place, way in enumerate(request.ways):
        end = share(until, len(request.ways) - place)
        verdict = _ask(way, request, end, standings.setdefault(way, Standing()))
        if verdict.outcome == "accepted":
            return verdict
        if verdict.outcome == "rejected":
            rejected = verdict if rejected is None or verdict.text else rejected
        else:
            unavailable = verdict
    # One "no" is enough for the lockout: else an outage would let somebody try without end.
    return rejected or unavailable or Verdict("unavailable", "nothing checks this account")


def _ask(way: Way, request: Authenticate, until: float, standing: Standing) -> Verdict:
    if left(until) <= 0:
        return Verdict("unavailable", "the time was over")
    if isinstance(way, Internal):
        return _internal(request)
    try:
        return _external(way, request, until, standing)
    except ImportError as error:
        log.error("a library is not installed", library=error.name)
        return Verdict("unavailable", f"this server has no {error.name}: see requirements-external")


def _external(
    way: Ldap | Radius | Kerberos, request: Authenticate, until: float, standing: Standing
) -> Verdict:
    # Imported here, since a server that needs none of them runs without them.
    if isinstance(way, Kerberos):
        from proxyapp.auth import kerberos

        return kerberos.check(way, request.data, request.nonce, request.proof)
    if isinstance(way, Ldap):
        from proxyapp.auth import ldap

        return ldap.check(way, request.user, request.data, until, standing)
    from proxyapp.auth import radius

    empty = request.external_empty
    return radius.check(way, request.user, request.data, until, standing, empty=empty)


def _internal(request: Authenticate) -> Verdict:
    if not request.data:
        open_to_all = request.known and request.empty and not request.verifier
        return Verdict("accepted" if open_to_all else "rejected")
    if request.verifier:
        good = check_password(request.verifier, request.data)
        return Verdict("accepted" if good else "rejected")
    _take_as_long(request.iterations, request.data)
    return Verdict("rejected")


def _take_as_long(iterations: int, password: str) -> None:
    """Do what a check does, so that its time does not tell which user names exist."""
    try:
        make_verifier(password, secrets.token_bytes(16), max(iterations, MIN_ITERATIONS))
    except InvalidParameter:
        return  # such a password fails as fast for those who exist
