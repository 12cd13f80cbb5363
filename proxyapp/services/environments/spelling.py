"""How environment files spell object types, properties and values.

Derived from the table of objects: a reference `xDBID` is the property `x`, a list `xDBIDs` is
`xs`. What differs from that, or from the words of the wire, is in the small tables here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from confwire.objects import (
    APP_TYPES,
    BY_NAME,
    GROUP_TYPES,
    OBJECTS,
    REDUNDANCY_TYPES,
    TRACE_MODES,
    Field,
    Kind,
    ObjectInfo,
    ObjectType,
)

T = ObjectType

_PROPERTIES: dict[tuple[ObjectType, str], str] = {
    (T.PERSON, "employeeID"): "employeeId",
    (T.PERSON, "externalID"): "externalId",
    (T.PERSON, "isAgent"): "agent",
    (T.PERSON, "isExternalAuth"): "externalAuth",
    (T.GVP_IVR_PROFILE, "dnDBIDs"): "dids",
}
"""Where the property of a field has another name than the rule gives."""

GROUPS = frozenset({T.AGENT_GROUP, T.PLACE_GROUP, T.DN_GROUP, T.ACCESS_GROUP})
_OUTSIDE_GROUP = {"agentDBIDs", "placeDBIDs", "dns", "members", "type", "folderDBID"}
"""What stands beside the property `group` of a group; all else stands in it."""

_NOT_IN_FILES = {
    T.FOLDER: {"owner"},  # said by the property `folder`
    T.APPLICATION: {"type", "version", "isServer", "startupType"},  # said by the template
    T.TENANT: {"isServiceProvider"},
    T.PERSON: {"isAdmin", "passwordUpdatingDate"},
}

SECRETS = frozenset({"password", "passwordHashAlgorithm"})
"""Properties that are accepted and never stored."""

COMPUTED = {T.TENANT: {"serviceProvider"}}
"""Properties of files that follow from others; what a file says is not needed."""

NAMED_MAPS = {"skillLevels": ("skillDBID", "level"), "subcodes": ("name", "code")}
"""Lists of pairs that files hold as a mapping from the one to the other."""

COMMA_LISTS = {(T.GVP_IVR_PROFILE, "tfn")}
"""Texts that files hold as lists."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property of the objects in files, and the field that it stands for."""

    name: str
    field: Field
    in_group: bool = False

    @property
    def path(self) -> str:
        """Return the name with that of the mapping around it."""
        return f"group.{self.name}" if self.in_group else self.name


@cache
def properties_of(type_: ObjectType) -> tuple[Property, ...]:
    """Return all properties of a type but the folder, in the order of the table."""
    left_out = {"DBID", "folderDBID"} | _NOT_IN_FILES.get(type_, set())
    return tuple(
        Property(
            property_name(type_, item), item, type_ in GROUPS and item.name not in _OUTSIDE_GROUP
        )
        for item in OBJECTS[type_].fields
        if item.name not in left_out
    )


def property_name(type_: ObjectType, item: Field) -> str:
    """Return the name in files of a field, or of a member of a structure."""
    name = _PROPERTIES.get((type_, item.name), item.name)
    if item.kind is Kind.REFERENCES and name.endswith("DBIDs"):
        return name.removesuffix("DBIDs") + "s"
    return name.removesuffix("DBID") if item.kind is Kind.REFERENCE else name


def in_order_of_files() -> list[ObjectInfo]:
    """Return the types in the order of their lists in files: by plural name, whatever its case."""
    return sorted(OBJECTS.values(), key=lambda info: info.plural.casefold())


# ---------------------------------------------------------------- types of objects


def short_name(type_: ObjectType) -> str:
    """Return how labels and references call a type: "agentgroup"."""
    return OBJECTS[type_].name.lower()


_BY_SHORT_NAME = {name.lower(): info.type for name, info in BY_NAME.items()}


def type_named(text: str) -> ObjectType | None:
    """Return the type of a short name, whatever its case."""
    return _BY_SHORT_NAME.get(text.lower())


# ---------------------------------------------------------------- values

_APP_TYPES = {
    "configserver": "configurationserver",
    "vss54": "vssserver",
    "vss55": "vsssystem",
    "vss56": "vssshared",
    "vss57": "vssconsole",
    "web66": "webinteractionrequestsserver",
    "web67": "webstatserver",
    "web68": "webinteractionserver",
    "web69": "weboptionroutepoint",
    "web70": "webclient",
    "voip74": "voipcontroller",
    "voip75": "voipdevice",
    "voip78": "voipstreammanager",
    "voip79": "voipdmxserver",
    "wfm96": "wfmserver",
    "wfm97": "wfmbuilder",
    "wfm98": "wfmreports",
    "wfm99": "wfmweb",
} | dict(
    zip(
        (f"gvp{number}" for number in range(114, 156)),
        """
gvppolicymanager gvpciscoqueueadapter gvptexttospeechserver gvpasrlogmanager gvpbandwidthmanager
gvpeventscollector gvpcacheserver gvpasrlogserver gvpasrpackageloader gvpipcommunicationserver
gvpresourcemanager gvpsipsessionmanager gvpmediagateway gvpsoftswitch gvpcoreservice
gvpvoicecommunicationserver gvpunifiedloginserver gvpcallstatusmonitor gvpreporter
gvph323sessionmanager gvpasrlogmanageragent gvpgenesysqueueadapter gvpiserver gvpscpgateway
gvpsrpserver gvpmrcpttsserver gvpccsserver gvpmrcpasrserver gvpnetworkmonitor gvpobnmanager
gvpselfserviceprovisioningserver gvpmcp gvpfetchingmodule gvpmcplegacyinterpreter gvpccp
gvpresourcemgr gvpclustermgr gvpmediaserver gvppstnconnector gvpreportingserver gvpasg
gvpcticonnector
""".split(),
        strict=True,
    )
)

_SPELLINGS: dict[tuple[str, ...], dict[str, str]] = {
    REDUNDANCY_TYPES: {
        "none": "htnohatype",
        "coldstandby": "htcoldstanby",
        "warmstandby": "htwarmstanby",
        "hotstandby": "hthotstanby",
    },
    TRACE_MODES: {
        "unset": "tmnotracemode",
        "none": "tmnone",
        "local": "tmlocal",
        "remote": "tmremote",
        "both": "tmboth",
    },
    GROUP_TYPES: {
        "none": "noaccessgrouptype",
        "default": "defaultgroup",
        "users": "usersgroup",
        "administrators": "administratorsgroup",
        "superadministrators": "superadministratorsgroup",
        "system": "systemgroup",
        "everyone": "everyonegroup",
    },
    APP_TYPES: _APP_TYPES,
}
"""Choices -> word of the wire -> word of files, where they differ."""


def written(item: Field, value: str) -> str:
    """Return the word of files for the value of a choice."""
    if not item.choices:  # the type of a folder
        return value.lower()
    return _SPELLINGS.get(item.choices, {}).get(value, value)


def read(item: Field, text: str) -> str | None:
    """Return the value of a choice for a word of files or of the wire; None when there is none."""
    if not item.choices:
        type_ = type_named(text)
        return None if type_ is None else OBJECTS[type_].name
    return _words_of(item.choices).get(text.lower())


@cache
def _words_of(choices: tuple[str, ...]) -> dict[str, str]:
    words = {word: value for value, word in _SPELLINGS.get(choices, {}).items()}
    return {value.lower(): value for value in choices} | words
