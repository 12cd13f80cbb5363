"""Every request that a client can send, with fields at random; and what cannot disclose anything.

The tables name each message of the protocol that goes to a server once.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.proxyapp.engine.bench import BOB, EVE, FOLDER, INNER, OTHER, USERS

Fields = dict[str, Any]

NAMES = ("French", "Английский", "A", "b")
SKILLS = range(598, 720)
"""Of some the answer is known to everyone, some lie in a folder that is hidden."""
_FOLDERS = (FOLDER, INNER, OTHER, 998)
_CURSOR = {"epoch": "e1", "revision": 1}


def _named(random: Random) -> Fields:
    type_, dbid = random.choice(
        [("skill", random.choice(SKILLS))] * 4
        + [("folder", random.choice(_FOLDERS)), ("person", EVE), ("accessGroup", USERS)]
    )
    return {"objectType": type_, "DBID": dbid}


def _filter(random: Random) -> Fields:
    chosen: list[Fields] = [
        {}, {"name": random.choice(NAMES)}, {"dbid": random.choice(SKILLS)},
        {"folder_dbid": random.choice(_FOLDERS)}, {"state": "enabled"}, {"tenant_dbid": 1},
        {"userprop_section": "s"}, {"object_path": 1}, {"read_folder_dbid": 1},
    ]  # fmt: skip
    return random.choice(chosen)


def _read(random: Random) -> Fields:
    page: Fields = {"limit": random.randrange(4), "after": random.choice((0, *SKILLS))}
    if random.random() < 0.4:
        page |= {"order": "name", "limit": 3, "afterName": random.choice(NAMES)}
    kind = random.choice(("skill", "skill", "folder"))
    filter_ = _filter(random) if kind == "skill" else {}
    return {"objectType": kind, "filter": filter_, **page, "freshness": random.random() < 0.3}


def _subscription(random: Random) -> Fields:
    return random.choice((
        {}, {"types": ["skill"]}, {"types": ["skill"], "mode": "state"}, {"tenants": [1]},
        {"folders": [random.choice(_FOLDERS)]}, {"objects": [_named(random)]},
        {"types": ["skill"], "filter": {"name": random.choice(NAMES)}},
    ))  # fmt: skip


def _register(random: Random) -> Fields:
    way = random.choice(({}, {"snapshot": True}, {"since": _CURSOR}))
    return {"subscriptions": [_subscription(random) for _ in range(random.randrange(1, 3))], **way}


def _read_permissions(random: Random) -> Fields:
    return {**_named(random), "personDBID": random.choice((0, BOB, EVE, 999))}


def _register_permissions(random: Random) -> Fields:
    objects = [_named(random) for _ in range(random.randrange(4))]
    return {"objects": objects, "current": random.random() < 0.6}


def _place(random: Random) -> Fields:
    return random.choice((
        {}, {"folderDBID": random.choice(_FOLDERS)}, {"tenantDBID": 1},
        {"name": random.choice((*NAMES, "*"))}, {"DBID": random.choice(SKILLS)},
    ))  # fmt: skip


def _read_past(random: Random) -> Fields:
    page = {"limit": random.randrange(4), "after": random.choice((0, *SKILLS))}
    return {"objectType": "skill", "revision": random.randrange(1, 9), **_place(random), **page}


def _compare_past(random: Random) -> Fields:
    after = {"after": _named(random)} if random.random() < 0.4 else {}
    until = {"until": random.randrange(4, 9)} if random.random() < 0.4 else {}
    fields = {"objectType": "skill", **_place(random)} if random.random() < 0.6 else {}
    return {
        "revision": random.randrange(1, 5), **fields, **after, **until,
        "limit": random.randrange(4),
    }  # fmt: skip


def _history_log(random: Random) -> Fields:
    return random.choice(({}, {"since": _CURSOR}, {"since": {**_CURSOR, "revision": 3}}))


def _update(random: Random) -> Fields:
    annex = {"userProperties": {"s": {"o": "x"}}}
    return {**_named(random), "delta": random.choice((annex, {"name": random.choice(NAMES)}))}


def _create(random: Random) -> Fields:
    document = {"name": random.choice(NAMES), "tenantDBID": 1}
    return {"objectType": "skill", "object": document, "folderDBID": random.choice(_FOLDERS)}


def _update_permissions(random: Random) -> Fields:
    grant = {"subjectType": "person", "subjectDBID": BOB, "mask": 1}
    return {**_named(random), "permissions": [grant], "recursive": random.random() < 0.5}


ASKED: dict[str, Callable[[Random], Fields]] = {
    "readObjects": _read,
    "readBrief": _read,
    "readSecrets": _named,
    "registerNotification": _register,
    "unregisterNotification": lambda random: {"subscription": random.choice(("default", "no"))},
    "acknowledge": lambda random: {"revision": random.randrange(9)},
    "readPermissions": _read_permissions,
    "registerPermissions": _register_permissions,
    "historyLog": _history_log,
    "readPast": _read_past,
    "comparePast": _compare_past,
    "readServerInfo": lambda _: {},
    "createObject": _create,
    "updateObject": _update,
    "deleteObject": _named,
    "updatePermissions": _update_permissions,
    "disconnect": lambda _: {"session": "nobody"},
    "replicate": lambda _: {},
    "readPeer": lambda _: {},
    "relayWrite": lambda random: {
        "ticket": 1, "requestId": "r", "personDBID": EVE, "origin": "", **_update(random)
    },
    "siteProgress": lambda _: {"epoch": "e1", "revision": 1, "clients": 0},
    "accountStates": lambda _: {"states": []},
    "checkLogin": lambda _: {"user": "eve", "mechanism": "PLAIN", "data": ""},
    "historyEntries": lambda _: {"store": "s"},
    "askSessions": lambda _: {},
}  # fmt: skip
"""The fields of each request whose answers are looked at, some of them sent by who must not."""

OPENING = "begins a session: the random readers open and resume at every server"
_ENDS = "ends or moves sessions; tells counts of sessions, and nothing of objects"
_LINK = "taken from the server links of other servers alone; tells nothing of objects"
UNASKED: dict[str, str] = {
    "open": OPENING,
    "proof": OPENING,
    "shed": _ENDS,
    "drain": _ENDS,
    "switchOver": _ENDS,
    "changePassword": "is about the account of the session itself, and answered without objects",
    "daemonSession": _LINK,
    "relayPassword": _LINK,
    "pairRole": _LINK,
    "sessionsMirrored": _LINK,
    "handOver": _LINK,
}
"""What is not asked, each with its reason."""
