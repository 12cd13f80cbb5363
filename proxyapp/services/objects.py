"""Creating, changing and deleting objects by their documents, for the wire, imports and tools.

An update is a delta (see `confwire.delta`): only the fields that change, null for empty.

- scalars, identities, lists of structures without a key: the new value
- options and mappings: merged; null deletes an option, or a whole section
- lists of references or identities: {"add": [...], "remove": [...]}
- structures: merged field by field
- lists of structures with a key: {"put": [items], "remove": [keys]}

Inside an open `changes.commit` these functions join it, and the outcome has no revision yet.
`by` is whose rights are asked; None is the system.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist, ValidationError

from confwire import delta as deltas
from confwire.errors import (
    IncompleteObjectData,
    InvalidParameter,
    NoPermission,
    ObjectNotFound,
    UnchangeableProperty,
    UniquenessViolation,
)
from confwire.objects import BY_NAME, OBJECTS, Document, Field, Kind, ObjectInfo, ObjectType
from proxyapp.engine.data.rights import CHANGE, CREATE, DELETE, READ
from proxyapp.models import ConfigObject, Folder, Person
from proxyapp.models.base import Configured, key_of
from proxyapp.services import changes, documents, integrity, provisioning, schemas
from proxyapp.services.access import Rights, above
from proxyapp.services.changes import CommitResult, Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """The object that was written, and what the transaction did."""

    dbid: int
    result: CommitResult


def info_of(type_name: str) -> ObjectInfo:
    """Return what is known of a type.

    Raises:
        InvalidParameter: there is no such type.
    """
    info = BY_NAME.get(type_name)
    if info is None:
        raise InvalidParameter(
            f"there is no object type {type_name}: use one of {', '.join(BY_NAME)}",
            property="objectType",
        )
    return info


# ---------------------------------------------------------------- creating


def create(
    type_name: str,
    document: Mapping[str, Any],
    folder_dbid: int = 0,
    *,
    by: Person | None,
    origin: str,
) -> Outcome:
    """Create an object; folder 0 is the one that the document names, else the default one.

    Raises:
        IncompleteObjectData: mandatory properties are missing; data["properties"] names them.
        InvalidParameter: a property has a wrong value, or names an object that does not exist.
        UniquenessViolation: an object with this natural key exists.
        NoPermission: the right to create is missing on the folder.
    """
    given = dict(document) | ({"folderDBID": folder_dbid} if folder_dbid else {})
    with changes.commit(by=by, origin=origin) as work:
        (dbid,) = create_many(type_name, [given], work=work)
    return Outcome(dbid, work.result or CommitResult(None))


def create_many(
    type_name: str,
    given: Sequence[Mapping[str, Any]],
    *,
    work: Work,
    again: Sequence[int] = (),
) -> list[int]:
    """Create objects of one type in an open transaction; return their DBIDs in order.

    Args:
        again: the DBIDs that these objects had before they were deleted. Their folders are not
            made with them, since they are to be made again too.

    Raises as `create` does.
    """
    info, rights = info_of(type_name), Rights(work.by)
    homes = _Homes(rights)
    instances = []
    bodies = []
    for document in given:
        body = _checked(info, document)
        instance = documents.new_instance(info.type)
        documents.assign(instance, body)
        homes.place(instance)
        instances.append(instance)
        bodies.append(body)
    for instance, dbid in zip(instances, again, strict=False):
        instance.dbid = dbid
    work.revive((info.type, dbid) for dbid in again)
    if len(instances) > 1 and not documents.has_rows(info.type):
        _refuse_namesakes(instances)
        work.add(instances)
    else:
        for instance, body in zip(instances, bodies, strict=True):
            _validate(instance)
            work.save(instance)
            documents.assign_rows(instance, body)
    if provisioning.folder_types_of(info.type) and not again:
        for instance in instances:
            provisioning.add_default_folders(work, instance)
    return [instance.dbid for instance in instances]


class _Homes:
    """The folders of new objects, each looked up and its right asked once."""

    def __init__(self, rights: Rights) -> None:
        self._rights = rights
        self._folders: dict[Any, Folder | None] = {}

    def place(self, instance: Configured) -> None:
        """Put an object into its folder, which must take it."""
        key = instance.folder_id or provisioning.home_of(instance)
        if key not in self._folders:
            with _refusals():
                provisioning.place(instance)
            self._rights.require(CREATE, _home_of(instance))
            self._folders[key] = instance.folder
        instance.folder = self._folders[key]


def _home_of(instance: Configured) -> Configured:
    """Return what an object is to lie in.

    Raises:
        ObjectNotFound: there is no such folder or owner, told as of one that may not be read.
        InvalidParameter: it is to lie nowhere.
    """
    try:
        home = above(instance)
    except ObjectDoesNotExist:
        raise ObjectNotFound(f"there is no folder with DBID {instance.folder_id}") from None
    if home is not None:
        return home
    title = instance.info.title.lower()
    if not isinstance(instance, Folder):
        raise InvalidParameter(f"{title} {instance} must lie in a folder", property="folderDBID")
    owner = OBJECTS[ObjectType(instance.owner_type)].title.lower()
    raise ObjectNotFound(f"there is no {owner} with DBID {instance.owner_dbid}")


def _refuse_namesakes(instances: list[Configured]) -> None:
    keys = set()
    for instance in instances:
        with _refusals():
            instance.clean_fields(exclude=_relations_of(instance))
            instance.prepare()
            refusal = instance.folder.refusal_of(instance) if instance.folder else ""
        if refusal:
            raise InvalidParameter(refusal, property="folderDBID")
        if instance.key in keys:
            raise UniquenessViolation(f"{instance.info.title.lower()} {instance} is given twice")
        keys.add(instance.key)
    query = documents.find(instances[0].object_type)
    ordered = sorted(keys)
    for start in range(0, len(ordered), 500):
        for other in query.filter(key__in=ordered[start : start + 500])[:1]:
            raise UniquenessViolation(f"{other.info.title.lower()} {other} exists already")


def _checked(info: ObjectInfo, document: Mapping[str, Any]) -> Document:
    """Return the canonical document of what was given for a new object."""
    given = {name: value for name, value in _given(info, document).items() if value is not None}
    given.setdefault("state", "enabled")
    _refuse_incomplete(info, given)
    return _canonical(info, given)


def _canonical(info: ObjectInfo, given: Document) -> Document:
    schemas.check(info, given)
    body = deltas.canonical(info, given)
    integrity.text_of(info.title.lower(), body)
    return body


def _is_derived(info: ObjectInfo, name: str) -> bool:
    item = info.by_name.get(name)
    return item is not None and item.derived


def _refuse_incomplete(info: ObjectInfo, document: Document) -> None:
    missing = sorted(missing_properties(info, document))
    if missing:
        raise IncompleteObjectData(f"{info.name} needs {', '.join(missing)}", properties=missing)


def missing_properties(info: ObjectInfo, document: Mapping[str, Any]) -> list[str]:
    """Return the mandatory properties that a document for a new object lacks."""
    required = [item for item in info.fields if item.required and not item.derived]
    return [item.name for item in required if _is_empty(item, document.get(item.name))]


def _is_empty(item: Field, value: Any) -> bool:
    if item.kind is Kind.REFERENCE:
        return not value
    return value is None or value in ("", {}, [])  # false and 0 are values


# ---------------------------------------------------------------- changing


def update(
    type_name: str, dbid: int, delta: Mapping[str, Any], *, by: Person | None, origin: str
) -> Outcome:
    """Change an object by a delta.

    Raises:
        ObjectNotFound: there is no such object, or it may not be read.
        UnchangeableProperty: data["properties"] names what cannot change after creation.
        IncompleteObjectData, InvalidParameter, UniquenessViolation: as `create`.
        NoPermission: the right to change is missing, or those to move.
        ProtectedObject: the system itself needs the object as it is.
    """
    info = info_of(type_name)
    with changes.commit(by=by, origin=origin) as work:
        instance = _locked(info, dbid)
        rights = Rights(by)
        rights.require(CHANGE, instance)
        old = _given(info, documents.document_of(instance))
        new = _changed(info, old, delta)
        if new != old:
            _store(work, rights, instance, old, new)
    return Outcome(dbid, work.result or CommitResult(None))


def _locked(info: ObjectInfo, dbid: int) -> Configured:
    instance = documents.lock(info.type, dbid)
    if instance is None:
        raise ObjectNotFound(f"there is no {info.title.lower()} with DBID {dbid}")
    return instance


def _given(info: ObjectInfo, document: Mapping[str, Any]) -> Document:
    return {name: value for name, value in document.items() if not _is_derived(info, name)}


def _changed(info: ObjectInfo, old: Document, delta: Mapping[str, Any]) -> Document:
    merged = deltas.merge(info, old, _given(info, delta))
    merged.setdefault("state", "enabled")
    _refuse_incomplete(info, merged)
    new = _canonical(info, merged)
    fixed = unchangeable_properties(info, old, new)
    if fixed:
        raise UnchangeableProperty(
            f"{info.name}: {', '.join(fixed)} cannot change after creation", properties=fixed
        )
    return new


def unchangeable_properties(info: ObjectInfo, old: Document, new: Document) -> list[str]:
    """Return the properties that differ though they are given at creation only."""
    return sorted(
        item.name
        for item in info.fields
        if item.fixed and not item.derived and _folded(old, item) != _folded(new, item)
    )


def _folded(document: Document, item: Field) -> Any:
    """Return a value in the form in which another spelling of it is no change."""
    value = document.get(item.name)
    return key_of([value]) if isinstance(value, str) else value


def _store(work: Work, rights: Rights, instance: Configured, old: Document, new: Document) -> None:
    is_moved = new["folderDBID"] != old["folderDBID"]
    if is_moved:
        rights.require(DELETE, instance)  # before it is assigned: where it lies, not where it goes
    documents.assign(instance, new)
    if is_moved:
        rights.require(CREATE, _home_of(instance))
    _validate(instance, whole=_is_moved_or_renamed(instance, old, new))
    work.save(instance)
    documents.assign_rows(instance, new)


def _is_moved_or_renamed(instance: Configured, old: Document, new: Document) -> bool:
    names = ("folderDBID", *instance.info.natural_key)
    return any(old.get(name) != new.get(name) for name in names)


def _validate(instance: Configured, *, whole: bool = True) -> None:
    """Check the columns, and what concerns other objects: of generic ones name and place only."""
    with _refusals():
        instance.clean_fields(exclude=_relations_of(instance))
        if whole or not isinstance(instance, ConfigObject):
            instance.clean()


def _relations_of(instance: Configured) -> set[str]:
    # Whether these exist is checked for all at once when the transaction is published.
    return {field.name for field in instance._meta.fields if field.is_relation} | {"key"}


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what models say into the errors of the wire."""
    try:
        yield
    except ValidationError as error:
        raise _refusal_of(error) from error
    except ObjectDoesNotExist as error:
        raise InvalidParameter(f"an object that is referred to does not exist: {error}") from error


