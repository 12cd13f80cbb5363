"""What is kept beside changes: sessions, logins, server events; and whose numbers they bear.

An entry is numbered in the store that kept it first, so that a copy of it elsewhere is known to
be one. Triggers refuse every UPDATE of an entry, and every DELETE above its store's floor.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pgtrigger
from django.db import models

from confwire.messages import HistoryEntry
from historylog.models.appending import refusing

BELOW_FLOOR = "OLD.at < (SELECT floor FROM historylog_store WHERE id = 1)"
"""Where an entry may be deleted: pruning raises the floor first."""

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Store(models.Model):
    """One row: the name of this database among all that keep entries, and how far it has come."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=32)
    """A proxy takes a new one at each start: an old copy of its file gives numbers again."""
    last = models.BigIntegerField(default=0)
    """The last number that was given, under whichever name; it never goes back."""
    forwarded = models.BigIntegerField(default=0)
    """Up to this number a master has them, too. 0 at a master, which forwards nothing."""
    floor = models.DateTimeField(default=BEGINNING)
    """What happened before may be deleted."""
    believed = models.DateTimeField(null=True)
    """The newest moment of the clock that the clean-up believed; NULL before its first look."""
    looked = models.DateTimeField(null=True)
    """What the clock showed at its last look."""
    waited = models.FloatField(null=True)
    """Seconds for which the clock has gone on where it is not believed; NULL as `looked`."""

    def __str__(self) -> str:
        return f"{self.name} up to {self.last}"


class Source(models.Model):
    """Another store whose entries are kept here, too."""

    name = models.CharField(max_length=32, primary_key=True)
    taken = models.BigIntegerField()
    """Up to this number they are here."""
    at = models.DateTimeField()
    """When the last ones came."""

    def __str__(self) -> str:
        return f"{self.name} up to {self.taken}"


class EntryRecord(models.Model):
    """One entry; the fields are those of `confwire.messages.HistoryEntry`."""

    store = models.CharField(max_length=32)
    number = models.BigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    """A value of `historylog.entries.Kind`; of a later release perhaps another one."""
    server = models.CharField(max_length=255, blank=True)
    session = models.CharField(max_length=64, blank=True)
    application = models.CharField(max_length=255, blank=True)
    application_type = models.CharField(max_length=64, blank=True)
    user = models.CharField(max_length=255, blank=True)
    peer = models.CharField(max_length=255, blank=True)
    forwarded = models.CharField(max_length=255, blank=True)
    port = models.CharField(max_length=255, blank=True)
    epoch = models.CharField(max_length=32, blank=True)
    revision = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "number"], name="entry_once")]
        indexes = [
            models.Index(fields=["session", "at"], name="entry_session"),
            models.Index(fields=["application", "at"], name="entry_application"),
            models.Index(fields=["user", "at"], name="entry_user"),
            models.Index(fields=["server", "at"], name="entry_server"),
            models.Index(fields=["kind", "at"], name="entry_kind"),
            models.Index(fields=["at"], name="entry_at"),
        ]
        triggers = [
            refusing(pgtrigger.Update),
            refusing(pgtrigger.Truncate),
            refusing(
                pgtrigger.Delete,
                unless=f"IF {BELOW_FLOOR} THEN RETURN OLD; END IF; ",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at} {self.server}"

    def entry(self) -> HistoryEntry:
        """Return it as the wire has it."""
        return HistoryEntry(
            kind=self.kind,
            at=self.at.timestamp(),
            server=self.server,
            session=self.session,
            application=self.application,
            application_type=self.application_type,
            user=self.user,
            peer=self.peer,
            forwarded=self.forwarded,
            port=self.port,
            epoch=self.epoch,
            revision=self.revision,
            reason=self.reason,
            number=self.number,
        )
