"""The opening of a session: who says to be whom, the proof of it, the admission.

A password is judged at once or beside the node, a SCRAM proof and a ticket after a challenge, a
token at once. One token, one login and no more: another attempt needs a new connection. Refusals
are logged here, with who tried from where, and never with a secret.
"""

from __future__ import annotations

from collections.abc import Callable

from confwire.errors import (
    AccountMismatch,
    ApplicationInUse,
    AuthenticationFailed,
    AuthenticationUnavailable,
    InvalidParameter,
    PasswordInClear,
    RequestError,
    TokenRefused,
)
from confwire.handshake import ServerHandshake, parse_verifier, resume_proof
from confwire.messages import Challenge, HistoryEntry, Open, Proof
from historylog.entries import Kind, clean
from proxyapp.balancer.networks import networks
from proxyapp.engine.commands import Probe
from proxyapp.engine.data.rows import Row
from proxyapp.engine.events import Authenticated, Connected
from proxyapp.engine.logins import admission
from proxyapp.engine.logins.checking import MARGIN, Login
from proxyapp.engine.parts import Greeting
from proxyapp.engine.serving import Serving
from proxyapp.engine.trust.throttle import host_of
from proxyapp.engine.trust.tokens import Holder, Token, fingerprint_of

SCRAM, PLAIN, KERBEROS = "SCRAM-SHA-256", "PLAIN", "KERBEROS"


