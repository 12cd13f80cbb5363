"""Kerberos tickets checked with the keys of the service.

The client proves that the ticket is its own by a signature over a nonce of this connection, made
with the ticket's session key. So a ticket that was recorded is of no use anywhere: not here, not
at another server of a pool with the same keys, and not while the master is away. Knows no
accounts.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode

import gssapi
import structlog
from gssapi.raw.misc import GSSError

from confwire.tickets import client_words, server_words
from proxyapp.auth.verdict import Verdict
from proxyapp.engine.trust.ways import Kerberos

log = structlog.get_logger(__name__)

_MECHANISM = gssapi.MechType.kerberos


def check(way: Kerberos, ticket: str, nonce: str, proof: str) -> Verdict:
    """Check a ticket and the proof for it, both in base64; return who brought it."""
    try:
        token, signature = b64decode(ticket, validate=True), b64decode(proof, validate=True)
    except (binascii.Error, ValueError):
        return Verdict("rejected", "the ticket is not in base64")
    try:
        credentials = _credentials(way)
    except GSSError as error:
        log.error("Kerberos keys cannot be used", spn=way.spn, reason=_text(error))
        return Verdict("unavailable", "this server's keys for tickets cannot be used")
    try:
        context = gssapi.SecurityContext(creds=credentials, usage="accept")
        context.step(token)
        if not context.complete:  # an error of the ticket may come as a token, not as an exception
            return Verdict("rejected", "the ticket was not accepted")
        context.verify_signature(client_words(nonce), signature)
        principal = str(context.initiator_name)
        mine = b64encode(context.get_signature(server_words(nonce))).decode()
    except GSSError as error:
        return Verdict("rejected", _text(error))
    if principal.rpartition("@")[2] != way.realm:
        return Verdict("rejected", f"the ticket is of another realm than {way.realm}")
    return Verdict("accepted", "", principal, mine)


def _credentials(way: Kerberos) -> gssapi.Credentials:
    store: dict[bytes | str, bytes | str] = {"keytab": way.keytab}
    if not way.replay_cache:
        store["rcache"] = "none:"
    # With "/" it is a principal as it stands, else service@host.
    kind = (
        gssapi.NameType.kerberos_principal if "/" in way.spn else gssapi.NameType.hostbased_service
    )
    name = gssapi.Name(way.spn, kind)
    return gssapi.Credentials(name=name, usage="accept", store=store, mechs=[_MECHANISM])


def _text(error: GSSError) -> str:
    texts = [*error.get_all_statuses(error.min_code, False)] if error.min_code else []
    texts = texts or [*error.get_all_statuses(error.maj_code, True)]
    return ": ".join(str(text) for text in texts)
