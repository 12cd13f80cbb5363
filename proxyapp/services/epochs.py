"""Epochs: the name of the data's history, which changes when the history does."""

from __future__ import annotations

from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from historylog import checkpoints
from proxyapp.models import Revision


def begin() -> str:
    """Begin a new epoch and return its name: every server and client then reads anew.

    To be done after the database was restored from a backup, since revisions that were given
    out before are given out again.
    """
    epoch = uuid4().hex
    with transaction.atomic():
        position = Revision.objects.select_for_update().get()
        Revision.objects.filter(pk=1).update(epoch=epoch)
        # The history goes on from what the backup had; its end is signed as it was found.
        checkpoints.add(position.number, timezone.now(), "epoch", position.chain)
    return epoch
