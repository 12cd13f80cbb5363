"""What the simulated environment consists of, and how it changes by chance.

The changes of objects, folders, grants and groups are those that the tests of the engine use;
here are servers, accounts and bulk transactions beside.
"""

from __future__ import annotations

from random import Random
from typing import Any

from confwire import delta
from confwire.messages import Record
from confwire.objects import OBJECTS, ObjectType
from tests.proxyapp.engine.bench import VERIFIER, T, gone, record
from tests.proxyapp.engine.world import (
    FOLDER,
    FOLDERS,
    GROUPS,
    PERSONS,
    SKILL,
    SKILLS,
    TENANTS,
    World,
)
from tests.simulation.sites import OPTION
from tests.simulation.vocabulary import APPLICATION, GROUP, PERSON, Key, document_of

SERVERS = {"confserv": 99, "confserv2": 98, "proxy1": 110, "proxy2": 111}
"""The DBIDs of the servers' Application objects, and of their hosts."""
PORT, SYNC_PORT = 2020, 2021
POOL, POOL_PORT = "pool", 2120
NOTES = range(3000, 3010)
DAEMON, DAEMON_NAME, DAEMON_ACCOUNT = 120, "agent", "ann"
"""DBIDs of the objects that notes are written into."""
BULK = range(2000, 2060)
"""DBIDs of what bulk transactions bring."""


class Estate(World):
    """The records of the database, and what changes them."""

    def __init__(
        self,
        random: Random,
        options: dict[str, int | str],
        *,
        paired: bool = False,
        backed: bool = False,
        pooled: bool = False,
        notes: int = 0,
        daemon: bool = False,
        limits: Random | None = None,
    ) -> None:
        """Make an environment.

        Args:
            options: of all servers.
            paired: whether the two proxies are a pair.
            backed: whether there is a backup master.
            pooled: whether the two proxies are a pool behind a balancer.
            notes: for how many clients there are objects to write notes into.
            daemon: whether there is a daemon.
            limits: by what chance the proxies have site limits; None: they have none.
        """
        self.random = random
        self._limits: Random | None = None
        self.records = {(r.type, r.dbid): r for r in _records(options, paired, backed, pooled)}
        if pooled:
            self.records |= {(r.type, r.dbid): r for r in _pool()}
        self._steady = [(SKILL, dbid) for dbid in NOTES[:notes]]
        """What no step changes."""
        self.records |= {key: _note(key[1]) for key in self._steady}
        if daemon:
            self._steady.append((APPLICATION, DAEMON))
            self.records[APPLICATION, DAEMON] = _daemon()
        self._structural = random.choice((0.01, 0.05, 0.5))
        """How many of the changes may concern rights and places."""
        for _ in range(6):
            self._put_folder()
        for _ in range(10):
            self._put_object()
        for _ in range(random.choice((0, 3, 10))):
            self.step()
        self._limits = limits
        if limits is not None and limits.random() < 0.8:
            self._limit(limits)

    def step(self) -> None:
        """Change one thing."""
        if self._limits is not None and self._limits.random() < 0.08:
            self._limit(self._limits)
            return
        steady = {key: self.records[key] for key in self._steady}
        if self.random.random() < self._structural:
            super().step()
            self.records |= steady
        elif self.random.random() < 0.8:
            self._put_object()
        else:
            self.records.pop((SKILL, self.random.choice(SKILLS)), None)

    def changes(self) -> list[Record]:
        """Take some steps; return what differs, in any order."""
        before = dict(self.records)
        for _ in range(self.random.choice((1, 1, 1, 2, 4))):
            self.step()
        return self._difference(before)

    def _limit(self, random: Random) -> None:
        """Give one proxy or all of them another site limit."""
        text = ",".join(self._limit_entry(random) for _ in range(random.choice((0, 1, 1, 2, 3))))
        names = [name for name, dbid in SERVERS.items() if dbid >= 110]
        for name in names if random.random() < 0.5 else [random.choice(names)]:
            old = self.records[APPLICATION, SERVERS[name]]
            known = document_of(old)["options"]["csproxy"]
            kept = {option: value for option, value in known.items() if option != OPTION}
            if text:
                kept[OPTION] = text if random.random() < 0.8 else text.upper()
            made = {**document_of(old), "options": {"csproxy": kept}}
            del made["DBID"], made["folderDBID"]
            self.records[APPLICATION, old.dbid] = record(
                "application", old.dbid, old.folder, old.acl, old.verifier, **made
            )

    def _limit_entry(self, random: Random) -> str:
        tenant, folder = random.choice(TENANTS), random.choice(FOLDERS)
        above = [self.records[FOLDER, dbid] for dbid in reversed(self.ancestors(folder))]
        names = [document_of(item)["name"] for item in above]
        owner = document_of(above[0])["owner"]["DBID"] if above else tenant
        path = "/".join([f"Tenant {owner}", *names])
        return random.choice((
            f"folder:{folder}", f"folder:{path}", f" Folder : {path} ", f"tenant:{tenant}",
            f"tenant:Tenant {tenant}", f"folder:Tenant {tenant}/F", "folder:999", "nonsense",
        ))  # fmt: skip

    def bulk(self) -> list[Record]:
        """Import many objects, change them all, or delete them all."""
        before = dict(self.records)
        folders = [dbid for kind, dbid in self.records if kind == FOLDER]
        folder = self.random.choice([0, *folders])
        deletes = (SKILL, BULK[0]) in self.records and self.random.random() < 0.4
        for dbid in BULK[: self.random.choice((15, 40, 60))]:
            if deletes:
                self.records.pop((SKILL, dbid), None)
            else:
                name, value = self.random.choice("ABab"), self.random.choice("123")
                document = {"tenantDBID": 1, "name": name, "userProperties": {"s": {"x": value}}}
                self._put(SKILL, dbid, folder, document)
        return self._difference(before)

    def bar(self) -> list[Record]:
        """Take the right to log in, or the account, from a person; or give it back."""
        before = dict(self.records)
        person = self.random.choice(list(PERSONS.values()))
        if self.random.random() < 0.5:
            default = self.records[APPLICATION, 100]
            grant = (PERSON, person, 9)
            acl = [item for item in default.acl or () if item != grant]
            if len(acl) == len(default.acl or ()):
                acl = sorted([*acl, grant])
            self.records[APPLICATION, 100] = Record(
                APPLICATION, 100, default.folder, default.body, acl or None, default.verifier
            )
        else:
            self._enable(
                person, document_of(self.records[PERSON, person]).get("state") != "enabled"
            )
        return self._difference(before)

    def pardon(self) -> list[Record]:
        """Let everybody log in again."""
        before = dict(self.records)
        default = self.records[APPLICATION, 100]
        acl = [(PERSON, person, 9) for person in PERSONS.values()]
        self.records[APPLICATION, 100] = Record(
            APPLICATION, 100, default.folder, default.body, acl, default.verifier
        )
        for person in PERSONS.values():
            self._enable(person, True)
        return self._difference(before)

    def _enable(self, person: int, enabled: bool) -> None:
        old = self.records[PERSON, person]
        document = {**document_of(old), "state": "enabled" if enabled else "disabled"}
        info = OBJECTS[ObjectType(PERSON)]
        made: Any = delta.canonical(info, document)
        made.pop("DBID"), made.pop("folderDBID")
        self.records[PERSON, person] = record(
            "person", person, old.folder, old.acl, old.verifier, **made
        )

    def _difference(self, before: dict[Key, Record]) -> list[Record]:
        after = self.records
        changed = [key for key, item in after.items() if before.get(key) is not item]
        changed = [key for key in changed if before.get(key) != after[key]]
        changed += [key for key in before if key not in after]
        self.random.shuffle(changed)
        return [after.get(key) or gone(OBJECTS[ObjectType(key[0])].name, key[1]) for key in changed]


