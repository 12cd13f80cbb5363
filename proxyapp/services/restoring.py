"""Bringing objects into states that they once had, in an open transaction, as a person.

1. Natural keys that are about to change make room for each other.
2. What is missing is made again under its own DBID, what it lies in first.
3. What differs is changed; permissions are set.
4. What is too much is deleted last, when nothing that stays lies in it any more.

Passwords and secrets are nowhere in the history: what is made again has none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec
from django.db import models

from confwire.delta import diff
from confwire.errors import ObjectNotFound
from confwire.objects import OBJECTS, ObjectType
from proxyapp.engine.data.rights import CHANGE_PERMISSIONS, DELETE
from proxyapp.models import Person
from proxyapp.models.door import Key
from proxyapp.services import documents, journal, objects, permissions
from proxyapp.services.access import Rights, key_of
from proxyapp.services.asof import State
from proxyapp.services.changes import Work
from proxyapp.services.drafts import Row
from proxyapp.services.lineage import key_above
from proxyapp.services.visibility import CONTAINERS, owner_of

_FOLDER = int(ObjectType.FOLDER)
_PERSON = int(ObjectType.PERSON)
_FIRST_TYPES = (
    ObjectType.TENANT,
    ObjectType.FOLDER,
    ObjectType.APP_PROTOTYPE,
    ObjectType.HOST,
    ObjectType.PERSON,
    ObjectType.APPLICATION,
)
"""What others need before they can be made, in this order."""

Wanted = Mapping[Key, State | None]
"""(type, DBID) -> the state to have; None for not being there."""


def restore(work: Work, wanted: Wanted) -> None:
    """Bring objects into these states.

    Raises:
        RequestError: a right is missing, a name is taken, an object is needed or protected.
    """
    present = {(row.type, row.dbid): row for row in journal.read(wanted)}
    missing = [state for key, state in wanted.items() if state and key not in present]
    differing = [
        (present[key], state)
        for key, state in wanted.items()
        if state and key in present and present[key].body != state.body
    ]
    surplus = [key for key, state in wanted.items() if state is None and key in present]
    renamed = [state.key for row, state in differing if _is_renamed(row, state)]
    if len(renamed) + len(surplus) + len(missing) > 1:
        _make_room(work, renamed + surplus)
    rights = Rights(work.by)
    _create(work, missing)
    for row, state in differing:
        old = msgspec.json.decode(row.body)
        delta = diff(state.info, old, state.document)
        objects.update(state.info.name, state.dbid, delta, by=work.by, origin=work.origin)
    for key, wish in wanted.items():
        acl = present[key].acl if key in present else ""
        if wish is not None and wish.acl != acl:
            _grant(work, rights, wish)
    _delete(work, rights, surplus)


def _is_renamed(row: Row, state: State) -> bool:
    old, new = msgspec.json.decode(row.body), state.document
    names = ("folderDBID", "userName", *state.info.natural_key)
    return any(old.get(name) != new.get(name) for name in names)


def _make_room(work: Work, keys: Collection[Key]) -> None:
    """Give objects that go or get other names keys that nothing else has until then."""
    for instance in documents.find_all(keys).values():
        key = f"making room\x1f{instance.dbid}"
        columns = {"key": key} | ({"user_key": key} if isinstance(instance, Person) else {})
        # Past the guard, which would work the keys out anew.
        models.QuerySet.update(type(instance)._default_manager.filter(pk=instance.pk), **columns)
    work.touch(*keys)


# ---------------------------------------------------------------- making


def _create(work: Work, missing: list[State]) -> None:
    waiting = sorted(missing, key=_rank)
    while waiting:
        unmade = {state.key for state in waiting}
        ready = [state for state in waiting if _home_of(state) not in unmade]
        for batch in _batches(ready):
            bodies = [state.document for state in batch]
            dbids = [state.dbid for state in batch]
            objects.create_many(batch[0].info.name, bodies, work=work, again=dbids)
        if not ready:
            raise ObjectNotFound("folders that lie in each other cannot be made again")
        made = {state.key for state in ready}
        waiting = [state for state in waiting if state.key not in made]


def _rank(state: State) -> tuple[int, int, int]:
    first = ObjectType(state.type) in _FIRST_TYPES
    rank = _FIRST_TYPES.index(ObjectType(state.type)) if first else len(_FIRST_TYPES)
    return rank, state.type, state.dbid


def _home_of(state: State) -> Key | None:
    if state.folder:
        return _FOLDER, state.folder
    return owner_of(state.document) if state.type == _FOLDER else None


def _batches(states: list[State]) -> Iterator[list[State]]:
    """Yield the states in groups that are made with few statements."""
    group: list[State] = []
    for state in states:
        alike = group and group[0].type == state.type
        if group and (not alike or documents.has_rows(ObjectType(state.type)) or len(group) == 500):
            yield group
            group = []
        group.append(state)
    if group:
        yield group


# ---------------------------------------------------------------- permissions and deleting


def _grant(work: Work, rights: Rights, state: State) -> None:
    instance = documents.find(ObjectType(state.type), [state.dbid]).get()
    rights.require(CHANGE_PERMISSIONS, instance)
    wanted = {(type_, dbid): mask for type_, dbid, mask in msgspec.json.decode(state.acl or "[]")}
    permissions.put(work, instance, wanted)


def _delete(work: Work, rights: Rights, keys: Collection[Key]) -> None:
    plain = [key for key in keys if key[0] not in CONTAINERS]
    instances = list(documents.find_all(plain).values())
    rights.foresee({key_of(instance): key_above(instance) for instance in instances})
    for instance in instances:
        rights.require(DELETE, instance)
    work.delete_alone(instances)
    for type_, dbid in sorted(set(keys) - set(plain), key=_depth_last):
        if (type_, dbid) not in work.gone:
            name = OBJECTS[ObjectType(type_)].name
            objects.delete(name, dbid, by=work.by, origin=work.origin)


def _depth_last(key: Key) -> tuple[bool, int]:
    """Order owners before their folders, which go with them."""
    return key[0] == _FOLDER, key[1]
