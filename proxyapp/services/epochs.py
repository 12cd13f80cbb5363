"""Epochs: the name of the data's history, which changes when the history does."""

from __future__ import annotations

import os
import time

from django.db import transaction
from django.utils import timezone

from confwire.epochs import begun_at, name_at
from historylog import checkpoints
from proxyapp.models import Revision
from proxyapp.services import leadership


def new_name(*others: str) -> str:
    """Return a name that is later than those of other epochs, whatever the clock says."""
    now = int(time.time() * 1000)
    return name_at(max([now, *((begun_at(other) or 0) + 1 for other in others)]), os.urandom(10))


def begin(proven: str = "") -> str:
    """Begin a new epoch and return its name: every server and client then reads anew.

    To be done after the database was restored from a backup, since revisions that were given
    out before are given out again.

    Args:
        proven: an epoch that is known to have been there; the new one is later than that, too.
    """
    with transaction.atomic():
        position = Revision.objects.select_for_update().get()
        leadership.check(leadership.standing())
        epoch = new_name(position.epoch, proven)
        Revision.objects.filter(pk=1).update(epoch=epoch)
        sign()
    return epoch


def sign() -> None:
    """Sign the end of the history as a new epoch has found it: what follows goes on from there."""
    position = Revision.objects.get()
    checkpoints.add(position.number, timezone.now(), "epoch", position.chain)
