"""The history as one person may see it now: searches that leave out what may not be read.

Objects that are there are judged as ever, those that are gone by where they lay last. Names of
persons and applications are hidden where the objects may not be read. Who may read everything is
known by one look, and costs nothing more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count, Max, Q

from confwire.objects import ObjectType
from historylog import entryreader, reader
from historylog.entryreader import EntryPlace, EntryQuestion
from historylog.models import ChangeRecord, EntryRecord
from historylog.paging import MOST_SCANNED, Found, scan
from historylog.reader import Change, Place, Question
from historylog.records import Head, key_of
from proxyapp.engine.data.rights import NO_PROPAGATE, READ, READ_PERMISSIONS
from proxyapp.models import Application, Grant, Person
from proxyapp.models import Document as Published
from proxyapp.models.door import Key
from proxyapp.services.lineage import any_of, subjects_of
from proxyapp.services.visibility import Visibility

HIDDEN = "(hidden)"
"""What stands for a name that the viewer may not read."""

_PERSON = int(ObjectType.PERSON)
_APPLICATION = int(ObjectType.APPLICATION)
_BATCH = 1_000  # objects named in one statement
_MOST_COUNTED = 500  # changes of a transaction whose rights are looked at for a list
_HEAD = (1, int(ObjectType.TENANT))


class Group(NamedTuple):
    """So many changes of one kind, of objects of one type, in a transaction."""

    type: int
    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Groups:
    """What a transaction did, by type and kind."""

    groups: list[Group]
    whole: bool = True
    """False when there is more than was counted."""


class Sight:
    """What a person sees of the history; None is the system, which sees all."""

    def __init__(self, person: Person | None) -> None:
        self._person = person
        self._visibility = Visibility(person)
        self._masks: dict[Key, int] = {}
        self._named: dict[tuple[int, str], bool] = {}

    @cached_property
    def whole(self) -> bool:
        """Whether the person may read everything with its permissions, whatever it is."""
        return self._person is None or _reads_all(self._person)

    @property
    def looker(self) -> Person | None:
        """For whom the past is read: None where nothing would be left out."""
        return None if self.whole else self._person

    # ------------------------------------------------------------ objects and names

    def may_read(self, type_: int, dbid: int) -> bool:
        """Whether an object may be read, there or gone."""
        return bool(self.readable([(type_, dbid)]))

    def readable(self, keys: Collection[Key]) -> set[Key]:
        """Return which of these objects may be read, there or gone."""
        return self._having(READ, keys)

    def showing_permissions(self, keys: Collection[Key]) -> set[Key]:
        """Return of which of these objects the permissions may be read."""
        return self._having(READ_PERMISSIONS, keys)

    def _having(self, right: int, keys: Collection[Key]) -> set[Key]:
        if self.whole:
            return set(keys)
        new = {key for key in keys if key not in self._masks}
        self._masks |= self._visibility.masks(_last_folders(new))
        return {key for key in keys if self._masks[key] & right}

    def hidden_names(self, type_: int, names: Iterable[str]) -> set[str]:
        """Return which names are such of persons or applications that may not be read.

        One that was never the name of such an object tells of none.
        """
        if self.whole:
            return set()
        asked = {name for name in names if name}
        new = {name for name in asked if (type_, name) not in self._named}
        owners = _owners_of(type_, new)
        seen = self.readable({key for keys in owners.values() for key in keys})
        self._named |= {(type_, name): not owners[name] <= seen for name in new}
        return {name for name in asked if self._named[type_, name]}

    # ------------------------------------------------------------ searches

    def changes(
        self, question: Question, before: Place | None = None, limit: int = reader.PAGE
    ) -> Found[Change, Place]:
        """Return the next changes of objects that may be read."""
        if not self._may_ask(question):
            return Found([])
        found = scan(
            lambda place, count: reader.changes(question, place, count),
            lambda row: row.place,
            self._seen(self._of_readable),
            before,
            limit,
        )
        return Found(self._veiled(found.rows), found.next)

    def transactions(
        self, question: Question, before: int | None = None, limit: int = reader.PAGE
    ) -> Found[Head, int]:
        """Return the next transactions with something in them that may be read."""
        if not self._may_ask(question):
            return Found([])
        found = scan(
            lambda place, count: [
                Head._make(getattr(row, name) for name in Head._fields)
                for row in reader.transactions(question, place, count)
            ],
            lambda head: head.revision,
            self._seen(self._counted),
            before,
            limit,
        )
        return Found(self._veiled(found.rows), found.next)

    def transaction(self, revision: int) -> Head | None:
        """Return a transaction; None when it is not kept, or has nothing that may be read."""
        rows = self.transactions(Question(revision=revision), limit=1).rows if revision else []
        return rows[0] if rows else None

    def groups(self, revision: int) -> Groups:
        """Return what a transaction did to objects that may be read."""
        rows = ChangeRecord.objects.filter(revision=revision)
        if self.whole:
            counts = rows.values_list("type", "kind").annotate(count=Count("seq"))
            return Groups(sorted(Group(*row) for row in counts))
        some = list(rows.order_by("seq").values_list("type", "dbid", "kind")[: MOST_SCANNED + 1])
        readable = self.readable({(type_, dbid) for type_, dbid, _ in some})
        counter = Counter((type_, kind) for type_, dbid, kind in some if (type_, dbid) in readable)
        groups = [Group(*key, count) for key, count in sorted(counter.items())]
        return Groups(groups, len(some) <= MOST_SCANNED)

    def steps(
        self, revision: int, *, type_: int = 0, kind: str = "", after: int = -1, limit: int = 50
    ) -> Found[ChangeRecord, int]:
        """Return the next changes of a transaction with their values, in their order."""

        def read(place: int | None, count: int) -> list[ChangeRecord]:
            start = -1 if place is None else place
            return reader.steps_of(revision, start, count, type_=type_, kind=kind)

        return scan(read, lambda row: row.seq, self._seen(self._of_readable), after, limit)

    def entries(
        self, question: EntryQuestion, before: EntryPlace | None = None, limit: int = reader.PAGE
    ) -> Found[EntryRecord, EntryPlace]:
        """Return the next entries that name nothing that may not be read."""
        return scan(
            lambda place, count: entryreader.entries(question, place, count),
            entryreader.place_of,
            self._seen(self._of_known),
            before,
            limit,
        )

    # ------------------------------------------------------------ how

    def _seen(
        self, seen: Callable[[list[Any]], list[Any]]
    ) -> Callable[[list[Any]], list[Any]] | None:
        return None if self.whole else seen

    def _of_readable(self, rows: list[Any]) -> list[Any]:
        readable = self.readable({(row.type, row.dbid) for row in rows})
        return [row for row in rows if (row.type, row.dbid) in readable]

    def _of_known(self, rows: list[EntryRecord]) -> list[EntryRecord]:
        applications = {name for row in rows for name in (row.application, row.server)}
        hidden = self.hidden_names(_APPLICATION, applications)
        persons = self.hidden_names(_PERSON, {row.user for row in rows})
        return [
            row
            for row in rows
            if row.user not in persons and hidden.isdisjoint((row.application, row.server))
        ]

    def _counted(self, heads: list[Head]) -> list[Head]:
        """Return transactions with the numbers of what may be read of them, if anything may."""
        counts = self._counts_of([head.revision for head in heads])
        return [
            head._replace(
                created=count["created"], changed=count["changed"], deleted=count["deleted"]
            )
            for head in heads
            if (count := counts[head.revision]).total()
        ]

    def _counts_of(self, revisions: Sequence[int]) -> dict[int, Counter[str]]:
        rows = ChangeRecord.objects.filter(revision__in=revisions, seq__lt=_MOST_COUNTED)
        found = list(rows.values_list("revision", "type", "dbid", "kind"))
        readable = self.readable({(type_, dbid) for _, type_, dbid, _ in found})
        counts: dict[int, Counter[str]] = {revision: Counter() for revision in revisions}
        for revision, type_, dbid, kind in found:
            if (type_, dbid) in readable:
                counts[revision][kind] += 1
        return counts

    def _may_ask(self, question: Question) -> bool:
        """Whether the answer tells nothing by itself of persons and applications."""
        programs = {question.application, question.server}
        if self.hidden_names(_APPLICATION, programs) or self.hidden_names(_PERSON, {question.by}):
            return False
        return not question.person or self.may_read(_PERSON, question.person)

    def _veiled(self, rows: list[Any]) -> list[Any]:
        """Return rows in which the names that may not be read are hidden."""
        if self.whole:
            return rows
        persons = self.readable({(_PERSON, row.person) for row in rows if row.person})
        names = {name for row in rows for name in (row.application, row.server, row.through)}
        hidden = self.hidden_names(_APPLICATION, names)
        hidden_users = self.hidden_names(_PERSON, {row.by for row in rows})

        def veiled(row: Any) -> Any:
            given: dict[str, Any] = {
                name: HIDDEN
                for name in ("application", "server", "through")
                if getattr(row, name) in hidden
            }
            if "application" in given:
                given |= {"origin": HIDDEN, "session": ""}
            is_hidden = row.person and (_PERSON, row.person) not in persons
            if is_hidden or row.by in hidden_users:
                given |= {"by": HIDDEN, "person": 0}
            return row._replace(**given) if given else row

        return [veiled(row) for row in rows]


def _reads_all(person: Person) -> bool:
    """Whether one of a person's groups reads the Environment, and is denied it nowhere below."""
    needed = READ | READ_PERMISSIONS
    subjects = subjects_of(person)
    own = Q(person=person.dbid) | Q(group__in=[dbid for _, dbid in subjects])
    masks: dict[Key, list[int]] = {}
    top: set[Key] = set()
    for grant in Grant.objects.filter(own):
        if grant.subject not in subjects:
            continue
        masks.setdefault(grant.subject, []).append(grant.mask)
        is_top = (grant.object_dbid, grant.object_type) == _HEAD
        if is_top and not grant.mask & NO_PROPAGATE:
            top.add(grant.subject)
    return any(all(mask & needed == needed for mask in masks[one]) for one in top)


