"""Reverting to the past, as a new revision: an object, a transaction, or all that lay in a folder.

First a plan says which states are wanted, and what stands against it; a preview tries it and
takes it back again; `revert` carries it out through the one door, as the person.

An object or a folder gets the state of a revision, whatever came later. Of a transaction only its
own changes are undone: what was changed later stays, and is reported, unless it is overwritten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec
from django.db import transaction

from confwire.errors import InvalidParameter, RequestError
from confwire.objects import OBJECTS, ObjectType
from historylog import reader
from historylog.merging import Undoing
from historylog.models import ChangeRecord
from historylog.paths import PERMISSIONS, Difference
from historylog.records import name_of
from proxyapp.engine.data.rights import READ, READ_PERMISSIONS
from proxyapp.models import Person, Revision
from proxyapp.models.door import Key
from proxyapp.services import changes, journal, restoring
from proxyapp.services.asof import Past, State, compared
from proxyapp.services.changes import CommitResult
from proxyapp.services.visibility import CONTAINERS, Visibility

_PAGE = 2000  # records of a transaction that are read at once

Reason = Literal["changedLater", "deletedLater", "createdAgain", "holdsOthers", "hidden"]


@dataclass(frozen=True, slots=True)
class Conflict:
    """What stands against a revert."""

    reason: Reason
    text: str
    key: Key | None = None
    """The object; None of what may not be read."""
    path: str = ""
    revision: int = 0
    """The later change, where there is one."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What would become of one object."""

    before: State | None
    after: State | None
    shows_permissions: bool

    @property
    def key(self) -> Key:
        """(type, DBID)"""
        return self._any.key

    @property
    def name(self) -> str:
        """The name that it has, or would have."""
        return name_of(self._any.document)

    @property
    def kind(self) -> str:
        """What would be done: "created", "changed" or "deleted"."""
        if self.before is None:
            return "created"
        return "changed" if self.after is not None else "deleted"

    @property
    def differences(self) -> list[Difference]:
        """What would change, with the values now and then."""
        found = compared(self.before, self.after)
        return [one for one in found if one.path != PERMISSIONS or self.shows_permissions]

    @property
    def _any(self) -> State:
        found = self.after or self.before
        assert found is not None
        return found


