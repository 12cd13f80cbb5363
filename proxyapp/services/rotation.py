"""Sealing all secrets with the present key after the masters' secret key was changed.

Opaque texts in the journal stay as they are: the former key is needed for as long as somebody
may want to go back to one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from confwire.objects import ObjectType
from confwire.opaque import PREFIX
from proxyapp.models import Document, secondfactors
from proxyapp.models.door import Key
from proxyapp.services import changes, documents, secrets

ORIGIN = "rotatesecrets"
_BATCH = 100
"""Objects of one transaction: writers in between are not held up for long."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """What was sealed anew, and a line for each secret that no key opens."""

    objects: int
    secrets: int
    second_factors: int
    unreadable: tuple[str, ...]


def rotate() -> Rotation:
    """Seal with the present key what former ones have sealed, in transactions of the one door."""
    count, sealed = 0, 0
    unreadable: list[str] = []
    for batch in _batches():
        with changes.commit(by=None, origin=ORIGIN) as work:
            for type_, dbid in batch:
                instance = documents.lock(ObjectType(type_), dbid)
                found = secrets.reseal(instance, unreadable) if instance is not None else 0
                if found and instance is not None:
                    work.save(instance)
                    count, sealed = count + 1, sealed + found
    factors = secondfactors.reseal(unreadable)
    return Rotation(count, sealed, factors, tuple(unreadable))


def _batches() -> Iterator[list[Key]]:
    holders = Document.objects.filter(body__contains=PREFIX).order_by("type", "dbid")
    keys = list(holders.values_list("type", "dbid"))
    for start in range(0, len(keys), _BATCH):
        yield keys[start : start + _BATCH]
