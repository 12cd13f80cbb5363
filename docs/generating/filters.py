"""The page of filter keys: what each of them selects, type by type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from confwire.objects import OBJECTS, ObjectInfo, ObjectType
from generating.tables import code, table
from proxyapp.engine.data.filters import FilterKey, keys_of

HEAD = """\
# Filter keys

What `filter` in `readObjects`, `readBrief` and subscriptions may hold
([the wire protocol](protocol.md#6-reads)). A value is a text, an integer or a boolean.

- All keys that are given must hold. With `dbid` the other conditions are not looked at.
- Texts are compared whatever their case. `*` in a text stands for any characters.
- Numbers may be given as text. The number 0 asks for objects that have no such reference.
- Flags take `true` and `false`, and the origin's 2 and 1. A flag that an object does not have is
  false.
- `state` takes `enabled` and `disabled`, and the origin's 1 and 2.
- `app_type` takes names and the origin's numbers.
- `option` and `annex` take `section/option`, which selects the objects that have that option, or
  `section/option=value`. The section ends at the first `/`, the option at the first `=`.
- Keys that *look at other objects* are answered as of the moment of the read, and cannot be used in
  subscriptions. When the object that a key names may not be read, nothing is found.
- Keys that *add to the answer* are no conditions. Send `true`.
- A key that the type does not have is refused with `unknownFilterKey`.
"""

MODIFIERS = {
    "read_folder_dbid": "adds `folderDBIDs` to the answer",
    "object_path": "adds `objectPaths` to the answer",
    "all_tenants": "no effect: what may be read of all tenants is found anyway",
    "object_type": "the type of the object that `object_dbid` names",
}
JOINS = {
    ("dn", "place_dbid"): "DNs of this place",
    ("dn", "no_place_dbid"): "DNs that are in no place, whatever the value",
    ("dn", "group_dbid"): "DNs of this DN group",
    ("person", "group_dbid"): "agents of this agent group",
    ("person", "switch_dbid"): "agents with a login on this switch",
    ("application", "primary_server_dbid"): "the backup server of this application",
    ("application", "switch_dbid"): "the T-Server of this switch",
    (
        "folder",
        "object_dbid",
    ): "the folder in which the object of this DBID and of type `object_type` lies",
}
INDEXES = {
    "dbid": "the object with this DBID",
    "name": "by `name`",
    "state": "by `state`",
    "folder_dbid": "directly in this folder",
    "tenant_dbid": "of this tenant",
}
TENANT_INDEXES = {
    ObjectType.TENANT: "the tenant with this DBID",
}


def page() -> Iterator[str]:
    """Yield the lines of filters.md."""
    yield from HEAD.splitlines()
    yield ""
    for info in OBJECTS.values():
        yield f"## {info.name}"
        yield ""
        rows = (_key_row(info, key, rule) for key, rule in keys_of(info.type).items())
        yield from table(("key", "selects", "in subscriptions"), rows)


def _key_row(info: ObjectInfo, key: str, rule: FilterKey) -> Sequence[str]:
    usable = {"join": "no", "modifier": "no effect"}.get(rule.how, "yes")
    return code(key), _meaning_of(info, key, rule), usable


def _meaning_of(info: ObjectInfo, key: str, rule: FilterKey) -> str:
    path = code(".".join(rule.path))
    if rule.how == "index":
        if key == "tenant_dbid" and info.type in TENANT_INDEXES:
            return TENANT_INDEXES[info.type]
        return INDEXES[key]
    if rule.how == "modifier":
        return MODIFIERS.get(key, "no condition")
    if rule.how == "join":
        selected = JOINS.get((info.name, key), f"those that {path} names")
        return f"{selected} (looks at other objects)"
    if rule.how == "absent":
        return f"without {path}, whatever the value"
    return {
        "equal": f"by {path}",
        "contains": f"with this among {path}",
        "flag": f"by the flag {path}",
        "option": f"by an option in {path}, `section/option` or `section/option=value`",
    }[rule.how]