@dataclass(slots=True)
class Plan:
    """What a revert is to bring about."""

    revision: int
    """Where the data stood when it was made."""
    wanted: dict[Key, State | None] = field(default_factory=dict)
    """The objects that would change, and the states that they would have."""
    present: dict[Key, State] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a revert would do."""

    planned: list[Planned]
    conflicts: list[Conflict]
    refusal: str
    """Why it would be refused as a whole: a name that is taken, a reference, a missing right."""
    without_secret: list[Key]
    """Persons and applications that would be made again, without a password or secret."""


class Conflicting(Exception):
    """The plan has conflicts that nobody accepted."""

    def __init__(self, conflicts: list[Conflict]) -> None:
        super().__init__("; ".join(conflict.text for conflict in conflicts))
        self.conflicts = conflicts


# ---------------------------------------------------------------- planning


def of_object(type_: ObjectType, dbid: int, revision: int, *, by: Person | None) -> Plan:
    """Plan to give an object the state that it had, or to delete it where it was not there yet.

    Raises:
        HistoryExpired: the revision is older than what is kept.
        InvalidParameter: it is yet to come.
    """
    key = int(type_), dbid
    return _planned({key: Past(revision).states([key]).get(key)}, by)


def of_subtree(type_: ObjectType, dbid: int, revision: int, *, by: Person | None) -> Plan:
    """Plan to give a folder, or another object with folders, all that lay in it, and nothing else.

    What was moved out comes back, and what was moved in goes back to where it lay.

    Raises:
        HistoryExpired, InvalidParameter: as `of_object`.
    """
    past = Past(revision)
    then = past.within(type_, dbid)
    now = Past(Revision.objects.get().number).within(type_, dbid)
    elsewhere = past.states(now.keys() - then.keys())
    return _planned({key: then.get(key) or elsewhere.get(key) for key in {**then, **now}}, by)


def of_transaction(revision: int, *, by: Person | None, overwrite: bool = False) -> Plan:
    """Plan to undo what a transaction did.

    Args:
        overwrite: undo also what was changed again later.

    Raises:
        HistoryExpired, InvalidParameter: as `of_object`.
    """
    before, after = Past(revision - 1), Past(revision)
    wanted: dict[Key, State | None] = {}
    folders: dict[Key, int] = {}
    conflicts: list[Conflict] = []
    for keys in _pages(revision):
        now = Past(Revision.objects.get().number).states(keys)
        sides = before.states(keys), after.states(keys)
        for key in keys:
            states = sides[0].get(key), sides[1].get(key), now.get(key)
            folders[key] = next(state.folder for state in states if state is not None)
            found = _Undone(key, *states, overwrite=overwrite)
            wanted[key] = found.state
            conflicts += found.conflicts
    return _planned(wanted, by, conflicts, folders, overwrite=overwrite)


def _pages(revision: int) -> Iterator[list[Key]]:
    after = -1
    while page := reader.steps_of(revision, after, _PAGE):
        yield [(record.type, record.dbid) for record in page]
        after = page[-1].seq


class _Undone:
    """One object without the step of a transaction."""

    def __init__(
        self,
        key: Key,
        before: State | None,
        after: State | None,
        present: State | None,
        *,
        overwrite: bool,
    ) -> None:
        self._key = key
        self.conflicts: list[Conflict] = []
        self.state = present
        if before is not None and after is not None and present is not None:
            self.state = self._merged(before, after, present, overwrite)
        elif present == after:
            self.state = before
        elif present != before:
            reason: Reason = "deletedLater" if present is None else "changedLater"
            self._add("createdAgain" if after is None else reason, present or after or before)
            self.state = before if overwrite else present

    def _merged(self, before: State, after: State, present: State, overwrite: bool) -> State:
        undoing = Undoing(overwrite=overwrite)
        documents = [state.document for state in (before, after, present)]
        document = undoing.document(present.info, *documents)
        acl = undoing.value(PERMISSIONS, before.acl, after.acl, present.acl)
        for path in undoing.conflicts:
            self._add("changedLater", present, path)
        body = msgspec.json.encode(document).decode()
        return State(*self._key, document["folderDBID"], body, acl)

    def _add(self, reason: Reason, state: State | None, path: str = "") -> None:
        assert state is not None
        words = {
            "changedLater": f"was changed later{f' in {path}' if path else ''}",
            "deletedLater": "was deleted later",
            "createdAgain": "was made again later",
        }
        newest = ChangeRecord.objects.filter(type=state.type, dbid=state.dbid)
        revision = newest.order_by("-revision").values_list("revision", flat=True).first() or 0
        text = f"{_words(state)} {words[reason]}, at last in revision {revision}"
        self.conflicts.append(Conflict(reason, text, self._key, path, revision))


def _planned(
    wanted: Mapping[Key, State | None],
    by: Person | None,
    conflicts: Collection[Conflict] = (),
    folders: Mapping[Key, int] | None = None,
    *,
    overwrite: bool = False,
) -> Plan:
    """Return the plan without what would stay as it is, or may not be read."""
    revision = Revision.objects.get().number
    present = Past(revision).states(wanted.keys())
    if folders is None:
        states = {key: state or present.get(key) for key, state in wanted.items()}
        folders = {key: state.folder for key, state in states.items() if state is not None}
    visibility = Visibility(by)
    readable = visibility.readable(folders)
    plan = Plan(revision, conflicts=[one for one in conflicts if one.key in readable])
    hides = False
    for key, state in wanted.items():
        if present.get(key) == state:
            continue
        if key not in readable:
            hides = True
            continue
        plan.wanted[key] = state
        if key in present:
            plan.present[key] = present[key]
    if hides:
        text = "there are objects that you may not read: they stay as they are"
        plan.conflicts.append(Conflict("hidden", text))
    _look_into_what_goes(plan, visibility, overwrite=overwrite)
    return plan


def _look_into_what_goes(plan: Plan, visibility: Visibility, *, overwrite: bool) -> None:
    """Leave folders that would take with them what is no part of the plan.

    Where later changes are overwritten it becomes a part, so that people see it go.
    """
    past = Past(plan.revision)
    doomed = [
        state
        for key, state in plan.present.items()
        if plan.wanted[key] is None and key[0] in CONTAINERS
    ]
    for state in doomed:
        within = past.within(ObjectType(state.type), state.dbid)
        inside = {key: one for key, one in within.items() if key not in plan.wanted}
        others = {key: one for key, one in inside.items() if not _comes_with(key, past)}
        if not others:
            continue
        seen = visibility.readable({key: one.folder for key, one in others.items()})
        if overwrite and seen == others.keys():
            plan.wanted |= dict.fromkeys(inside)
            plan.present |= inside
            continue
        what = "that came later" if seen == others.keys() else "that you may not read"
        text = f"{_words(state)} holds objects {what}: it stays"
        plan.conflicts.append(Conflict("holdsOthers", text, state.key))
        del plan.wanted[state.key]
        del plan.present[state.key]


def _comes_with(key: Key, past: Past) -> bool:
    """Whether an object is a default folder, which comes and goes with its owner."""
    state = past.states([key]).get(key)
    return state is not None and key[0] == ObjectType.FOLDER and not state.folder


def _words(state: State) -> str:
    return f"{OBJECTS[ObjectType(state.type)].title.lower()} {name_of(state.document)}"


# ---------------------------------------------------------------- doing


def preview(plan: Plan, *, by: Person | None, origin: str, trying: bool = True) -> Preview:
    """Try a plan, and take it back: nothing is written, and nobody is told.

    Args:
        trying: False only tells what would be done; writers do not wait meanwhile.
    """
    refusal = _refusal_of(plan, by, origin) if trying else ""
    keys = plan.wanted.keys() | plan.present.keys()
    folders = {key: state.folder for key, state in plan.present.items()}
    folders |= {key: state.folder for key, state in plan.wanted.items() if state is not None}
    masks = Visibility(by).masks(folders)
    planned = [
        Planned(plan.present.get(key), plan.wanted[key], bool(masks[key] & READ_PERMISSIONS))
        for key in sorted(keys)
        if masks[key] & READ
    ]
    secretive = {int(ObjectType.PERSON), int(ObjectType.APPLICATION)}
    remade = [one.key for one in planned if one.kind == "created" and one.key[0] in secretive]
    return Preview(planned, plan.conflicts, refusal, remade)


def _refusal_of(plan: Plan, by: Person | None, origin: str) -> str:
    try:
        with transaction.atomic():
            _carry_out(plan, by, origin)
            transaction.set_rollback(True)
    except RequestError as error:
        return str(error)
    return ""


def revert(
    plan: Plan, *, by: Person | None, origin: str, accept_conflicts: bool = False
) -> CommitResult:
    """Carry a plan out, as one transaction.

    Raises:
        Conflicting: there are conflicts, and they are not accepted.
        InvalidParameter: an object was changed since the plan was made.
        RequestError: a right is missing, a name is taken, an object is needed or protected; then
            nothing was changed.
    """
    if plan.conflicts and not accept_conflicts:
        raise Conflicting(plan.conflicts)
    return _carry_out(plan, by, origin)


def _carry_out(plan: Plan, by: Person | None, origin: str) -> CommitResult:
    with changes.commit(by=by, origin=origin) as work:
        before = set(work.gone)
        restoring.restore(work, plan.wanted)
        _refuse_outdated(plan)
        _refuse_unseen(work.gone.keys() - plan.wanted.keys() - before)
    return work.result or CommitResult(None)


def _refuse_unseen(gone: Collection[Key]) -> None:
    """Refuse to delete with a folder what came into it after the plan."""
    for row in journal.read(gone):
        if row.type != ObjectType.FOLDER or row.folder:  # default folders go with their owners
            title = OBJECTS[ObjectType(row.type)].title.lower()
            raise InvalidParameter(
                f"a {title} would go too that was not there when this was planned: plan anew"
            )


def _refuse_outdated(plan: Plan) -> None:
    """Refuse to undo what came after the plan; asked when the rows are locked."""
    later = ChangeRecord.objects.filter(revision__gt=plan.revision)
    for type_, dbid, name in later.values_list("type", "dbid", "name"):
        if (type_, dbid) in plan.wanted:
            title = OBJECTS[ObjectType(type_)].title.lower()
            raise InvalidParameter(f"{title} {name} was changed since this was planned: plan anew")
