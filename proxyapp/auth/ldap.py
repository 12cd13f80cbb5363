"""Passwords checked by LDAP directories: search for the person, then bind as what was found.

Blocks, and ends by its deadline; each login has a connection of its own, so a directory that was
restarted is no matter. Knows no accounts.
"""

from __future__ import annotations

import contextlib
import re
import ssl
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import ldap
import structlog
from ldap.filter import escape_filter_chars
from ldapurl import LDAPUrl

from proxyapp.auth import tunnel
from proxyapp.auth.addresses import is_here
from proxyapp.auth.verdict import Misconfigured, Standing, Verdict, left, secret_of, share
from proxyapp.engine.trust.ways import Directory, Ldap

log = structlog.get_logger(__name__)

_PLACEHOLDER = re.compile(r"(?<==)X(?![A-Za-z0-9])")
_SILENT = (ldap.TIMEOUT, ldap.TIMELIMIT_EXCEEDED)
_AWAY = (ldap.SERVER_DOWN, ldap.CONNECT_ERROR, ldap.UNAVAILABLE, ldap.BUSY)
_SHORTEST = 0.05
"""Seconds below which nothing is begun any more."""
_BETWEEN_ROUNDS = 0.2
"""Seconds after which directories that refused a connection are asked again."""
NO_ANSWER = "no answer in time"


def check(way: Ldap, user: str, password: str, until: float, standing: Standing) -> Verdict:
    """Ask the directories in turn until one answers.

    Args:
        user: what stands for X in the filter.
        until: when an answer is of no use any more, on the monotonic clock.
    """
    if not password:
        return Verdict("rejected")  # such a bind asks for nothing, and succeeds
    reason = "no directory answered, and they are left alone for a moment"
    for turn in range(max(directory.attempts for directory in way.directories)):
        if turn:
            time.sleep(min(_BETWEEN_ROUNDS, left(until) / 2))
        order = standing.order(len(way.directories))
        for place, number in enumerate(order):
            end = share(until, len(order) - place)
            if left(end) < _SHORTEST:
                return Verdict("unavailable", reason)
            directory = way.directories[number]
            verdict, reason = _try(directory, user, password, end)
            if verdict is not None:
                standing.answered(number)
                return verdict
            if reason == NO_ANSWER:
                standing.silent(number, directory.pause)
    return Verdict("unavailable", reason)


def _try(
    directory: Directory, user: str, password: str, until: float
) -> tuple[Verdict | None, str]:
    """Return the verdict of one directory, else why there is none."""
    try:
        return _ask(directory, user, password, until), ""
    except Misconfigured as error:
        reason = str(error)
    except (*_SILENT, TimeoutError):
        reason = NO_ANSWER
    except ldap.LDAPError as error:
        # What the kernel ended looks to the library like a server that has gone.
        late = isinstance(error, _AWAY) and left(until) < _SHORTEST
        reason = NO_ANSWER if late else _text(error)
    except OSError as error:
        reason = str(error.strerror or error)
    where = urlsplit(directory.url).netloc
    log.warning("a directory did not check a login", directory=where, reason=reason)
    return None, reason


def _ask(directory: Directory, user: str, password: str, until: float) -> Verdict:
    url = _url_of(directory)
    with _connection(directory, url, until) as connection:
        if directory.app_user:
            own = secret_of(directory.password, directory.password_file)
            try:
                connection.simple_bind_s(directory.app_user, own)
            except ldap.INVALID_CREDENTIALS as error:
                raise Misconfigured(f"app-user or its password is wrong: {_text(error)}") from error
        _limit(connection, until, directory.timeout)
        name = _find(connection, url, user, min(left(until), directory.timeout))
        if not name:
            return Verdict("rejected")
        _limit(connection, until, directory.timeout)
        try:
            connection.simple_bind_s(name, password)
        except (*_SILENT, *_AWAY):
            raise
        except ldap.LDAPError as error:
            return Verdict("rejected", _said(error))
    return Verdict("accepted")


