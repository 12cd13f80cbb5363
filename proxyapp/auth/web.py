"""Logins to the web: the same ways, rules and locks as on the wire.

Runs in the web process beside a master, which has the database and not the node; what it notes
of accounts the node finds in the database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from confwire.errors import AuthenticationFailed, AuthenticationUnavailable, RequestError
from confwire.messages import AccountState
from confwire.objects import ObjectType
from confwire.opaque import is_opaque
from proxyapp.auth import chain
from proxyapp.auth.verdict import Standing, Verdict
from proxyapp.balancer.forwarded import client_of
from proxyapp.balancer.networks import Networks
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.settings import Settings
from proxyapp.engine.trust import locks
from proxyapp.engine.trust.accountrules import Rules, rules_for
from proxyapp.engine.trust.sealing import Place, SecretKeys, Unreadable, derive
from proxyapp.engine.trust.throttle import Throttle
from proxyapp.engine.trust.ways import Internal, Sections, Way, Ways, server_of, ways_for
from proxyapp.models import Application, Person, Tenant, secondfactors
from proxyapp.models.accounts import LOCKED, REFUSAL, keep, state_of
from proxyapp.models.secondfactors import FACTOR
from proxyapp.selectors import document_of

log = structlog.get_logger(__name__)

SECONDS = 9.0
"""For one login; a page that takes longer is given up by people anyway."""
_DEEPEST_TENANT = 20
_lock = threading.Lock()
_pending: dict[str, int] = {}
_throttle = Throttle()
_standings: dict[Way, Standing] = {}
_refusals = chain.Refusals()
_server = {"name": ""}


def serve_as(application: str) -> None:
    """Say by the options of which server's application logins are checked."""
    _server["name"] = application