def _server(name: str, dbid: int, options: dict[str, int | str], backup: int) -> Record:
    ports: list[dict[str, Any]] = [
        {"id": "default", "port": str(PORT)},
        {"id": "ha", "port": str(SYNC_PORT), "haSync": True},
    ]
    return record(
        "application",
        dbid,
        name=name,
        verifier=VERIFIER if dbid >= 110 else "",
        acl=[(PERSON, 100, 9)],
        type="configserver",
        accountDBID=100,
        state="enabled",
        redundancyType="warmstandby" if backup else "notSpecified",
        serverInfo={"hostDBID": dbid, "backupServerDBID": backup},
        portInfos=ports,
        appServers=[{"appServerDBID": 99, "connProtocol": "addp", "timeoutLocal": 3}],
        options={"csproxy": options},
    )


def _pool() -> list[Record]:
    """Return the object that stands for the balancer, and its host."""
    return [
        record("host", 140, name="balancer", lcaPort="0", state="enabled"),
        record("application", 140, name=POOL, type="configserver", accountDBID=100, state="enabled",
               serverInfo={"hostDBID": 140}, acl=[(PERSON, 100, 9)],
               portInfos=[{"id": "default", "port": str(POOL_PORT)}]),
    ]  # fmt: skip


def _daemon() -> Record:
    """Return an application that may have one session at a time."""
    person = PERSONS[DAEMON_ACCOUNT]
    return record("application", DAEMON, name=DAEMON_NAME, type="genericserver", verifier=VERIFIER,
                  accountDBID=person, acl=[(PERSON, person, 9)], state="enabled")  # fmt: skip


def _note(dbid: int) -> Record:
    """Return an object for notes, which some may see."""
    seen = [(GROUP, 203, 1)] if dbid % 2 else [(PERSON, PERSONS["ann"], 1)]
    return record("skill", dbid, name=f"note {dbid}", tenantDBID=1, state="enabled", acl=seen,
                  userProperties={"note": {"number": "0"}})  # fmt: skip


def _records(
    options: dict[str, int | str], paired: bool, backed: bool, pooled: bool
) -> list[Record]:
    logins = [(PERSON, dbid, 9) for dbid in PERSONS.values()]
    members = {**options, "proxy-cluster-name": POOL} if pooled else options
    backups = {"confserv": 98 if backed else 0, "proxy1": 111 if paired else 0}
    return [
        *(record("tenant", dbid, name=f"Tenant {dbid}", state="enabled",
                 acl=[(GROUP, 203, 1)] if dbid == 1 else None) for dbid in TENANTS),
        *(record("person", dbid, userName=name, tenantDBID=1, verifier=VERIFIER, state="enabled")
          for name, dbid in PERSONS.items()),
        record("person", 100, userName="default", tenantDBID=1, state="enabled"),
        *(record("host", dbid, name=name, state="enabled") for name, dbid in SERVERS.items()),
        *(_server(name, dbid, members if dbid >= 110 else options, backups.get(name, 0))
          for name, dbid in SERVERS.items()),
        record("application", 100, name="default", type="sce", acl=logins, state="enabled"),
        *(record("accessGroup", dbid, name=f"Group {dbid}", type=kind, tenantDBID=1)
          for dbid, kind in GROUPS.items()),
    ]  # fmt: skip


assert T["skill"] == SKILL
