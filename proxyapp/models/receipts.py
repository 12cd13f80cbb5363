"""What tells a write that was carried out already: its receipt, in the same transaction."""

from __future__ import annotations

from django.db import models


class Receipt(models.Model):
    """A write that whoever asked for it named, so that it is done once however often it comes."""

    key = models.CharField(max_length=96, primary_key=True)
    """The person's DBID and the name that the client gave the write: "101 4f1c…"."""
    digest = models.CharField(max_length=32)
    """Of the write itself: the same name for another one is a mistake."""
    dbid = models.BigIntegerField()
    """The object that was written."""
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
