"""Checkpoints: signed points of the chain, from which what is left can be checked."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings

from historylog.chain import is_signed, sign
from historylog.models import Checkpoint

INTERVAL = 1000
"""Every so many revisions there is one."""


def add(revision: int, at: datetime, reason: str, chain: str) -> Checkpoint:
    """Sign the chain as it stands after a revision."""
    signature = sign(settings.SECRET_KEY, revision, at, reason, chain)
    return Checkpoint.objects.create(
        revision=revision, at=at, reason=reason, chain=chain, signature=signature
    )


def is_genuine(checkpoint: Checkpoint) -> bool:
    """Whether a checkpoint was signed with the servers' secret key, or a former one."""
    return is_signed(
        map(str, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]),
        checkpoint.revision,
        checkpoint.at,
        checkpoint.reason,
        checkpoint.chain,
        checkpoint.signature,
    )


def floor() -> Checkpoint | None:
    """Return the checkpoint above which the history is kept; None when it begins at revision 1."""
    found = Checkpoint.objects.filter(reason__in=["floor", "beginning"])
    return found.order_by("-revision", "-pk").first()
