"""The types of configuration objects."""

from __future__ import annotations

from enum import IntEnum


class ObjectType(IntEnum):
    """Every type of configuration object (CfgObjectType); the number is the origin's."""

    SWITCH = 1
    DN = 2
    PERSON = 3
    PLACE = 4
    AGENT_GROUP = 5
    PLACE_GROUP = 6
    TENANT = 7
    SERVICE = 8
    APPLICATION = 9
    HOST = 10
    PHYSICAL_SWITCH = 11
    SCRIPT = 12
    SKILL = 13
    ACTION_CODE = 14
    AGENT_LOGIN = 15
    TRANSACTION = 16
    DN_GROUP = 17
    STAT_DAY = 18
    STAT_TABLE = 19
    APP_PROTOTYPE = 20
    ACCESS_GROUP = 21
    FOLDER = 22
    FIELD = 23
    FORMAT = 24
    TABLE_ACCESS = 25
    CALLING_LIST = 26
    CAMPAIGN = 27
    TREATMENT = 28
    FILTER = 29
    TIME_ZONE = 30
    VOICE_PROMPT = 31
    IVR_PORT = 32
    IVR = 33
    ALARM_CONDITION = 34
    ENUMERATOR = 35
    ENUMERATOR_VALUE = 36
    OBJECTIVE_TABLE = 37
    CAMPAIGN_GROUP = 38
    GVP_RESELLER = 39
    GVP_CUSTOMER = 40
    GVP_IVR_PROFILE = 41
    SCHEDULED_TASK = 42
    ROLE = 43
    PERSON_LAST_LOGIN = 44
