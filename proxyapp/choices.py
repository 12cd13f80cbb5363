"""The choices that forms and models offer, with the words that people read.

The values are those of the wire (`confwire.objects`); only the labels are made here.
"""

from __future__ import annotations

from confwire.objects import (
    APP_TYPES,
    FOLDER_TYPES,
    GROUP_TYPES,
    HOST_TYPES,
    OBJECTS,
    OS_TYPES,
    REDUNDANCY_TYPES,
    STATES,
    TRACE_MODES,
    ObjectType,
)
from proxyapp.engine.data.rights import (
    CHANGE,
    CHANGE_PERMISSIONS,
    CREATE,
    DELETE,
    EXECUTE,
    NO_PROPAGATE,
    READ,
    READ_PERMISSIONS,
)

Choices = list[tuple[str, str]]

_REDUNDANCY_LABELS = {
    "none": "None",
    "coldstandby": "Not Specified",
    "warmstandby": "Warm Standby",
    "hotstandby": "Hot Standby",
}
_TRACE_LABELS = {
    "unset": "Not set",
    "none": "Trace is turned off",
    "local": "Trace on the client side",
    "remote": "Trace on the server side",
    "both": "Trace on both sides",
}
_GROUP_LABELS = {
    "none": "Not specified",
    "superadministrators": "Super administrators",
}
_MODE_LABELS = {"unsecured": "Unsecured", "secured": "Secured", "autodetect": "Auto-detect"}


def _labelled(values: tuple[str, ...], labels: dict[str, str] | None = None) -> Choices:
    return [(value, (labels or {}).get(value, value.capitalize())) for value in values]


STATE_CHOICES = _labelled(STATES)
REDUNDANCY_CHOICES = _labelled(REDUNDANCY_TYPES, _REDUNDANCY_LABELS)
TRACE_CHOICES = _labelled(TRACE_MODES, _TRACE_LABELS)
GROUP_CHOICES = _labelled(GROUP_TYPES, _GROUP_LABELS)
HOST_CHOICES = _labelled(HOST_TYPES)
OS_CHOICES = _labelled(OS_TYPES)
APP_TYPE_CHOICES: Choices = [(name, name) for name in APP_TYPES]
LISTENING_CHOICES = _labelled(tuple(_MODE_LABELS), _MODE_LABELS)
CONNECTION_PROTOCOL_CHOICES: Choices = [("", "none"), ("addp", "ADDP")]
FOLDER_TYPE_CHOICES: Choices = [(info.name, info.title) for info in OBJECTS.values()]
OBJECT_TYPE_CHOICES: list[tuple[int, str]] = [
    (int(info.type), info.title) for info in OBJECTS.values()
]

RIGHT_CHOICES: list[tuple[int, str]] = [
    (READ, "Read"),
    (CREATE, "Create"),
    (CHANGE, "Change"),
    (EXECUTE, "Execute"),
    (DELETE, "Delete"),
    (READ_PERMISSIONS, "Read permissions"),
    (CHANGE_PERMISSIONS, "Change permissions"),
    (NO_PROPAGATE, "Not for what is inside"),
]
"""The bits of an access mask."""

FULL_CONTROL = 127
"""Every right, and for all that is inside."""

OWNED_TYPES: dict[ObjectType, ObjectType] = {
    ObjectType.DN: ObjectType.SWITCH,
    ObjectType.AGENT_LOGIN: ObjectType.SWITCH,
    ObjectType.ENUMERATOR_VALUE: ObjectType.ENUMERATOR,
    ObjectType.IVR_PORT: ObjectType.IVR,
}
"""Types whose objects lie in folders of another object, not of the tenant."""

TENANT_FOLDER_TYPES: tuple[ObjectType, ...] = tuple(
    type_ for type_ in OBJECTS if type_ not in OWNED_TYPES
)
"""Types for which each tenant has a default folder."""

_PLURAL_TITLES = {
    ObjectType.SWITCH: "Switches",
    ObjectType.TABLE_ACCESS: "Table accesses",
}


def default_folder_name(type_: ObjectType) -> str:
    """Return the name of the default folder of a type: "Persons", "Switching offices"."""
    return _PLURAL_TITLES.get(type_, OBJECTS[type_].title + "s")


assert tuple(FOLDER_TYPES) == tuple(value for value, _ in FOLDER_TYPE_CHOICES)
