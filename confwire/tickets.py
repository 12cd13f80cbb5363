"""What both sides of a login by Kerberos ticket sign with its session key.

Pure texts; the tickets themselves are made and checked elsewhere.
"""

from __future__ import annotations

MECHANISM = "KERBEROS"


def client_words(nonce: str) -> bytes:
    """Return what the client signs: it holds the ticket's session key now."""
    return f"confwire.1 client {nonce}".encode()


def server_words(nonce: str) -> bytes:
    """Return what the server signs: it has the service's keys."""
    return f"confwire.1 server {nonce}".encode()
