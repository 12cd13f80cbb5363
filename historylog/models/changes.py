"""What was changed: transactions, their change records, the properties in them, and checkpoints.

Written at the end of each transaction, and never again: triggers refuse every UPDATE, and every
DELETE above the floor that a signed checkpoint names.
"""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import Q

from historylog.models.appending import refusing

KINDS = ("created", "changed", "deleted")

_ABOVE_FLOOR = """
    IF OLD.revision <= (SELECT max(revision) FROM historylog_checkpoint WHERE reason = 'floor') THEN
        RETURN OLD;
    END IF;
"""


def _append_only() -> list[pgtrigger.Trigger]:
    return [
        refusing(pgtrigger.Update),
        refusing(pgtrigger.Truncate),
        refusing(pgtrigger.Delete, unless=_ABOVE_FLOOR),
    ]


class Transaction(models.Model):
    """One commit: when, by whom, from where, and how much it changed."""

    revision = models.BigIntegerField(primary_key=True)
    epoch = models.CharField(max_length=32)
    at = models.DateTimeField()
    by = models.CharField(max_length=255, blank=True)
    """The user name, as it was; empty for the system."""
    person = models.BigIntegerField(default=0)
    """The person's DBID, 0 for the system."""
    origin = models.CharField(max_length=255, blank=True)
    """Where it came from, in words; the next two are told from it."""
    application = models.CharField(max_length=255, blank=True)
    session = models.CharField(max_length=64, blank=True)
    server = models.CharField(max_length=255, blank=True)
    """The application name of the server that took it; empty for a command of an operator."""
    through = models.CharField(max_length=255, blank=True)
    """The proxy that passed it on; empty when it came directly."""
    created = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    deleted = models.PositiveIntegerField()
    chain = models.CharField(max_length=64)
    """Hash of the chain before it, and of all that is kept of this transaction."""

    class Meta:
        indexes = [
            models.Index(fields=["at", "revision"], name="history_at"),
            models.Index(fields=["by", "revision"], name="history_by"),
            models.Index(fields=["person", "revision"], name="history_person"),
            models.Index(fields=["application", "revision"], name="history_application"),
            models.Index(fields=["server", "revision"], name="history_server"),
            models.Index(
                fields=["session", "revision"], name="history_session", condition=Q(session__gt="")
            ),
        ]
        triggers = _append_only()

    def __str__(self) -> str:
        return f"{self.revision} by {self.by or 'the system'}"


class ChangeRecord(models.Model):
    """One object's step in a transaction, with what leads back to the object before it."""

    pk = models.CompositePrimaryKey("revision", "seq")
    revision = models.BigIntegerField()
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=7, choices=[(kind, kind) for kind in KINDS])
    type = models.PositiveSmallIntegerField()
    dbid = models.BigIntegerField()
    name = models.TextField(blank=True)
    key = models.TextField(blank=True)
    """The name, folded, for searches."""
    tenant = models.BigIntegerField()
    folder = models.BigIntegerField()
    body = models.TextField(blank=True)
    """The document after the change, canonical JSON; empty when the object is gone."""
    former = models.TextField(null=True)
    """The way back: nothing for a created object, the whole document of a deleted one, else
    the delta from `body` to the document before. NULL where former values were not to be kept."""
    acl = models.TextField(blank=True)
    """The grants on the object, as `proxyapp.Document` has them; here, and before the change."""
    former_acl = models.TextField(null=True, blank=True)
    secret = models.BooleanField()
    """Whether a password or secret was set or taken away; its value is nowhere in the history."""

    class Meta:
        indexes = [
            models.Index(fields=["type", "dbid", "revision"], name="history_object"),
            models.Index(fields=["type", "revision", "seq"], name="history_type"),
            models.Index(fields=["kind", "revision", "seq"], name="history_kind"),
            models.Index(
                fields=["key", "revision", "seq"],
                name="history_name",
                opclasses=["text_pattern_ops", "int8_ops", "int4_ops"],
            ),
            models.Index(fields=["tenant", "revision", "seq"], name="history_tenant"),
            models.Index(fields=["folder", "revision", "seq"], name="history_folder"),
        ]
        triggers = _append_only()

    def __str__(self) -> str:
        return f"{self.revision}.{self.seq} {self.kind} {self.type}/{self.dbid}"


class ChangedProperty(models.Model):
    """A property that a change record changes; of created and deleted objects none is listed."""

    pk = models.CompositePrimaryKey("revision", "seq", "path")
    revision = models.BigIntegerField()
    seq = models.PositiveIntegerField()
    path = models.TextField()
    """ "state", "options.log.verbose", "serverInfo.port", "permissions", "secret"."""

    class Meta:
        indexes = [
            models.Index(
                fields=["path", "revision", "seq"],
                name="history_path",
                opclasses=["text_pattern_ops", "int8_ops", "int4_ops"],
            )
        ]
        triggers = _append_only()

    def __str__(self) -> str:
        return f"{self.revision}.{self.seq} {self.path}"


class Checkpoint(models.Model):
    """A signed point of the chain; the newest floor says up to where the history was pruned."""

    revision = models.BigIntegerField()
    at = models.DateTimeField()
    reason = models.CharField(
        max_length=9, choices=[(word, word) for word in ("beginning", "interval", "epoch", "floor")]
    )
    chain = models.CharField(max_length=64, blank=True)
    signature = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["reason", "revision"], name="history_checkpoint")]
        triggers = [
            refusing(pgtrigger.Update),
            refusing(pgtrigger.Truncate),
            refusing(pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.revision} {self.reason}"
