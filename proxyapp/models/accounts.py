"""What is remembered of accounts beside the configuration: states, and former passwords.

Not configuration, so it goes by no door and has no revision.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.db import models, transaction

from confwire.messages import AccountState
from proxyapp.engine.trust.locks import merged

REFUSAL, LOCKED = "proxyapp.refusal", "proxyapp.locked"
"""In the META of a request: why a login to the web was refused, and that it locked the account."""


class Account(models.Model):
    """The state of one account; see `confwire.messages.AccountState`. Times are since 1970."""

    person = models.BigIntegerField(primary_key=True)
    last_login = models.FloatField(default=0.0)
    failures = models.JSONField(default=list)
    locked_at = models.FloatField(default=0.0)
    locked_until = models.FloatField(default=0.0)
    cleared_at = models.FloatField(default=0.0)
    changed_at = models.FloatField(db_index=True)
    """When this row was written last."""

    def __str__(self) -> str:
        return f"account of person {self.person}"

    def state(self) -> AccountState:
        """Return the row as servers exchange it."""
        return AccountState(
            person=self.person,
            last_login=self.last_login,
            failures=list(self.failures),
            locked_at=self.locked_at,
            locked_until=self.locked_until,
            cleared_at=self.cleared_at,
        )


class FormerPassword(models.Model):
    """A password that a person has had, as a digest under the person's own salt."""

    person = models.BigIntegerField(db_index=True)
    salt = models.CharField(max_length=32)
    digest = models.CharField(max_length=64)
    at = models.FloatField()

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"former password of person {self.person}"


def state_of(person: int) -> AccountState:
    """Return what is kept of an account."""
    row = Account.objects.filter(pk=person).first()
    return row.state() if row is not None else AccountState(person)


def states_since(changed_at: float) -> list[AccountState]:
    """Return the accounts whose rows were written at or after this time."""
    return [row.state() for row in Account.objects.filter(changed_at__gte=changed_at)]


def keep(states: Iterable[AccountState]) -> None:
    """Merge states into what is kept."""
    by_person = {state.person: state for state in states}
    with transaction.atomic():
        # In order, so that two who keep the same ones do not wait for each other.
        known = {
            row.person: row
            for row in Account.objects.select_for_update()
            .filter(pk__in=by_person)
            .order_by("person")
        }
        now = time.time()
        rows = [
            _row(merged(known[person].state() if person in known else state, state), now)
            for person, state in sorted(by_person.items())
        ]
        Account.objects.bulk_create(
            rows,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["person"],
            update_fields=[
                "last_login", "failures", "locked_at", "locked_until", "cleared_at", "changed_at",
            ],
        )  # fmt: skip


def _row(state: AccountState, now: float) -> Account:
    return Account(
        person=state.person,
        last_login=state.last_login,
        failures=state.failures,
        locked_at=state.locked_at,
        locked_until=state.locked_until,
        cleared_at=state.cleared_at,
        changed_at=now,
    )
