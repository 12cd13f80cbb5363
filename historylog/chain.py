"""The hash chain over all transactions, and the signatures of its checkpoints.

Each hash takes in the one before, so a row that is changed, missing, inserted or put elsewhere
breaks it from there on. Whoever can write all rows can make a new chain, but no signature:
checkpoints are signed with a key that comes from the servers' secret key.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

import msgspec

from historylog.records import Head, Step

_encoder = msgspec.json.Encoder()


def chain_after(previous: str, head: Head, steps: Iterable[Step]) -> str:
    """Return the chain's hash after a transaction, as hexadecimal digits.

    Args:
        previous: the hash after the transaction before it.
        head: its time in UTC.
        steps: in order of their numbers.
    """
    digest = hashlib.sha256(previous.encode())
    digest.update(_encoder.encode(head))
    for step in steps:
        digest.update(_encoder.encode(step))
    return digest.hexdigest()


def sign(key: str, revision: int, at: datetime, reason: str, chain: str) -> str:
    """Return the signature of a checkpoint."""
    words = _encoder.encode(["checkpoint of the history", revision, at, reason, chain])
    return hmac.new(_derived(key), words, "sha256").hexdigest()


def is_signed(
    keys: Iterable[str], revision: int, at: datetime, reason: str, chain: str, signature: str
) -> bool:
    """Whether a checkpoint was signed with one of these keys."""
    return any(
        hmac.compare_digest(sign(key, revision, at, reason, chain), signature) for key in keys
    )


def _derived(key: str) -> bytes:
    return hmac.new(key.encode(), b"csproxy history checkpoints", "sha256").digest()
