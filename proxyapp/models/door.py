"""The guard at the one door: configuration rows are written inside `services.changes.commit` only.

A write outside it would reach no journal and no proxy, so it raises. Inside, the guard tells
the open work which objects are written. What the work does with that is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, Protocol, TypeVar

from django.db import models

Key = tuple[int, int]
"""(object type, DBID) of an object."""


class WriteOutsideDoor(RuntimeError):
    """Configuration data was about to be written outside `services.changes.commit`."""


class Door(Protocol):
    """What the guard asks of the work that is open."""

    def admit(self, rows: Iterable[Guarded]) -> None:
        """Make rows ready to be written, and remember which objects change by it."""

    def remove(self, row: Guarded) -> None:
        """Delete a row with all that goes with it."""

    def touch(self, *keys: Key) -> None:
        """Remember that these objects may have changed."""


_open: ContextVar[Door | None] = ContextVar("door", default=None)


def current() -> Door | None:
    """Return the work that is open in this context."""
    return _open.get()


def required() -> Door:
    """Return the open work.

    Raises:
        WriteOutsideDoor: there is none.
    """
    door = _open.get()
    if door is None:
        raise WriteOutsideDoor(
            "configuration data is written inside services.changes.commit(...) only"
        )
    return door


@contextmanager
def opened(door: Door) -> Iterator[None]:
    """Let writes through to this work while the block runs."""
    token = _open.set(door)
    try:
        yield
    finally:
        _open.reset(token)


_Row = TypeVar("_Row", bound="Guarded", covariant=True)


class GuardedQuerySet(models.QuerySet[_Row], Generic[_Row]):
    """A query set whose bulk writes go through the door as single ones do."""

    def bulk_create(self, objs: Iterable[Any], *args: Any, **kwargs: Any) -> list[Any]:
        """Insert many rows with few statements."""
        rows = list(objs)
        required().admit(rows)
        return super().bulk_create(rows, *args, **kwargs)

    def update(self, **kwargs: Any) -> int:
        """Update all rows of the query."""
        door = required()
        for row in self:
            door.touch(*row.owners())
        return super().update(**kwargs)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete each row as the door deletes it, cascade and refusals included."""
        door = required()
        rows = list(self)
        for row in rows:
            door.remove(row)
        return len(rows), {self.model._meta.label: len(rows)}


class Guarded(models.Model):
    """A row of configuration data."""

    objects = GuardedQuerySet.as_manager()

    class Meta:
        abstract = True

    def owners(self) -> Collection[Key]:
        """Return the objects whose published form this row is part of."""
        raise NotImplementedError

    def computed_columns(self) -> frozenset[str]:
        """Return the columns that follow from others, so that no save leaves them behind."""
        return frozenset()

    def save_base(self, *args: Any, **kwargs: Any) -> None:
        """Write the row, once the door let it through."""
        door = required()
        door.admit([self])
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] |= self.computed_columns()
            door.touch(*self.owners())  # the other columns may be newer in the database
        super().save_base(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the row as the door deletes it, cascade and refusals included."""
        required().remove(self)
        return 1, {self._meta.label: 1}


def guard_relation(sender: Any, instance: Guarded, action: str, **kwargs: Any) -> None:
    """Receive `m2m_changed`: rows of a relation pass the same door."""
    if action.startswith("pre_"):
        required().touch(*instance.owners())
