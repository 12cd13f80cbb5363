"""A named write is carried out once: its receipt is written with it, or neither is.

A client that lost its connection before the answer sends the write again under the same name,
to whichever server, and gets the answer that it missed. Receipts are kept for a day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from confwire.errors import InvalidParameter
from proxyapp.models import Person, Receipt, Revision
from proxyapp.models.statements import run
from proxyapp.services import changes
from proxyapp.services.changes import CommitResult
from proxyapp.services.objects import Outcome

KEPT = timedelta(days=1)
_TAKE = """
INSERT INTO proxyapp_receipt (key, digest, dbid, at) VALUES (%s, %s, 0, %s)
ON CONFLICT (key) DO NOTHING RETURNING dbid
"""


class Name(NamedTuple):
    """What a client calls a write, and the digest of what the write is."""

    text: str
    digest: str


def once(
    name: Name, write: Callable[[], Outcome], *, by: Person, origin: str, through: str = ""
) -> Outcome:
    """Carry out a write that was not carried out under this name yet.

    Args:
        name: with an empty text it need not be known again.
        write: writes through the one door, as the same person.
        through: the proxy that passed it on.

    Returns the outcome; of a write that was carried out before with the newest revision, which
    has it.

    Raises:
        InvalidParameter: the name was given to another write.
        RequestError: what `write` raises; then nothing is kept of it.
    """
    key = f"{by.dbid} {name.text}"
    with changes.commit(by=by, origin=origin, through=through) as work:
        # Whoever writes under the same name at the same time is waited for here.
        if name.text and not run(_TAKE, [key, name.digest, timezone.now()]):
            receipt = Receipt.objects.get(key=key)
            if receipt.digest != name.digest:
                raise InvalidParameter(
                    f"requestId {name.text} was given to another write: each needs its own",
                    property="requestId",
                )
            return Outcome(receipt.dbid, CommitResult(Revision.objects.get().number))
        dbid = write().dbid
        if name.text:
            Receipt.objects.filter(key=key).update(dbid=dbid)
    return Outcome(dbid, work.result or CommitResult(None))


def forget(now: datetime) -> None:
    """Remove the receipts that are too old."""
    Receipt.objects.filter(at__lt=now - KEPT).delete()
