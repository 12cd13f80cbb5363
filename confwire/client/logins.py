"""The ways to prove who one is: the password's keys, the password itself, or a Kerberos ticket.

Each is one login: what goes into the opening, the answer to a challenge, and the check that the
server is the right one. Knows no sockets.
"""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from secrets import token_urlsafe
from typing import Any, Literal, Protocol

from confwire.client.credentials import Credentials
from confwire.errors import LocalProtocolError, RemoteProtocolError
from confwire.handshake import ClientHandshake, parse_challenge
from confwire.tickets import client_words, server_words

Mechanism = Literal["SCRAM-SHA-256", "PLAIN", "KERBEROS"]
MECHANISMS: dict[str, Mechanism] = {
    "scram": "SCRAM-SHA-256",
    "plain": "PLAIN",
    "kerberos": "KERBEROS",
}
"""Short names of the mechanisms, as people say them."""


class Login(Protocol):
    """One attempt to log in."""

    async def first(self) -> str:
        """Return the data of the opening."""

    async def answer(self, challenge: str) -> str:
        """Return the proof that the server's challenge asks for."""

    def verify(self, data: str) -> None:
        """Check what the server says for itself.

        Raises:
            RemoteProtocolError: it is a false one.
        """


def login_of(credentials: Credentials, secure: bool) -> Login:
    """Return a login with these credentials.

    Args:
        secure: the line is TLS or loopback: a password may cross it.

    Raises:
        LocalProtocolError: a password would cross the network in clear, or there is no library
            for tickets.
    """
    if credentials.mechanism == "PLAIN":
        if not secure:
            raise LocalProtocolError(
                "a password crosses TLS or loopback only: use TLS, or another mechanism"
            )
        return _Plain(credentials)
    return _Ticket(credentials) if credentials.mechanism == "KERBEROS" else _Scram(credentials)


class _Scram:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._handshake = ClientHandshake(credentials.name, token_urlsafe(24))

    async def first(self) -> str:
        return self._handshake.first()

    async def answer(self, challenge: str) -> str:
        salted = await self._credentials.salted_password(parse_challenge(challenge))
        return self._handshake.final(challenge, salted)

    def verify(self, data: str) -> None:
        self._handshake.verify(data)


class _Plain:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    async def first(self) -> str:
        return self._credentials.password

    async def answer(self, challenge: str) -> str:
        raise RemoteProtocolError("the server sent a challenge for a password")

    def verify(self, data: str) -> None:
        """TLS has shown who the server is; loopback needs no proof."""


class _Ticket:
    def __init__(self, credentials: Credentials) -> None:
        try:
            import gssapi
        except ImportError:
            raise LocalProtocolError(
                "there is no library for Kerberos tickets: install the package gssapi"
            ) from None
        self._gssapi: Any = gssapi
        self._service = credentials.service
        self._context: Any = None
        self._nonce = ""

    async def first(self) -> str:
        return await asyncio.to_thread(self._begin)  # it may ask the realm for the ticket

    async def answer(self, challenge: str) -> str:
        self._nonce = challenge
        return b64encode(self._context.get_signature(client_words(challenge))).decode()

    def verify(self, data: str) -> None:
        try:
            self._context.verify_signature(server_words(self._nonce), b64decode(data))
        except (ValueError, self._gssapi.exceptions.GSSError):
            raise RemoteProtocolError(
                "the server could not prove that it has the service's keys"
            ) from None

    def _begin(self) -> str:
        gssapi = self._gssapi
        kind = gssapi.NameType
        form = kind.kerberos_principal if "/" in self._service else kind.hostbased_service
        try:
            self._context = gssapi.SecurityContext(
                name=gssapi.Name(self._service, form),
                mech=gssapi.MechType.kerberos,
                flags=gssapi.RequirementFlag.integrity,
                usage="initiate",
            )
            return b64encode(self._context.step() or b"").decode()
        except gssapi.exceptions.GSSError as error:
            raise LocalProtocolError(f"there is no ticket for {self._service}: {error}") from None