def _refusal_of(error: ValidationError) -> Exception:
    fields = error.error_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: [error]}
    name, problems = next(iter(fields.items()))
    problem = problems[0]
    text = " ".join(problem.messages)
    if problem.code == "unique":
        return UniquenessViolation(text)
    return InvalidParameter(f"{name}: {text}" if name != NON_FIELD_ERRORS else text)


# ---------------------------------------------------------------- deleting


def delete(type_name: str, dbid: int, *, by: Person | None, origin: str) -> Outcome:
    """Delete an object with what lies in it.

    Raises:
        ObjectNotFound: there is no such object, or it may not be read.
        NoPermission: the right to delete is missing, on the object or on something in it.
        ProtectedObject: the system itself needs the object.
        DependencyViolation: others refer to it; data["referrers"] lists those that the person
            may read.
    """
    info = info_of(type_name)
    rights = Rights(by)
    with changes.commit(by=by, origin=origin) as work:
        instance = _locked(info, dbid)
        rights.require(DELETE, instance)
        permit = partial(_require_contents, rights, instance) if by is not None else None
        work.delete(instance, permit=permit)
    return Outcome(dbid, work.result or CommitResult(None))


def _require_contents(
    rights: Rights, instance: Configured, all_doomed: Iterable[Configured]
) -> None:
    """Refuse to delete an object with something in it that the person may not delete."""
    for doomed in all_doomed:
        if doomed == instance:
            continue
        if not rights.mask_of(doomed) & READ:
            title = instance.info.title.lower()
            raise NoPermission(
                f"{title} {instance} holds something that you may not read", right="delete"
            )
        rights.require(DELETE, doomed)
