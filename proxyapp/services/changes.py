"""The one door: every write of the configuration is a transaction of `commit`.

    with changes.commit(by=person, origin="admin 10.0.0.7") as work:
        work.save(application)
        work.delete(host)
    work.result.revision

At the end of the block, last in the database transaction:

1. what follows from the changes is written too (`consequences`);
2. the revision row is locked, so that revisions are in commit order;
3. each touched object is rendered once; what did not change is dropped;
4. references are checked and the journal is written (`publishing`).

A block inside another one joins it. After an error nothing of the block remains.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from django.db import IntegrityError, models, transaction

from confwire.errors import DependencyViolation, UniquenessViolation
from confwire.objects import Document
from proxyapp.models import ConfigObject, Person
from proxyapp.models.access import Credential, Grant
from proxyapp.models.base import Configured
from proxyapp.models.counters import FIRST, allocate
from proxyapp.models.door import Guarded, Key, current, opened
from proxyapp.services import consequences, deletion, provisioning, publishing, secrets
from proxyapp.services.deletion import Permit
from proxyapp.services.dependents import as_seen_by
from proxyapp.services.documents import document_of, has_rows
from proxyapp.services.drafts import Draft


@dataclass(frozen=True, slots=True)
class CommitResult:
    """What a transaction did: its revision, None when nothing changed, and the changed objects."""

    revision: int | None
    changed: tuple[Key, ...] = ()


class Work:
    """The writes of one transaction, until they are published together."""

    def __init__(self, by: Person | None, origin: str, through: str = "") -> None:
        self.by = by
        self.origin = origin
        self.through = through
        """The proxy that passed the writes on."""
        self.result: CommitResult | None = None
        self.touched: dict[Key, None] = {}
        """In the order of the changes, each object once."""
        self.gone: dict[Key, None] = {}
        self.written: dict[Key, Document] = {}
        """The documents of objects of one row, as it was written."""
        self.revived: set[Key] = set()
        """Objects that may have the DBID which they had before they were deleted."""
        self.regranted: set[Key] = set()
        self.recredited: set[Key] = set()

    # ------------------------------------------------------------ writing

    def save(self, *rows: Guarded) -> None:
        """Write objects, or rows that belong to them.

        Raises:
            UniquenessViolation: another object has the natural key.
        """
        with _unique_violations():
            for row in rows:
                if not self._rewrite(row):
                    row.save(force_insert=row._state.adding)

    def _rewrite(self, row: Guarded) -> bool:
        """Update an object of one row in the quickest way; return whether that was done."""
        if not isinstance(row, ConfigObject) or row._state.adding:
            return False
        self.admit([row])
        return row.rewrite()

    def add(self, rows: Iterable[Guarded]) -> None:
        """Insert many new rows of one model with few statements.

        Raises:
            UniquenessViolation: another object has the natural key of one of them.
        """
        rows = list(rows)
        if rows:
            with _unique_violations():
                type(rows[0])._default_manager.bulk_create(rows)

    def delete(self, *rows: Guarded, permit: Permit | None = None) -> None:
        """Delete objects with what lies in them, or rows that belong to objects.

        Args:
            permit: called with all that will be deleted with each object; may refuse it.

        Raises:
            ProtectedObject: the system itself needs the object.
            DependencyViolation: a tenant still has objects. What else refers to a deleted object
                is found at the end of the transaction.
        """
        for row in rows:
            self.remove(row, permit)

    def delete_alone(self, instances: Collection[Configured]) -> None:
        """Delete objects that nothing lies in with few statements.

        Raises:
            ProtectedObject: the system itself needs one of them.
        """
        deletion.delete_alone(instances)
        for instance in instances:
            self._bury(instance)

    def revive(self, keys: Iterable[Key]) -> None:
        """Let deleted objects be made again under their own DBIDs."""
        self.revived.update(keys)

    def touch(self, *keys: Key | Guarded) -> None:
        """Publish these objects anew, should their documents have changed."""
        for key in keys:
            for owner in key.owners() if isinstance(key, Guarded) else (key,):
                self.written.pop(owner, None)
                self.touched.setdefault(owner)

    # ------------------------------------------------------------ what the guard calls

    def admit(self, rows: Iterable[Guarded]) -> None:
        """Number and place new objects, prepare all, seal secrets, remember what is written."""
        rows = list(rows)
        objects = [row for row in rows if isinstance(row, Configured)]
        new = [row for row in objects if row._state.adding]
        self._number(new)
        for instance in new:
            provisioning.place(instance)
        for instance in objects:
            instance.prepare()
            secrets.seal(instance)
        for row in rows:
            self._remember(row)

    def remove(self, row: Guarded, permit: Permit | None = None) -> None:
        """Delete one row as `delete` does."""
        if isinstance(row, Configured):
            for instance in deletion.delete(row, permit):
                self._bury(instance)
        else:
            self._remember(row)
            models.Model.delete(row)

    def _number(self, instances: list[Configured]) -> None:
        by_type: dict[int, list[Configured]] = {}
        for instance in instances:
            if cast("int | None", instance.dbid) is None:
                by_type.setdefault(instance.object_type, []).append(instance)
            elif instance.dbid >= FIRST and self.revived.isdisjoint(instance.owners()):
                raise ValueError(f"{instance!r}: DBIDs are given by the server")
        for unnumbered in by_type.values():
            dbids = allocate(unnumbered[0].object_type, len(unnumbered))
            for instance, dbid in zip(unnumbered, dbids, strict=True):
                instance.dbid = dbid

    def _remember(self, row: Guarded) -> None:
        keys = row.owners()
        self.touch(*keys)
        if isinstance(row, Configured) and not has_rows(row.object_type):
            self.written.update(dict.fromkeys(keys, document_of(row)))
        elif isinstance(row, Grant):
            self.regranted.update(keys)
        elif isinstance(row, Credential):
            self.recredited.update(keys)

    def _bury(self, instance: Configured) -> None:
        for key in instance.owners():
            self.touched.pop(key, None)
            self.written.pop(key, None)
            self.gone.setdefault(key)

    # ------------------------------------------------------------ the end

    def publish(self) -> None:
        """Bring the changes into the journal, and tell the result."""
        if not (self.touched or self.gone):
            self.result = CommitResult(None)
            return
        consequences.follow(self)
        published = publishing.publish(
            Draft(
                by=self.by.user_name if self.by is not None else "",
                person=self.by.dbid if self.by is not None else 0,
                origin=self.origin,
                through=self.through,
                touched=list(self.touched),
                gone=list(self.gone),
                written=self.written,
                regranted=self.regranted,
                recredited=self.recredited,
            )
        )
        self.result = CommitResult(published.revision, tuple(published.changed))

    def snapshot(self) -> tuple[object, ...]:
        """Return what `restore` needs to forget all that comes after."""
        return (
            dict(self.touched),
            dict(self.gone),
            dict(self.written),
            set(self.regranted),
            set(self.recredited),
        )

    def restore(self, snapshot: tuple[object, ...]) -> None:
        """Forget what came after the snapshot: the database did, too."""
        (self.touched, self.gone, self.written, self.regranted, self.recredited) = snapshot  # type: ignore[assignment]


@contextmanager
def commit(*, by: Person | None, origin: str, through: str = "") -> Iterator[Work]:
    """Open the door for one transaction; None acts as the system itself.

    Args:
        origin: the application, its address and session, as text.
        through: the proxy that passed the writes on.

    Raises:
        RequestError: at the end of the block, when the data would not hold together; it names
            nothing that the person may not read.
    """
    outer = current()
    if outer is not None:
        assert isinstance(outer, Work), outer
        with _joined(outer):
            yield outer
        return
    work = Work(by, origin, through)
    try:
        with transaction.atomic(), opened(work):
            yield work
            work.publish()
    except DependencyViolation as error:
        raise as_seen_by(by, error) from None


@contextmanager
def _joined(work: Work) -> Iterator[None]:
    snapshot = work.snapshot()
    try:
        with transaction.atomic():
            yield
    except BaseException:
        work.restore(snapshot)
        raise


@contextmanager
def _unique_violations() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if "unique" in str(error).lower():
            raise UniquenessViolation("an object of this name exists: choose another") from error
        raise
