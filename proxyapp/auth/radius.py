"""Passwords checked by RADIUS servers.

Blocks, and ends by its deadline. Answers without a right Message-Authenticator are dropped, as if
the server had not answered. Knows no accounts.
"""

from __future__ import annotations

import io
import socket

import structlog
from pyrad.client import Client, Timeout
from pyrad.dictionary import Dictionary
from pyrad.packet import AccessAccept, AccessReject, PacketError

from proxyapp.auth.verdict import Misconfigured, Standing, Verdict, left, secret_of, share
from proxyapp.engine.trust.ways import Radius

log = structlog.get_logger(__name__)

LONGEST_PASSWORD = 128
"""Bytes that a User-Password may have (RFC 2865)."""
LONGEST_NAME = 253
_SHORTEST = 0.05
_DICTIONARY = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE User-Password 2 octets encrypt=1
ATTRIBUTE Reply-Message 18 string
ATTRIBUTE NAS-Identifier 32 string
ATTRIBUTE Message-Authenticator 80 octets
"""


def check(
    way: Radius, user: str, password: str, until: float, standing: Standing, *, empty: bool = False
) -> Verdict:
    """Ask the servers in turn until one answers.

    Args:
        until: when an answer is of no use any more, on the monotonic clock.
        empty: an empty password is put to them, too.
    """
    hidden, name = password.encode(), user.encode()
    if (not hidden and not empty) or len(hidden) > LONGEST_PASSWORD or len(name) > LONGEST_NAME:
        return Verdict("rejected")
    try:
        secret = secret_of(way.secret, way.secret_file).encode()
    except Misconfigured as error:
        log.warning("a RADIUS server did not check a login", reason=str(error))
        return Verdict("unavailable", str(error))
    order = standing.order(len(way.servers))
    for place, number in enumerate(order):
        end = share(until, len(order) - place)
        if left(end) < _SHORTEST:
            break
        host, port = way.servers[number]
        try:
            verdict = _ask(way, host, port, secret, user, hidden, left(end))
        except Timeout:
            reason = "no answer in time that could be trusted"
            standing.silent(number, way.pause)
        except (OSError, PacketError) as error:
            reason = str(error) or type(error).__name__
        else:
            standing.answered(number)
            return verdict
        log.warning("a RADIUS server did not check a login", server=f"{host}:{port}", reason=reason)
    return Verdict("unavailable", "no RADIUS server answered")


def _ask(
    way: Radius, host: str, port: int, secret: bytes, user: str, password: bytes, seconds: float
) -> Verdict:
    attempts = way.retries + 1
    address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0][4][0]
    client = Client(
        server=str(address),
        authport=port,
        secret=secret,
        dict=Dictionary(io.StringIO(_DICTIONARY)),
        retries=attempts,
        timeout=min(way.timeout, seconds / attempts),
        enforce_ma=way.enforce,
    )
    try:
        request = client.CreateAuthPacket(User_Name=user, NAS_Identifier=way.identifier)
        request["User-Password"] = request.PwCrypt(password)
        reply = client.SendPacket(request)
    finally:
        client._CloseSocket()  # it has no other way to let go of it
    text = " ".join(str(part) for part in reply.get("Reply-Message", [])).strip()
    if reply.code == AccessAccept:
        return Verdict("accepted", text)
    if reply.code == AccessReject:
        return Verdict("rejected", text)
    return Verdict("rejected", text or "the RADIUS server asks for more than a password")