class Opening:
    """One attempt to log in."""

    __slots__ = (
        "_begun",
        "_counted",
        "_done",
        "_line",
        "_person",
        "_proof",
        "_serving",
        "_verifier",
        "final",
        "greeting",
        "message",
        "tried",
    )

    message: Open
    """What the client sent; there after `begin`."""

    def __init__(
        self, serving: Serving, line: Connected, done: Callable[[Authenticated], None]
    ) -> None:
        """Have nothing of the client yet.

        Args:
            line: the connection that it has come by.
            done: called with the judgement of others.
        """
        self._serving = serving
        self._line = line
        self._counted = ""
        """The address that failed logins count for; known once the opening has come."""
        self._done = done
        self._begun = serving.now
        self._proof: ServerHandshake | None = None
        self._person: Row | None = None
        """The user, as of the message in hand; None where it names nobody."""
        self._verifier = ""
        """Of the account, as it was when the opening came."""
        self.tried = False
        """A token was shown on this connection."""
        self.greeting = Greeting()
        """What a person is told; there once it is admitted."""
        self.final = ""
        """What proves the server to the client; there once it is admitted."""

    def begin(self, message: Open) -> Challenge | None:
        """Take the opening; return the challenge, or None where others judge it now.

        `done` is called then, in a later turn.

        Raises NotReady, InvalidParameter, AuthenticationFailed, PasswordInClear,
        AuthenticationUnavailable, MasterUnavailable.
        """
        admission.check_door(self._serving, message, self._line.port)
        self.message = message
        self._counted = self._line.forwarded or _counted(self._serving, self._line.peer)
        self._look_up()
        self._verifier = admission.verifier_for(self._serving, message, self._person) or ""
        try:
            self._check_limits()
            if message.mechanism == SCRAM:
                return self._challenge()
            self._check_mechanism()
            if message.mechanism == KERBEROS:
                return Challenge(self._line.nonce)
            self._ask("")
        except RequestError as error:
            self._refused(error)
            raise
        return None

    def prove(self, message: Proof) -> admission.Admitted | None:
        """Check the proof and everything that a session needs; None: others judge it now.

        Raises AuthenticationFailed, ApplicationInUse, what `admission.admit` raises, and for
        tickets what `begin` raises.
        """
        try:
            if self._proof is None:
                self._ask(message.data)
                return None
            # Others may have failed since the challenge: what is locked now opens to no proof.
            self._look_up()
            self._check_limits()
            self.final = self._check(self._proof, message.data)
            return self._admit()
        except RequestError as error:
            self._refused(error)
            raise

    def conclude(self, event: Authenticated) -> admission.Admitted:
        """Take the judgement of others.

        Raises AuthenticationFailed, AuthenticationUnavailable, and as `prove`.
        """
        self._end_wait()
        self._look_up()
        try:
            if event.outcome == "unavailable":
                raise AuthenticationUnavailable(_with(AuthenticationUnavailable, event.text))
            if event.outcome == "rejected":
                self._failed()
                raise AuthenticationFailed(_with(AuthenticationFailed, event.text))
            if self.message.mechanism == KERBEROS:
                self._check_principal(event.principal)
            self.final = event.data
            return self._admit()
        except RequestError as error:
            self._refused(error)
            raise

    def resume(self, message: Open) -> tuple[Token, admission.Admitted]:
        """Check a token, and everything that a session needs as at a login.

        Raises TokenRefused, NotReady, and what `prove` raises.
        """
        self.message, self.tried = message, True
        try:
            admission.check_door(self._serving, message, self._line.port)
            return self._resume(message)
        except RequestError as error:
            self._refused(error)
            raise

    def holder(self, session: str, admitted: admission.Admitted) -> Holder:
        """Return what the tokens of the session say, as the login has proved it."""
        ring = self._serving.issuing.ring
        return Holder(
            session,
            admitted.application,
            admitted.person,
            fingerprint_of(self._verifier),
            ring.generation if ring is not None else 0,
        )

    # ------------------------------------------------------------ steps

    def _resume(self, message: Open) -> tuple[Token, admission.Admitted]:
        serving, ring = self._serving, self._serving.issuing.ring
        if message.role != "client":
            raise InvalidParameter("token: servers log in by their secret")
        if ring is None:
            raise TokenRefused("this server has no keys of tokens yet")
        token = ring.read(message.token or "", serving.now)
        if not (serving.options.flag("resume-tokens") or serving.has_record(token.session)):
            raise TokenRefused("this server takes no tokens (resume-tokens)")
        self._look_up()
        self._verifier = admission.verifier_for(serving, message, self._person) or ""
        if not ring.proves(token, fingerprint_of(self._verifier)):
            raise TokenRefused("the token is of another account, or its password was changed")
        admitted = self._admit(token.session)
        if (admitted.application, admitted.person) != (token.application, token.person):
            raise TokenRefused("the token is of another application or account")
        if self._verifier:
            key = parse_verifier(self._verifier).server_key
            self.final = resume_proof(key, message.data, message.token or "")
        return token, admitted

    def _look_up(self) -> None:
        """Find the user, once for each message: between two it may become another one."""
        user = self.message.user
        self._person = self._serving.person_named(user) if user else None

    def _challenge(self) -> Challenge:
        serving, message = self._serving, self.message
        proof = self._proof = ServerHandshake(self._line.nonce, serving.settings.scram_iterations)
        data = proof.challenge(message.data, self._verifier or None, serving.settings.fake_salt_key)
        if proof.user != (message.user or message.application):
            raise AuthenticationFailed("the opening and its SCRAM message name different accounts")
        return Challenge(data)

    def _check_mechanism(self) -> None:
        message = self.message
        if not message.user:
            raise InvalidParameter(f"mechanism {message.mechanism} is for users: give a user")
        if message.mechanism == PLAIN and not self._line.secure:
            raise PasswordInClear
        if message.mechanism == KERBEROS and not self._serving.checks.takes_tickets():
            raise InvalidParameter("this server takes no tickets: use another mechanism")

    def _ask(self, proof: str) -> None:
        serving, message = self._serving, self.message
        limit = serving.options.number("client-connect-timeout")
        login = Login(
            user=message.user,
            person=self._person,
            mechanism="KERBEROS" if message.mechanism == KERBEROS else "PLAIN",
            data=message.data,
            nonce=self._line.nonce,
            proof=proof,
            seconds=max(MARGIN, self._begun + limit - MARGIN - serving.now),
        )
        serving.checks.begin(login, self._done)
        serving.accounts.begin(message.user)
        serving.throttle.begin(self._counted)

    def _check_limits(self) -> None:
        """Refuse who has failed too often: the address, and the account from wherever."""
        serving = self._serving
        most = serving.options.number("failed-logins-per-address")
        serving.throttle.check(self._counted, most, serving.now)
        if self.message.user:
            serving.accounts.check(self.message.user, self._person)

    def _end_wait(self) -> None:
        self._serving.accounts.end(self.message.user)
        self._serving.throttle.end(self._counted)

    def _check_principal(self, principal: str) -> None:
        """Refuse a ticket of somebody else; the realm was checked with it."""
        person = self._person
        if person is None or not admission.is_principal_of(principal, person):
            raise AccountMismatch(
                f"the ticket is of {principal}, which is not account '{self.message.user}': its"
                " user name, or its external ID, is the principal's"
            )

    def _admit(self, session: str = "") -> admission.Admitted:
        admitted = admission.admit(
            self._serving, self.message, self._person, self._line.secure, self._line.port
        )
        if self._person is not None:
            self._greet(self._person, session)
        if admitted.daemon:
            self._claim(admitted.application, session)
        return admitted

    def _greet(self, person: Row, resumed: str) -> None:
        """Check what the rules of accounts say of a person that has proved itself.

        Args:
            resumed: id of the session that goes on, which does not count as another one.
        """
        serving = self._serving
        mine = serving.roster.count_of(person.dbid) - (serving.roster.named(resumed) is not None)
        self.greeting = serving.accounts.admit(person, mine)
        serving.accounts.entered(person)

    def _failed(self) -> None:
        """What was brought is wrong: count it for the address and for the account."""
        serving = self._serving
        most = serving.options.number("failed-logins-per-address")
        serving.throttle.failed(self._counted, most, serving.now)
        if self.message.user:
            serving.accounts.failed(self.message.user, self._line.forwarded or self._line.peer)

    def _refused(self, error: RequestError) -> None:
        self._serving.counters.refusals += 1
        self._serving.log(
            "warning",
            "login refused",
            application=self.message.application,
            user=self.message.user,
            peer=self._line.forwarded or self._line.peer,
            port=self._line.port,
            code=error.code,
            reason=error.text,
        )
        self._keep_refusal(error)

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
                peer=self._line.peer,
                forwarded=self._line.forwarded,
                port=self._line.port,
                reason=clean(f"{error.code}: {error.text}"),
            )
        )

    def _check(self, proof: ServerHandshake, data: str) -> str:
        try:
            return proof.check(data)
        except AuthenticationFailed:
            self._failed()
            if self.message.user:
                raise
            raise AuthenticationFailed(
                f"there is no application '{self.message.application}' with this secret: check the"
                " name, or make a new secret in the administration"
            ) from None

    def _claim(self, application: int, session: str) -> None:
        """Refuse a second session of a daemon; the same one may come by another connection."""
        other = self._serving.roster.daemon(application)
        if other is not None and other.id != session:
            # A dead line is found out by the probe, and the next attempt succeeds.
            self._serving.out.append(Probe(other.connection))
            raise ApplicationInUse(
                f"the application has a session from {other.peer} already: a server may have one at"
                " a time. Stop the other one, or try again in some seconds if its line is dead"
            )
        if self.message.role == "client":
            self._serving.daemons.check(application, session)


def _with(error: type[RequestError], said: str) -> str:
    """Return the text of an error with what another system said to it."""
    text = (error.__doc__ or "").strip()
    return f"{text}: {said}" if said else text


def _counted(serving: Serving, peer: str) -> str:
    """Return the address that failed logins count for; a balancer's never does."""
    balancers = networks(serving.options.text("balancer-networks"))
    return "" if balancers and host_of(peer) in balancers else peer