def _find(connection: Any, url: LDAPUrl, user: str, seconds: float) -> str:
    """Return the name of the one entry that is this user, empty where there is none."""
    filter_ = _PLACEHOLDER.sub(lambda _: escape_filter_chars(user), url.filterstr)
    scope = url.scope if url.scope is not None else ldap.SCOPE_BASE
    try:
        found = connection.search_ext_s(
            url.dn, scope, filter_, ["1.1"], timeout=max(seconds, _SHORTEST), sizelimit=2
        )
    except ldap.SIZELIMIT_EXCEEDED:
        found = [("", {}), ("", {})]
    names = [name for name, _ in found if name is not None]
    if len(names) > 1:
        log.warning("a directory has a user several times", user=user, base=url.dn)
    return names[0] if len(names) == 1 else ""


def _url_of(directory: Directory) -> LDAPUrl:
    try:
        url = LDAPUrl(directory.url)
    except (ValueError, IndexError) as error:
        raise Misconfigured(f"ldap-url is no LDAP URL: {error}") from error
    if not url.filterstr or not _PLACEHOLDER.search(url.filterstr):
        raise Misconfigured("ldap-url has no filter with X: end it as in ?sub?(uid=X)")
    host = urlsplit(directory.url).hostname or ""
    secured = url.urlscheme == "ldaps" or directory.start_tls
    if not secured and not directory.clear_text and not is_here(host):
        raise Misconfigured("passwords would cross the network in clear: use ldaps or start-tls")
    return url


@contextlib.contextmanager
def _connection(directory: Directory, url: LDAPUrl, until: float) -> Iterator[Any]:
    parts = urlsplit(directory.url)
    secured = url.urlscheme == "ldaps"
    end = min(until, time.monotonic() + directory.timeout)
    port = parts.port or (636 if secured else 389)
    context = _context(directory) if secured else None
    with tunnel.connection(parts.hostname or "localhost", port, context, until, end) as socket:
        # What the library sees is in clear: TLS of ldaps ends in the tunnel.
        address = f"ldap://{parts.netloc.rpartition('@')[2]}"
        connection = ldap.initialize(address, fileno=socket.fileno())
        socket.detach()  # the library closes it
        try:
            connection.set_option(ldap.OPT_PROTOCOL_VERSION, 3)
            connection.set_option(ldap.OPT_REFERRALS, int(directory.chase_referrals))
            _limit(connection, until, directory.timeout)
            if directory.start_tls and not secured:
                _start_tls(connection, directory)
            yield connection
        finally:
            with contextlib.suppress(ldap.LDAPError):
                connection.unbind_ext_s()


def _context(directory: Directory) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=directory.cacert_path or None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if directory.cert_path:
            context.load_cert_chain(directory.cert_path, directory.key_path or None)
    except OSError as error:
        raise Misconfigured(f"cacert-path, cert-path or key-path: {error}") from error
    return context


def _limit(connection: Any, until: float, most: float) -> None:
    seconds = max(min(left(until), most), _SHORTEST)
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, seconds)
    connection.set_option(ldap.OPT_TIMEOUT, seconds)


def _start_tls(connection: Any, directory: Directory) -> None:
    for option, path in (
        (ldap.OPT_X_TLS_CACERTFILE, directory.cacert_path),
        (ldap.OPT_X_TLS_CERTFILE, directory.cert_path),
        (ldap.OPT_X_TLS_KEYFILE, directory.key_path),
    ):
        if path:
            connection.set_option(option, path)
    connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_HARD)
    connection.set_option(ldap.OPT_X_TLS_PROTOCOL_MIN, ldap.OPT_X_TLS_PROTOCOL_TLS1_2)
    connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)  # last: it makes the context of the others
    connection.start_tls_s()


def _said(error: Any) -> str:
    """Return what the directory told the user, empty where it told nothing."""
    given = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(given.get("info", "")).strip()


def _text(error: Any) -> str:
    given = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    words = [str(given.get(name, "")).strip() for name in ("desc", "info")]
    return ": ".join(word for word in words if word) or type(error).__name__