def _last_folders(keys: Collection[Key]) -> dict[Key, int]:
    """Return the folders in which objects lie, or lay last."""
    found = dict.fromkeys(keys, 0)
    for condition in _conditions(keys):
        rows = Published.objects.filter(condition).values_list("type", "dbid", "folder")
        present = {(type_, dbid): folder for type_, dbid, folder in rows}
        found |= present
    gone = [key for key, folder in found.items() if not folder]
    for condition in _conditions(gone):
        newest = ChangeRecord.objects.filter(condition, kind="deleted").values("type", "dbid")
        last = {
            (row["type"], row["dbid"]): row["last"] for row in newest.annotate(last=Max("revision"))
        }
        records = ChangeRecord.objects.filter(condition, revision__in=set(last.values()))
        for type_, dbid, revision, folder in records.values_list(
            "type", "dbid", "revision", "folder"
        ):
            if last.get((type_, dbid)) == revision:
                found[type_, dbid] = folder
    return found


def _conditions(keys: Collection[Key]) -> Iterator[Q]:
    """Yield what finds the rows of objects, so many at once, of whatever types."""
    ordered = sorted(keys)
    for start in range(0, len(ordered), _BATCH):
        yield any_of("type", "dbid", ordered[start : start + _BATCH])


def _owners_of(type_: int, names: Collection[str]) -> Mapping[str, set[Key]]:
    """Return the objects of a type that have one of these names, or had it once."""
    owners: dict[str, set[Key]] = {name: set() for name in names}
    by_key: dict[str, list[str]] = {}
    for name in names:
        by_key.setdefault(key_of(name), []).append(name)
    records = ChangeRecord.objects.filter(type=type_, key__in=list(by_key))
    found = set(records.values_list("key", "dbid").distinct())
    for name, dbid in _present(type_, by_key):
        found.add((key_of(name), dbid))
    for key, dbid in found:
        for name in by_key.get(key, ()):
            owners[name].add((type_, dbid))
    return owners


def _present(type_: int, keys: Collection[str]) -> Iterator[tuple[str, int]]:
    """Yield those that are older than what is kept of the history, too."""
    if type_ == _PERSON:
        persons = Person.objects.filter(user_key__in=list(keys))
        yield from persons.values_list("user_name", "dbid")
    else:
        applications = Application.objects.filter(key__in=list(keys))
        yield from applications.values_list("name", "dbid")
