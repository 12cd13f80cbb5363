"""The opening of a session: who says to be whom, the SCRAM exchange, the admission.

Two messages and no more: a second attempt needs a new connection. Refusals are logged here,
with who tried from where, and never with a secret.
"""

from __future__ import annotations

from confwire.errors import (
    ApplicationInUse,
    AuthenticationFailed,
    RequestError,
)
from confwire.handshake import ServerHandshake
from confwire.messages import Challenge, HistoryEntry, Open, Proof
from historylog.entries import Kind, clean
from proxyapp.engine import admission
from proxyapp.engine.commands import Probe
from proxyapp.engine.serving import Serving


class Opening:
    """One attempt to log in."""

    __slots__ = ("_peer", "_port", "_proof", "_secure", "_serving", "final", "message")

    message: Open
    """What the client sent; there after `begin`."""

    def __init__(self, serving: Serving, peer: str, port: str, secure: bool, nonce: str) -> None:
        self._serving = serving
        self._peer = peer
        self._port = port
        self._secure = secure
        self._proof = ServerHandshake(nonce, serving.settings.scram_iterations)
        self.final = ""
        """The SCRAM server-final-message; there after `prove`."""

    def begin(self, message: Open) -> Challenge:
        """Take the opening; return the challenge.

        Raises NotReady, InvalidParameter, AuthenticationFailed.
        """
        serving = self._serving
        serving.check_ready()
        verifier = admission.verifier_for(serving, message)
        data = self._proof.challenge(message.data, verifier, serving.settings.fake_salt_key)
        if self._proof.user != (message.user or message.application):
            raise AuthenticationFailed("the opening and its SCRAM message name different accounts")
        self.message = message
        return Challenge(data)

    def prove(self, message: Proof) -> admission.Admitted:
        """Check the proof and everything that a session needs.

        Raises AuthenticationFailed, ApplicationInUse, and what `admission.admit` raises.
        """
        try:
            self.final = self._check(message.data)
            admitted = admission.admit(self._serving, self.message, self._secure, self._port)
            if admitted.daemon:
                self._claim(admitted.application)
        except RequestError as error:
            self._serving.log(
                "warning",
                "login refused",
                application=self.message.application,
                user=self.message.user,
                peer=self._peer,
                port=self._port,
                code=error.code,
                reason=error.text,
            )
            self._keep_refusal(error)
            raise
        return admitted

    def _keep_refusal(self, error: RequestError) -> None:
        serving = self._serving
        serving.keep_entry(
            HistoryEntry(
                kind=Kind.LOGIN_REFUSED.value,
                at=serving.now,
                server=serving.settings.application,
                application=clean(self.message.application),
                application_type=clean(self.message.application_type),
                user=clean(self.message.user),
                peer=self._peer,
                port=self._port,
                reason=clean(f"{error.code}: {error.text}"),
            )
        )

    def _check(self, data: str) -> str:
        try:
            return self._proof.check(data)
        except AuthenticationFailed:
            if self.message.user:
                raise
            raise AuthenticationFailed(
                f"there is no application '{self.message.application}' with this secret: check the"
                " name, or make a new secret in the administration"
            ) from None

    def _claim(self, application: int) -> None:
        other = self._serving.roster.daemon(application)
        if other is not None:
            # A dead line is found out by the probe, and the next attempt succeeds.
            self._serving.out.append(Probe(other.connection))
            raise ApplicationInUse(
                f"the application has a session from {other.peer} already: a server may have one at"
                " a time. Stop the other one, or try again in some seconds if its line is dead"
            )