class ChainBackend(BaseBackend):
    """Checks a password like an opening with the mechanism PLAIN."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        secret_code: str = "",
        **credentials: Any,
    ) -> Person | None:
        """Return the person whose user name and password these are.

        Args:
            secret_code: of the second factor. Django cleanses what is called a secret.
        """
        if not username or password is None:
            return None
        seen = request.META if request is not None else {}
        person = _person_named(username)
        options = _options()
        address = _client_of(seen, options)
        attempt = _Attempt(username, address, person, options)
        try:
            with attempt:
                person = attempt.judge(password, secret_code)
            if request is not None:
                request.META[FACTOR] = attempt.factor
            return person
        except RequestError as error:
            log.warning(
                "web login refused",
                user=username,
                peer=address,
                code=error.code,
                reason=attempt.factor or error.text,
            )
            if request is not None:
                request.META[REFUSAL] = error.text
                request.META[FACTOR] = attempt.factor
                if attempt.locked:
                    request.META[LOCKED] = attempt.locked
            return None

    def get_user(self, user_id: int) -> Person | None:
        """Return the person of a session, unless it was disabled."""
        person = Person.objects.filter(pk=user_id).first()
        return person if person is not None and person.is_active else None


class _Attempt:
    """One login to the web; while it lasts it counts as one that may fail."""

    def __init__(
        self, user: str, address: str, person: Person | None, options: dict[str, Any]
    ) -> None:
        self._user = user.casefold()
        self._person = person
        self._sections: Sections = options
        self._settings = Settings(options)
        self._address = address
        self._tenants = list(_annexes(person.tenant_id)) if person is not None else []
        self._document = _document(person)
        self._rules: Rules = rules_for(self._document or None, self._tenants)
        self._most = self._settings.number("failed-logins-per-address")
        self.locked = ""
        """That this attempt has locked the account, and for how long."""
        self.factor = ""
        """What the history keeps of the second factor; who tries to log in is not told."""

    def __enter__(self) -> _Attempt:
        with _lock:
            now = time.time()
            _throttle.check(self._address, self._most, now)
            state = state_of(self._person.dbid) if self._person is not None else AccountState(0)
            locks.check(state, self._rules, _pending.get(self._user, 0), now)
            _pending[self._user] = _pending.get(self._user, 0) + 1
            _throttle.begin(self._address)
        return self

    def __exit__(self, *exc_info: object) -> None:
        with _lock:
            _throttle.end(self._address)
            left = _pending.pop(self._user, 0) - 1
            if left > 0:
                _pending[self._user] = left

    def judge(self, password: str, code: str) -> Person:
        """Have the password judged, then the code, and keep what follows.

        Raises:
            AuthenticationFailed, AuthenticationUnavailable.
        """
        verdict = self._verdict(password)
        person = self._person
        said = f": {verdict.text}" if verdict.text else ""
        if verdict.outcome == "unavailable":
            raise AuthenticationUnavailable(f"{AuthenticationUnavailable.__doc__}{said}")
        if verdict.outcome == "rejected" or person is None or not person.is_active:
            self._failed()
            raise AuthenticationFailed(f"{_wrong()}{said}")
        now = time.time()
        self._check_factor(person, code, now)
        seen = now if self._settings.flag("last-login") else 0.0
        keep([AccountState(person.dbid, last_login=seen, cleared_at=now)])
        return person

    def _check_factor(self, person: Person, code: str, now: float) -> None:
        judged = secondfactors.check(person.dbid, code, now)
        self.factor = judged.why
        if not judged.fits:
            # Nothing is said of a wait: it would tell that the password was right.
            if not judged.wait:
                self._failed()
            raise AuthenticationFailed(_wrong())

    def _verdict(self, password: str) -> Verdict:
        ways = self._ways()
        if not ways.ways:
            return Verdict("unavailable", f"no settings for {', '.join(ways.missing)}")
        document, person = self._document, self._person
        request = Authenticate(
            ticket=0,
            mechanism="PLAIN",
            user=document.get("externalID") or document.get("userName") or self._user,
            data=password,
            nonce="",
            proof="",
            verifier=person.verifier if person is not None else "",
            known=person is not None,
            ways=ways.ways,
            seconds=SECONDS,
            iterations=settings.SCRAM_ITERATIONS,
            remember=float(self._settings.number("refused-password-cache")),
            empty=False,  # the administration is never open to who has no password
            external_empty=False,
        )
        return chain.check(request, time.monotonic() + SECONDS, _standings, _refusals)

    def _ways(self) -> Ways:
        if self._person is None or not self._person.is_active:
            return Ways((Internal(),))
        return ways_for(self._document, self._tenants, server_of(self._sections))

    def _failed(self) -> None:
        now = time.time()
        with _lock:
            _throttle.failed(self._address, self._most, now)
            if self._person is not None:
                state = state_of(self._person.dbid)
                after = locks.after_failure(state, self._rules, now)
                keep([after])
                if after.locked_at > state.locked_at:
                    self.locked = f"locked: {locks.how_long(after)}"
                    log.warning("account locked", user=self._user, how_long=self.locked)


def _wrong() -> str:
    """Say what is wrong: not whether it is the password or the code."""
    if secondfactors.in_use():
        return "user name, password or code is wrong; after wrong codes none is taken for a while"
    return str(AuthenticationFailed.__doc__)


def _client_of(seen: dict[str, Any], options: Sections) -> str:
    """Return the client's address; empty where only a trusted balancer's is known."""
    address = str(seen.get("REMOTE_ADDR", ""))
    balancers = Networks(Settings(options).text("balancer-networks"))
    if address not in balancers:
        return address
    return client_of(address, [str(seen.get("HTTP_X_FORWARDED_FOR", ""))], balancers)


def _person_named(user: str) -> Person | None:
    try:
        return Person.objects.get_by_natural_key(user)
    except Person.DoesNotExist:
        return None


def _document(person: Person | None) -> dict[str, Any]:
    return document_of(ObjectType.PERSON, person.dbid) if person is not None else {}


def _options() -> dict[str, Any]:
    """Return the options of the server that these pages belong to."""
    found = Application.objects.filter(name=_server["name"] or "confserv").first()
    if found is None:
        return {}
    options = document_of(ObjectType.APPLICATION, found.dbid).get("options", {})
    return _plain(Place(ObjectType.APPLICATION, found.dbid, "options", "", ""), options)


def _annexes(dbid: int | None) -> Iterator[Sections]:
    for _ in range(_DEEPEST_TENANT):
        tenant = Tenant.objects.filter(pk=dbid or 0).first()
        if tenant is None:
            return
        yield _plain(Place(ObjectType.TENANT, tenant.dbid, "userProperties", "", ""), tenant.annex)
        dbid = tenant.parent_tenant_id


def _plain(place: Place, sections: Sections) -> dict[str, dict[str, str | int]]:
    """Return options with their secrets opened; one that cannot be read is left out."""
    keys = SecretKeys(derive([settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]))
    found: dict[str, dict[str, str | int]] = {}
    for section, options in sections.items():
        opened = found.setdefault(section, {})
        for name, value in options.items():
            try:
                at = place._replace(section=section, option=name)
                opened[name] = keys.open(str(value), at) if is_opaque(value) else value
            except Unreadable as error:
                log.warning("a secret cannot be read", section=section, option=name,
                            reason=str(error))  # fmt: skip
    return found
