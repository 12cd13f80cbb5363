"""The filter keys of reads and subscriptions, compiled to what the store can answer.

One table names every key of every type. A compiled `Query` says which index to use and what
remains to be checked against the document; keys that ask about other objects ("DNs of this
place") are left as joins for the reader that has the store. Knows no store and no rights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from msgspec import Struct

from confwire.errors import InvalidParameter, UnknownFilterKey
from confwire.messages import FilterValue
from confwire.objects import APP_TYPES, OBJECTS, STATES, ObjectType
from proxyapp.engine.data.annex import Option, has_option, options_in, values_in

How = Literal["equal", "contains", "absent", "flag", "index", "modifier", "join", "option"]


class FilterKey(Struct, frozen=True):
    """How one filter key is answered."""

    how: How
    path: tuple[str, ...] = ()
    """Where the value is in the document; for a join the type and field that are looked into."""


def _at(path: str, how: How = "equal") -> FilterKey:
    return FilterKey(how, tuple(path.split(".")))


_COMMON = {
    "dbid": FilterKey("index"),
    "state": FilterKey("index"),
    "folder_dbid": FilterKey("index"),
    "read_folder_dbid": FilterKey("modifier"),
    "object_path": FilterKey("modifier"),
}

_T = ObjectType

FILTER_KEYS: dict[ObjectType, dict[str, FilterKey]] = {
    _T.SWITCH: {
        "tserver_dbid": _at("tServerDBID"),
        "phys_switch_dbid": _at("physicalSwitchDBID"),
    },
    _T.DN: {
        "switch_dbid": _at("switchDBID"),
        "dn_type": _at("type"),
        "dn_number": _at("number"),
        "association": _at("association"),
        "place_dbid": _at("place.dnDBIDs", "join"),
        "no_place_dbid": _at("place.dnDBIDs", "join"),
        "group_dbid": _at("dnGroup.dns.dnDBID", "join"),
    },
    _T.PERSON: {
        "user_name": _at("userName"),
        "employee_id": _at("employeeID"),
        "first_name": _at("firstName"),
        "last_name": _at("lastName"),
        "is_agent": _at("isAgent", "flag"),
        "external_id": _at("externalID"),
        "skill_dbid": _at("agentInfo.skillLevels.skillDBID", "contains"),
        "login_dbid": _at("agentInfo.agentLogins.agentLoginDBID", "contains"),
        "place_dbid": _at("agentInfo.placeDBID"),
        "no_login_dbid": _at("agentInfo.agentLogins", "absent"),
        "no_place_dbid": _at("agentInfo.placeDBID", "absent"),
        "group_dbid": _at("agentGroup.agentDBIDs", "join"),
        "switch_dbid": _at("agentLogin.switchDBID", "join"),
    },
    _T.PLACE: {"dn_dbid": _at("dnDBIDs", "contains")},
    _T.AGENT_GROUP: {"person_dbid": _at("agentDBIDs", "contains")},
    _T.PLACE_GROUP: {"place_dbid": _at("placeDBIDs", "contains")},
    _T.DN_GROUP: {"dn_dbid": _at("dns.dnDBID", "contains")},
    _T.TENANT: {"all_tenants": FilterKey("modifier"), "parent_dbid": _at("parentTenantDBID")},
    _T.SERVICE: {"solution_type": _at("solutionType"), "scs_dbid": _at("scsDBID")},
    _T.APPLICATION: {
        "app_type": _at("type"),
        "version": _at("version"),
        "is_server": _at("isServer", "flag"),
        "server_dbid": _at("appServers.appServerDBID", "contains"),
        "backup_server_dbid": _at("serverInfo.backupServerDBID"),
        "primary_server_dbid": _at("application.serverInfo.backupServerDBID", "join"),
        "app_prototype_dbid": _at("appPrototypeDBID"),
        "host_dbid": _at("serverInfo.hostDBID"),
        "port": _at("portInfos.port", "contains"),
        "startup_type": _at("startupType"),
        "account_dbid": _at("accountDBID"),
        "switch_dbid": _at("switch.tServerDBID", "join"),
    },
    _T.APP_PROTOTYPE: {"app_type": _at("type"), "version": _at("version")},
    _T.HOST: {
        "os_type": _at("osInfo.type"),
        "host_type": _at("type"),
        "scs_dbid": _at("scsDBID"),
        "ip_address": _at("ipAddress"),
    },
    _T.ACCESS_GROUP: {"person_dbid": _at("members.DBID", "contains")},
    _T.FOLDER: {
        "type": _at("type"),
        "owner_dbid": _at("owner.DBID"),
        "owner_type": _at("owner.objectType"),
        "folder_class": _at("folderClass"),
        "object_dbid": _at("objects", "join"),
        "object_type": FilterKey("modifier"),
    },
    _T.AGENT_LOGIN: {"login_code": _at("loginCode"), "switch_dbid": _at("switchDBID")},
    _T.ACTION_CODE: {"code_type": _at("type")},
    _T.SCRIPT: {"script_type": _at("type")},
    _T.TRANSACTION: {"object_type": _at("type")},
    _T.ENUMERATOR: {"enumerator_type": _at("type")},
    _T.ENUMERATOR_VALUE: {"enumerator_dbid": _at("enumeratorDBID")},
    _T.CAMPAIGN_GROUP: {"campaign_dbid": _at("campaignDBID")},
    _T.CALLING_LIST: {"table_access_dbid": _at("tableAccessDBID")},
    _T.FILTER: {"format_dbid": _at("formatDBID")},
    _T.ROLE: {"member_dbid": _at("members.DBID", "contains")},
    _T.IVR_PORT: {"ivr_dbid": _at("ivrDBID"), "dn_dbid": _at("dnDBID")},
}


def keys_of(type_: ObjectType) -> dict[str, FilterKey]:
    """Return every filter key that objects of this type can be asked by."""
    fields = OBJECTS[type_].by_name
    keys = dict(_COMMON)
    if "name" in fields:
        keys["name"] = FilterKey("index", ("name",))
    if "tenantDBID" in fields or type_ is ObjectType.TENANT:
        keys["tenant_dbid"] = FilterKey("index")
    elif "tenantDBIDs" in fields:
        keys["tenant_dbid"] = _at("tenantDBIDs", "contains")
    if "options" in fields:
        keys["option"] = _at("options", "option")
    if "userProperties" in fields:
        keys["annex"] = _at("userProperties", "option")
    return keys | FILTER_KEYS.get(type_, {})


_KEYS = {type_: keys_of(type_) for type_ in OBJECTS}


class OptionTest(Struct):
    """Whether a document has an option, and with which value."""

    key: Option | None
    """What the index is asked for; None where a name has wildcards."""
    holds: Callable[[bytes], bool]


class Query(Struct):
    """A compiled filter. None means that the condition was not given."""

    dbid: int | None = None
    name: str | None = None
    tenant: int | None = None
    folder: int | None = None
    enabled: bool | None = None
    fits_name: Callable[[str], bool] | None = None
    """A test of folded names, with a wildcard."""
    prefix: str = ""
    """What the folded names begin with that pass it."""
    options: list[OptionTest] = []
    with_folders: bool = False
    with_paths: bool = False
    checks: list[Callable[[dict[str, Any]], bool]] = []
    joins: list[tuple[str, tuple[str, ...], FilterValue]] = []
    object_type: str = ""


def compile_filter(type_: ObjectType, given: Mapping[str, FilterValue]) -> Query:
    """Compile a filter.

    With `dbid` all other conditions are ignored. Several keys must all hold.
    Raises UnknownFilterKey, InvalidParameter.
    """
    query = Query()
    known = _KEYS[type_]
    for key, value in given.items():
        rule = known.get(key)
        if rule is None:
            raise UnknownFilterKey(
                f"{OBJECTS[type_].name} has no filter key '{key}':"
                f" use one of {', '.join(sorted(known))}"
            )
        _add(query, type_, key, rule, value)
    if query.dbid is not None:
        return Query(dbid=query.dbid, with_folders=query.with_folders, with_paths=query.with_paths)
    return query


def _add(query: Query, type_: ObjectType, key: str, rule: FilterKey, value: FilterValue) -> None:
    if rule.how == "index":
        _add_index(query, type_, key, value)
    elif rule.how == "modifier":
        if key == "read_folder_dbid":
            query.with_folders = bool(value)
        elif key == "object_path":
            query.with_paths = bool(value)
        elif key == "object_type":
            query.object_type = str(value)
    elif rule.how == "option":
        query.options.append(_option_test(rule.path[0], key, str(value)))
    elif rule.how == "join":
        query.joins.append((key, rule.path, value))
    else:
        query.checks.append(_check(rule, _normal(key, value)))


def _add_index(query: Query, type_: ObjectType, key: str, value: FilterValue) -> None:
    if key == "name":
        text = str(value)
        if type_ is ObjectType.DN:  # which people call by its number
            query.checks.append(_wildcard("name", text))
        elif "*" in text:
            query.fits_name = pattern(text.casefold())
            query.prefix = text.casefold().partition("*")[0]
        else:
            query.name = text
    elif key == "state":
        query.enabled = _state(value) == "enabled"
    else:
        number = number_of(key, value)
        if key == "dbid":
            query.dbid = number
        elif key == "folder_dbid":
            query.folder = number
        else:
            query.tenant = number


def _option_test(field: str, key: str, text: str) -> OptionTest:
    place, has_value, wanted = text.casefold().partition("=")
    section, slash, name = place.partition("/")
    if not (section and slash and name):
        raise InvalidParameter(
            f"filter key '{key}' takes section/option or section/option=value, not '{text[:64]}'"
        )
    accepts = pattern(wanted) if has_value else None
    if "*" in place:
        of_section, of_name = pattern(section), pattern(name)

        def holds(body: bytes) -> bool:
            return any(
                of_section(option[1])
                and of_name(option[2])
                and (accepts is None or any(map(accepts, _folded_values(body, option))))
                for option in options_in(body)
                if option[0] == field
            )

        return OptionTest(None, holds)
    option = (field, section, name)
    if accepts is None:
        return OptionTest(option, lambda body: has_option(body, option))
    return OptionTest(option, lambda body: any(map(accepts, _folded_values(body, option))))


def _folded_values(body: bytes, option: Option) -> Iterator[str]:
    return (value.casefold() for value in values_in(body, option))


def number_of(key: str, value: FilterValue) -> int:
    """Return the number that a filter key was given. Raises InvalidParameter."""
    if not isinstance(value, bool):
        try:
            return int(value)
        except ValueError:
            pass  # as for a truth value
    raise InvalidParameter(f"filter key '{key}' takes a number, not '{str(value)[:64]}'")


def _state(value: FilterValue) -> str:
    if not isinstance(value, bool) and value in (1, 2, "1", "2"):
        return STATES[int(value) - 1]
    if value in STATES:
        return str(value)
    raise InvalidParameter(f"filter key 'state' takes enabled or disabled, not '{value}'")


def _normal(key: str, value: FilterValue) -> str:
    if key == "app_type" and not isinstance(value, bool) and str(value).isdecimal():
        number = number_of(key, value)
        if number >= len(APP_TYPES):
            raise InvalidParameter(f"there is no application type {number}")
        return APP_TYPES[number]
    return str(value).casefold()


def values_at(document: Any, path: tuple[str, ...]) -> list[Any]:
    """Return every value at a path, stepping into each member of lists on the way."""
    found = [document]
    for name in path:
        found = [item[name] for item in found if isinstance(item, dict) and name in item]
        found = [inner for item in found for inner in (item if isinstance(item, list) else [item])]
    return found


_FLAGS = {"1": False, "2": True, "true": True, "false": False, "yes": True, "no": False}


def _check(rule: FilterKey, wanted: str) -> Callable[[dict[str, Any]], bool]:
    path = rule.path
    if rule.how == "absent":
        return lambda document: not any(values_at(document, path))
    if rule.how == "flag":
        flag = _FLAGS.get(wanted)
        if flag is None:
            raise InvalidParameter(f"'{wanted}' is no flag: use true or false")
        return lambda document: any(values_at(document, path)) is flag
    if "*" in wanted:
        matches = pattern(wanted)
        return lambda document: any(
            matches(str(value).casefold()) for value in values_at(document, path)
        )
    return lambda document: (
        any(str(value).casefold() == wanted for value in values_at(document, path))
        or (wanted == "0" and not values_at(document, path))
    )


def _wildcard(field: str, text: str) -> Callable[[dict[str, Any]], bool]:
    matches = pattern(text.casefold())
    return lambda document: matches(str(document.get(field, "")).casefold())


def pattern(text: str) -> Callable[[str], bool]:
    """Return a test for text in which each "*" stands for anything.

    Not a regular expression: with many "*" that would take a turn without end.
    """
    if "*" not in text:
        return lambda value: value == text
    first, *parts, last = text.split("*")

    def matches(value: str) -> bool:
        at, end = len(first), len(value) - len(last)
        if at > end or not (value.startswith(first) and value.endswith(last)):
            return False
        for part in parts:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return matches
