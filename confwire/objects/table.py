"""Every object type and its fields, once.

Documents, filters, references, import, JSON Schema and the reference page come from this table.
"""

from __future__ import annotations

from typing import Any

from confwire.objects.choices import (
    APP_TYPES,
    GROUP_TYPES,
    HOST_TYPES,
    OS_TYPES,
    REDUNDANCY_TYPES,
    STATES,
    TRACE_MODES,
)
from confwire.objects.fields import Field, Kind, ObjectInfo
from confwire.objects.types import ObjectType


def _text(name: str, **flags: Any) -> Field:
    return Field(name, Kind.STRING, **flags)


def _int(name: str, **flags: Any) -> Field:
    return Field(name, Kind.INTEGER, **flags)


def _bool(name: str, **flags: Any) -> Field:
    return Field(name, Kind.BOOLEAN, **flags)


def _ref(name: str, target: ObjectType, **flags: Any) -> Field:
    return Field(name, Kind.REFERENCE, target, **flags)


def _refs(name: str, target: ObjectType) -> Field:
    return Field(name, Kind.REFERENCES, target)


def _choice(name: str, choices: tuple[str, ...], **flags: Any) -> Field:
    return Field(name, Kind.CHOICE, choices=choices, **flags)


def _struct(name: str, *fields: Field, **flags: Any) -> Field:
    return Field(name, Kind.STRUCT, fields=fields, **flags)


def _structs(name: str, key: str, *fields: Field, **flags: Any) -> Field:
    return Field(name, Kind.STRUCTS, fields=fields, key=key, **flags)


_T = ObjectType
_TENANT = _ref("tenantDBID", _T.TENANT, required=True, fixed=True)
_NAME = _text("name", required=True)
_CONTRACT = _ref("contractDBID", _T.OBJECTIVE_TABLE)
_SITE = _ref("siteDBID", _T.FOLDER)
_CAPACITY_RULE = _ref("capacityRuleDBID", _T.SCRIPT)
_SPARE = tuple(_text(f"charField{n}") for n in range(1, 5)) + tuple(
    _int(f"longField{n}") for n in range(1, 5)
)
_RESOURCES = _structs(
    "resources", "", _int("type"), Field("object", Kind.IDENTITY), _text("description"), *_SPARE
)

_COMMON_HEAD = (_int("DBID", derived=True),)
_COMMON_TAIL = (
    _choice("state", STATES),
    Field("userProperties", Kind.OPTIONS),
    _ref("folderDBID", _T.FOLDER),
)

_GROUP = (
    _TENANT,
    _NAME,
    _refs("managerDBIDs", _T.PERSON),
    _refs("routeDNDBIDs", _T.DN),
    _ref("capacityTableDBID", _T.STAT_TABLE),
    _ref("quotaTableDBID", _T.STAT_TABLE),
    _CAPACITY_RULE,
    _SITE,
    _CONTRACT,
)

OBJECTS: dict[ObjectType, ObjectInfo] = {}
BY_NAME: dict[str, ObjectInfo] = {}
BY_PLURAL: dict[str, ObjectInfo] = {}


def _define(
    type_: ObjectType,
    name: str,
    title: str,
    *fields: Field,
    key: tuple[str, ...] = ("tenantDBID", "name"),
    plural: str = "",
) -> None:
    info = ObjectInfo(
        type_, name, plural or name + "s", title, _COMMON_HEAD + fields + _COMMON_TAIL, key
    )
    OBJECTS[type_] = BY_NAME[name] = BY_PLURAL[info.plural] = info


