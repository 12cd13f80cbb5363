"""As of when ages are judged: a clock that jumped far is not believed at once.

A server that starts with a clock years ahead would find all of its history too old, and what is
removed is gone. The clean-up looks at the clock every half hour, so days between two looks mean
that the server was off, or that the clock is wrong; which of them, only time tells, or a person.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from historylog import writer
from historylog.models import Store, Transaction

JUMP = timedelta(days=7)
"""A clock may be so far from where it was believed to be."""
PATIENCE = timedelta(days=7)
"""One that is further away is believed when it has gone on for so long without another jump."""


class Looks(NamedTuple):
    """What came of the looks at the clock so far."""

    believed: datetime
    """The newest moment that was believed to be."""
    last: datetime
    """What the clock showed at the last look."""
    waited: timedelta
    """How long it has gone on where it is not believed."""

    def then(self, now: datetime) -> Looks:
        """Return what comes of one more look."""
        if abs(now - self.believed) <= JUMP:
            return Looks(now, now, timedelta())
        passed = now - self.last
        waited = self.waited + passed if timedelta() <= passed <= JUMP else timedelta()
        if waited >= PATIENCE:
            return Looks(now, now, timedelta())
        return Looks(self.believed, now, waited)


def judged(now: datetime, *, believe: bool = False) -> datetime:
    """Return as of when ages are judged: now, or earlier where the clock seems to be far ahead.

    Args:
        believe: a person says that the clock is right.
    """
    writer.open_store()
    with transaction.atomic():
        store = Store.objects.select_for_update().get(id=1)
        looks = Looks(now, now, timedelta()) if believe else _looks(store, now).then(now)
        Store.objects.filter(id=1).update(
            believed=looks.believed, looked=looks.last, waited=looks.waited.total_seconds()
        )
    return min(now, looks.believed)


def _looks(store: Store, now: datetime) -> Looks:
    if store.believed is not None and store.looked is not None and store.waited is not None:
        return Looks(store.believed, store.looked, timedelta(seconds=store.waited))
    # No look yet: what was committed last says when the clock was believed.
    newest = Transaction.objects.order_by("-revision").values_list("at", flat=True).first()
    return Looks(newest or now, now, timedelta())
