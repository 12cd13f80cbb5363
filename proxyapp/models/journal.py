"""The published form of the configuration: what nodes load and tail.

Only `services.changes` writes these tables, at the end of each transaction.
"""

from __future__ import annotations

from django.db import models


class Revision(models.Model):
    """One row: where the data stands. Its lock is taken last, so revisions are commit order."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.CharField(max_length=32)
    """Names the history; a new one begins after a restore from a backup."""
    number = models.BigIntegerField(default=0)
    tree = models.CharField(max_length=32)
    """Sum of the digests of all documents, modulo 2**128, as hexadecimal digits."""
    hash = models.CharField(max_length=64, blank=True)
    """The change hash: equal only where the whole history was equal."""
    chain = models.CharField(max_length=64, blank=True)
    """The end of the history log's chain, so that a missing end is seen."""
    term = models.BigIntegerField(default=0)
    """Grows each time that a master takes the lead; servers write under their own one only."""
    leader = models.CharField(max_length=255, blank=True)
    """Name of the Application object of the master that leads, or led last."""
    instance = models.CharField(max_length=32, blank=True)
    """Names its process; a web process writes for as long as it is the one of its node."""
    web_port = models.PositiveIntegerField(default=0)
    """The port of its web site; 0 where it has none."""
    timeline = models.CharField(max_length=32, blank=True)
    """The history of the database cluster on which the lead was taken; empty on SQLite."""

    def __str__(self) -> str:
        return f"{self.epoch}:{self.number}"


class Document(models.Model):
    """The present published form of one object."""

    type = models.PositiveSmallIntegerField()
    dbid = models.BigIntegerField()
    revision = models.BigIntegerField()
    folder = models.BigIntegerField()
    body = models.TextField()
    """Canonical JSON, hashed and sent as it stands."""
    acl = models.TextField(blank=True)
    """JSON: sorted [subject type, subject DBID, mask] of the grants on the object; or empty."""
    verifier = models.CharField(max_length=255, blank=True)
    digest = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["type", "dbid"], name="document_object")]

    def __str__(self) -> str:
        return f"{self.type}/{self.dbid}"


class Change(models.Model):
    """One object's step in a transaction; an empty body says that the object is gone."""

    revision = models.BigIntegerField()
    seq = models.PositiveIntegerField()
    type = models.PositiveSmallIntegerField()
    dbid = models.BigIntegerField()
    action = models.CharField(max_length=6, choices=[("put", "put"), ("remove", "remove")])
    folder = models.BigIntegerField()
    body = models.TextField(blank=True)
    acl = models.TextField(blank=True)
    verifier = models.CharField(max_length=255, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["revision", "seq"], name="change_place")]

    def __str__(self) -> str:
        return f"{self.revision}.{self.seq} {self.action} {self.type}/{self.dbid}"


class Commit(models.Model):
    """One transaction: when, by whom, from where, and the hashes after it."""

    revision = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    by = models.CharField(max_length=255, blank=True)
    origin = models.CharField(max_length=255, blank=True)
    tree = models.CharField(max_length=32)
    hash = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"{self.revision} by {self.by or 'the system'}"


class Reference(models.Model):
    """That one object refers to another; kept from the documents as they are published."""

    source_type = models.PositiveSmallIntegerField()
    source_dbid = models.BigIntegerField()
    path = models.CharField(max_length=64)
    target_type = models.PositiveSmallIntegerField()
    target_dbid = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source_type", "source_dbid", "path", "target_type", "target_dbid"],
                name="reference_once",
            )
        ]
        indexes = [models.Index(fields=["target_type", "target_dbid"], name="reference_target")]

    def __str__(self) -> str:
        return (
            f"{self.source_type}/{self.source_dbid} {self.path} "
            f"{self.target_type}/{self.target_dbid}"
        )