_define(
    _T.SWITCH, "switch", "Switch",
    _TENANT, _NAME, _ref("physicalSwitchDBID", _T.PHYSICAL_SWITCH, required=True, fixed=True),
    _ref("tServerDBID", _T.APPLICATION), _text("linkType"), _text("dnRange"), _text("type"),
    _structs(
        "switchAccessCodes", "", _ref("switchDBID", _T.SWITCH), _text("accessCode"),
        _text("targetType"), _text("routeType"), _text("dnSource"), _text("destinationSource"),
        _text("locationSource"), _text("dnisSource"), _text("reasonSource"),
        _text("extensionSource"),
    ),
    plural="switches",
)  # fmt: skip
_define(
    _T.DN, "dn", "DN",
    _TENANT, _ref("switchDBID", _T.SWITCH, required=True, fixed=True),
    _text("number", required=True, fixed=True), _text("type", required=True, fixed=True),
    _text("name"), _text("association"), _text("routeType"), _refs("destinationDNDBIDs", _T.DN),
    _bool("loginFlag"), _text("dnLoginID"), _text("registerAll"), _ref("groupDBID", _T.DN_GROUP),
    _int("trunks"), _text("override"), _bool("useOverride"), _int("switchSpecificType"),
    _structs("accessNumbers", "", _text("number"), _ref("switchDBID", _T.SWITCH)),
    _SITE, _CONTRACT,
    key=("tenantDBID", "switchDBID", "number", "type", "name"),
)  # fmt: skip
_define(
    _T.PERSON, "person", "Person",
    _TENANT, _text("employeeID", required=True), _text("userName", required=True),
    _text("lastName"), _text("firstName"), _text("emailAddress"), _text("externalID"),
    _bool("isAgent", fixed=True), _bool("isAdmin", derived=True), _bool("isExternalAuth"),
    _bool("changePasswordOnNextLogin"), _int("passwordUpdatingDate", derived=True),
    Field("appRanks", Kind.MAP),
    _struct(
        "agentInfo",
        _ref("placeDBID", _T.PLACE),
        _structs("skillLevels", "skillDBID", _ref("skillDBID", _T.SKILL), _int("level")),
        _structs(
            "agentLogins", "agentLoginDBID", _ref("agentLoginDBID", _T.AGENT_LOGIN),
            _int("wrapupTime"),
        ),
        _CAPACITY_RULE, _SITE, _CONTRACT,
    ),
    _struct("address", *(_text(f"addressLine{n}") for n in range(1, 6))),
    Field("phones", Kind.MAP),
    key=("tenantDBID", "employeeID"),
)  # fmt: skip
_define(
    _T.PLACE, "place", "Place",
    _TENANT, _NAME, _refs("dnDBIDs", _T.DN), _CAPACITY_RULE, _SITE, _CONTRACT,
)  # fmt: skip
_define(
    _T.AGENT_GROUP, "agentGroup", "Agent group", *_GROUP, _refs("agentDBIDs", _T.PERSON)
)  # fmt: skip
_define(
    _T.PLACE_GROUP, "placeGroup", "Place group", *_GROUP, _refs("placeDBIDs", _T.PLACE)
)  # fmt: skip
_define(
    _T.TENANT, "tenant", "Tenant",
    _NAME, _bool("isServiceProvider", derived=True), _text("chargeableNumber"),
    _ref("parentTenantDBID", _T.TENANT), _ref("defaultCapacityRuleDBID", _T.SCRIPT),
    _ref("defaultContractDBID", _T.OBJECTIVE_TABLE),
    key=("name",),
)  # fmt: skip
_define(
    _T.SERVICE, "service", "Solution",
    _NAME, _text("solutionType"), _text("version"), _text("startupType"),
    _ref("assignedTenantDBID", _T.TENANT), _ref("scsDBID", _T.APPLICATION),
    _structs(
        "componentDefinitions", "", _text("type"), _text("version"), _int("startupPriority"),
        _bool("isOptional"),
    ),
    _structs(
        "components", "appDBID", _ref("appDBID", _T.APPLICATION), _int("startupPriority"),
        _bool("isOptional"),
    ),
    _RESOURCES,
    key=("name",),
)  # fmt: skip
_define(
    _T.APPLICATION, "application", "Application",
    _NAME, _choice("type", APP_TYPES, derived=True), _text("version", derived=True),
    _ref("appPrototypeDBID", _T.APP_PROTOTYPE, required=True, fixed=True),
    _bool("isServer", derived=True),
    _struct(
        "serverInfo", _ref("hostDBID", _T.HOST), _text("port"),
        _ref("backupServerDBID", _T.APPLICATION), _int("timeout"), _int("attempts"),
    ),
    _choice("redundancyType", REDUNDANCY_TYPES, required=True),
    _bool("isPrimary", derived=True), _bool("autoRestart", required=True),
    _text("startupType", derived=True), _int("startupTimeout"), _int("shutdownTimeout"),
    _text("workDirectory"), _text("commandLine"), _text("commandLineArguments"),
    _text("componentType"), _ref("accountDBID", _T.PERSON), _refs("tenantDBIDs", _T.TENANT),
    _structs(
        "portInfos", "id", _text("id"), _text("port"), _bool("haSync"),
        _choice("listeningMode", ("unsecured", "secured", "autodetect")),
        _bool("clientsOnly"), _text("connProtocol"), _text("transportParams"),
        _text("appParams"), _text("description"), *_SPARE,
    ),
    _structs(
        "appServers", "appServerDBID", _ref("appServerDBID", _T.APPLICATION), _text("id"),
        _text("connProtocol"), _int("timeoutLocal"), _int("timeoutRemote"),
        _choice("mode", TRACE_MODES), _text("transportParams"), _text("appParams"),
        _text("proxyParams"), _text("description"), *_SPARE,
    ),
    Field("options", Kind.OPTIONS), Field("flexibleProperties", Kind.OPTIONS), _RESOURCES,
    key=("name",),
)  # fmt: skip
_define(
    _T.HOST, "host", "Host",
    _text("name", required=True), _text("ipAddress"), _text("lcaPort", required=True),
    _struct("osInfo", _choice("type", OS_TYPES), _text("version"), required=True),
    _choice("type", HOST_TYPES, required=True, fixed=True), _ref("scsDBID", _T.APPLICATION),
    _RESOURCES,
    key=("name",),
)  # fmt: skip
_define(
    _T.PHYSICAL_SWITCH, "physicalSwitch", "Switching office",
    _NAME, _text("type", fixed=True), _text("address"), _text("contactPerson"),
    key=("name",), plural="physicalSwitches",
)  # fmt: skip
_define(
    _T.SCRIPT, "script", "Script",
    _TENANT, _NAME, _int("index"), _text("type", fixed=True),
    _ref("contactPersonDBID", _T.PERSON), _RESOURCES,
)  # fmt: skip
_define(_T.SKILL, "skill", "Skill", _TENANT, _NAME)
_define(
    _T.ACTION_CODE, "actionCode", "Action code",
    _TENANT, _NAME, _text("type", fixed=True), _text("code"),
    _structs("subcodes", "name", _text("name"), _text("code")),
    key=("tenantDBID", "type", "name"),
)  # fmt: skip
_define(
    _T.AGENT_LOGIN, "agentLogin", "Agent login",
    _TENANT, _ref("switchDBID", _T.SWITCH, required=True, fixed=True),
    _text("loginCode", required=True, fixed=True), _text("override"), _bool("useOverride"),
    _int("switchSpecificType"),
    key=("tenantDBID", "switchDBID", "loginCode"),
)  # fmt: skip
_define(
    _T.TRANSACTION, "transaction", "Transaction",
    _TENANT, _NAME, _text("type", fixed=True), _int("recordPeriod"), _text("alias"),
    _text("description"),
    key=("tenantDBID", "type", "name"),
)  # fmt: skip
_define(
    _T.DN_GROUP, "dnGroup", "DN group",
    *_GROUP, _text("type"),
    _structs("dns", "dnDBID", _ref("dnDBID", _T.DN), _int("trunks")),
)  # fmt: skip
_define(
    _T.STAT_DAY, "statDay", "Statistical day",
    _TENANT, _NAME, _text("date"), _text("type"), _bool("isDayOfWeek"), _int("day"),
    _int("startTime"), _int("endTime"), _int("minValue"), _int("maxValue"), _int("targetValue"),
    _int("intervalLength"),
)  # fmt: skip
_define(
    _T.STAT_TABLE, "statTable", "Statistical table",
    _TENANT, _NAME, _text("type"), _refs("statDayDBIDs", _T.STAT_DAY), _int("waitThreshold"),
    _int("flatRate"), _int("agentHourlyRate"), _bool("useFlatRate"),
)  # fmt: skip
_define(
    _T.APP_PROTOTYPE, "appPrototype", "Application template",
    _text("name", required=True), _choice("type", APP_TYPES, required=True, fixed=True),
    _text("version", required=True), Field("options", Kind.OPTIONS),
    key=("name",),
)  # fmt: skip
_define(
    _T.ACCESS_GROUP, "accessGroup", "Access group",
    *_GROUP, Field("members", Kind.IDENTITIES), _choice("type", GROUP_TYPES),
)  # fmt: skip
_define(
    _T.FOLDER, "folder", "Folder",
    _NAME, _choice("type", (), fixed=True), Field("owner", Kind.IDENTITY, fixed=True),
    _text("folderClass"), _int("customType"), _text("description"), _RESOURCES,
    key=("owner", "folderDBID", "type", "name"),
)  # fmt: skip
_define(
    _T.FIELD, "field", "Field",
    _TENANT, _NAME, _text("description"), _text("type"), _int("length"), _text("fieldType"),
    _text("defaultValue"), _bool("isPrimaryKey"), _bool("isUnique"), _bool("isNullable"),
)  # fmt: skip
_define(
    _T.FORMAT, "format", "Format",
    _TENANT, _NAME, _text("description"), _refs("fieldDBIDs", _T.FIELD),
)  # fmt: skip
_define(
    _T.TABLE_ACCESS, "tableAccess", "Table access",
    _TENANT, _NAME, _text("description"), _text("type"), _ref("dbAccessDBID", _T.APPLICATION),
    _ref("formatDBID", _T.FORMAT), _text("dbTableName"), _bool("isCachable"),
    _int("updateTimeout"),
    plural="tableAccesses",
)  # fmt: skip
_define(
    _T.CALLING_LIST, "callingList", "Calling list",
    _TENANT, _NAME, _text("description"), _ref("tableAccessDBID", _T.TABLE_ACCESS),
    _ref("filterDBID", _T.FILTER), _refs("treatmentDBIDs", _T.TREATMENT),
    _ref("logTableAccessDBID", _T.TABLE_ACCESS), _int("timeFrom"), _int("timeUntil"),
    _int("maxAttempts"), _ref("scriptDBID", _T.SCRIPT),
)  # fmt: skip
_define(
    _T.CAMPAIGN, "campaign", "Campaign",
    _TENANT, _NAME, _text("description"), _ref("scriptDBID", _T.SCRIPT),
    _structs(
        "callingLists", "callingListDBID", _ref("callingListDBID", _T.CALLING_LIST),
        _int("share"), _bool("isActive"),
    ),
    _structs(
        "campaignGroups", "groupDBID", _ref("groupDBID", _T.AGENT_GROUP), _text("dialMode"),
    ),
)  # fmt: skip
_define(
    _T.TREATMENT, "treatment", "Treatment",
    _TENANT, _NAME, _text("description"), _text("callResult"), _text("recActionCode"),
    _int("attempts"), _int("dateTime"), _int("cycleAttempt"), _int("interval"), _int("increment"),
    _text("callActionCode"), _ref("destinationDNDBID", _T.DN), _int("range"),
)  # fmt: skip
_define(
    _T.FILTER, "filter", "Filter",
    _TENANT, _NAME, _text("description"), _ref("formatDBID", _T.FORMAT),
)  # fmt: skip
_define(
    _T.TIME_ZONE, "timeZone", "Time zone",
    _TENANT, _NAME, _text("description"), _int("offset"), _bool("isDSTObserved"),
    _int("dstStartDate"), _int("dstStopDate"), _text("nameNetscape"), _text("nameMSExplorer"),
    _text("dstStartTime"), _text("dstStopTime"), _int("dstOffset"),
)  # fmt: skip
_define(
    _T.VOICE_PROMPT, "voicePrompt", "Voice prompt",
    _TENANT, _NAME, _text("description"), _ref("switchDBID", _T.SWITCH),
    _ref("scriptDBID", _T.SCRIPT),
)  # fmt: skip
_define(
    _T.IVR_PORT, "ivrPort", "IVR port",
    _TENANT, _ref("ivrDBID", _T.IVR, required=True, fixed=True), _text("portNumber", required=True),
    _text("description"), _ref("dnDBID", _T.DN),
    key=("tenantDBID", "ivrDBID", "portNumber"),
)  # fmt: skip
_define(
    _T.IVR, "ivr", "IVR",
    _TENANT, _NAME, _text("description"), _text("type"), _text("version"),
    _ref("ivrServerDBID", _T.APPLICATION),
)  # fmt: skip
_define(
    _T.ALARM_CONDITION, "alarmCondition", "Alarm condition",
    _NAME, _text("description"), _text("category"),
    _struct(
        "alarmDetectEvent", _int("logEventID"), _text("selectionMode"), _text("appType"),
        _ref("appDBID", _T.APPLICATION),
    ),
    _struct(
        "alarmRemovalEvent", _int("logEventID"), _text("selectionMode"), _text("appType"),
        _ref("appDBID", _T.APPLICATION),
    ),
    _ref("alarmDetectScriptDBID", _T.SCRIPT), _refs("reactionScriptDBIDs", _T.SCRIPT),
    _refs("clearanceScriptDBIDs", _T.SCRIPT), _int("clearanceTimeout"), _bool("isMasked"),
    key=("name",),
)  # fmt: skip
_define(
    _T.ENUMERATOR, "enumerator", "Business attribute",
    _TENANT, _NAME, _text("displayName"), _text("description"), _text("type", fixed=True),
)  # fmt: skip
_define(
    _T.ENUMERATOR_VALUE, "enumeratorValue", "Business attribute value",
    _TENANT, _ref("enumeratorDBID", _T.ENUMERATOR, required=True, fixed=True), _NAME,
    _text("displayName"), _text("description"), _bool("isDefault"),
    key=("enumeratorDBID", "name"),
)  # fmt: skip
_define(
    _T.OBJECTIVE_TABLE, "objectiveTable", "Objective table",
    _TENANT, _NAME, _text("type"), _text("description"), _ref("timeZoneDBID", _T.TIME_ZONE),
    _int("timeStart"), _int("timeEnd"),
    _structs(
        "objectiveRecords", "", _ref("mediaTypeDBID", _T.ENUMERATOR_VALUE),
        _ref("serviceTypeDBID", _T.ENUMERATOR_VALUE),
        _ref("customerSegmentDBID", _T.ENUMERATOR_VALUE), _int("objectiveThreshold"),
        _int("objectiveDelta"),
    ),
)  # fmt: skip
_define(
    _T.CAMPAIGN_GROUP, "campaignGroup", "Campaign group",
    _TENANT, _NAME, _ref("campaignDBID", _T.CAMPAIGN, required=True, fixed=True),
    Field("group", Kind.IDENTITY), _refs("serverDBIDs", _T.APPLICATION),
    _ref("ivrProfileDBID", _T.GVP_IVR_PROFILE), _text("dialMode"), _text("operationMode"),
    _int("numOfChannels"), _text("optMethod"), _int("optMethodValue"),
    _ref("scriptDBID", _T.SCRIPT), _ref("origDNDBID", _T.DN), _ref("trunkGroupDNDBID", _T.DN),
    _text("description"),
    key=("tenantDBID", "campaignDBID", "name"),
)  # fmt: skip
_define(
    _T.GVP_RESELLER, "gvpReseller", "GVP reseller",
    _TENANT, _NAME, _text("displayName"), _text("notes"), _ref("timeZoneDBID", _T.TIME_ZONE),
    _bool("isParentNSP"),
)  # fmt: skip
_define(
    _T.GVP_CUSTOMER, "gvpCustomer", "GVP customer",
    _TENANT, _NAME, _text("displayName"), _text("notes"), _text("channel"),
    _ref("resellerDBID", _T.GVP_RESELLER), _ref("timeZoneDBID", _T.TIME_ZONE),
    _bool("isProvisioned"), _bool("isAdminCustomer"),
)  # fmt: skip
_define(
    _T.GVP_IVR_PROFILE, "gvpIVRProfile", "GVP IVR profile",
    _TENANT, _NAME, _text("displayName"), _text("description"), _text("type"), _text("notes"),
    _refs("dnDBIDs", _T.DN), _ref("resellerDBID", _T.GVP_RESELLER),
    _ref("customerDBID", _T.GVP_CUSTOMER), _text("tfn"), _text("status"), _int("startServiceDate"),
    _int("endServiceDate"),
)  # fmt: skip
_define(
    _T.SCHEDULED_TASK, "scheduledTask", "Scheduled task",
    _TENANT, _NAME, _text("description"), _text("type"), _text("schedule"),
    _ref("scriptDBID", _T.SCRIPT),
)  # fmt: skip
_define(
    _T.ROLE, "role", "Role",
    _TENANT, _NAME, _text("description"), Field("members", Kind.IDENTITIES),
)  # fmt: skip
_define(
    _T.PERSON_LAST_LOGIN, "personLastLogin", "Last login",
    _ref("personDBID", _T.PERSON, required=True, fixed=True), _text("lastLoginDate"),
    key=("personDBID",),
)  # fmt: skip

FOLDER_TYPES: tuple[str, ...] = tuple(info.name for info in OBJECTS.values())
"""What a folder may hold: objects of one type; "folder" holds folders of any type."""


_CALLED_BY = {
    ObjectType.PERSON: "userName",
    ObjectType.DN: "number",
    ObjectType.AGENT_LOGIN: "loginCode",
    ObjectType.IVR_PORT: "portNumber",
}


def name_field(type_: ObjectType) -> str:
    """Return the field that people call objects of a type by; lists by name are ordered by it."""
    return _CALLED_BY.get(type_, "name")
