"""A random environment, and what each reader must see of it, worked out in the plainest way.

The oracle shares nothing with the engine: it walks the records of the database as they stand.
"""

from __future__ import annotations

from copy import copy
from random import Random
from typing import Any

import msgspec

from confwire import delta
from confwire.messages import Record
from confwire.objects import BY_NAME, OBJECTS, ObjectType
from proxyapp.engine.data.journal import GONE
from tests.proxyapp.engine.bench import VERIFIER, Bench, Client, T, gone, record

Key = tuple[int, int]
Document = dict[str, Any]

PERSONS = {"ann": 101, "bob": 102, "cid": 103}
GROUPS = {201: "users", 202: "users", 203: "everyone"}
TENANTS = (1, 2)
FOLDERS = range(501, 507)
SKILLS = range(601, 609)
GROUPS_OF_AGENTS = range(701, 703)
SKILL, FOLDER, TENANT = T["skill"], T["folder"], T["tenant"]
AGENT_GROUP, PERSON, GROUP = T["agentGroup"], T["person"], T["accessGroup"]
MASKS = (0, 1, 1, 1, 127, 1 | 128, 128)


def _empty_world() -> list[Record]:
    logins = [(PERSON, dbid, 9) for dbid in PERSONS.values()]
    return [
        *(record("tenant", dbid, name=f"Tenant {dbid}") for dbid in TENANTS),
        *(
            record("person", dbid, userName=name, tenantDBID=1, verifier=VERIFIER)
            for name, dbid in PERSONS.items()
        ),
        record("application", 99, name="confserv", type="configserver"),
        record("application", 100, name="default", type="sce", acl=logins),
        record("application", 110, name="proxy1", type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(PERSON, 100, 9)]),
        record("person", 100, userName="default", tenantDBID=1),
        *(
            record("accessGroup", dbid, name=f"Group {dbid}", type=kind, tenantDBID=1)
            for dbid, kind in GROUPS.items()
        ),
    ]  # fmt: skip


class World:
    """The records of a database that changes at random."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.records: dict[Key, Record] = {(r.type, r.dbid): r for r in _empty_world()}
        for _ in range(25):
            self.step()

    def transaction(self) -> list[Record]:
        """Take some steps; return what differs then, in any order."""
        before = dict(self.records)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 5))):
            self.step()
        keys = [key for key in before | self.records if before.get(key) != self.records.get(key)]
        self.random.shuffle(keys)
        return [self.records.get(key) or _gone(key) for key in keys]

    def step(self) -> None:
        """Change one thing."""
        choice = self.random.random()
        if choice < 0.4:
            self._put_object()
        elif choice < 0.5:
            self._delete()
        elif choice < 0.65:
            self._put_folder()
        elif choice < 0.85:
            self._grant()
        else:
            self._change_group()

    def _put(self, type_: int, dbid: int, folder: int, document: Document) -> None:
        old = self.records.get((type_, dbid))
        acl = old.acl if old is not None else None
        info = OBJECTS[ObjectType(type_)]
        made = delta.canonical(info, {"DBID": dbid, **document, "folderDBID": folder})
        made.pop("DBID"), made.pop("folderDBID")
        self.records[type_, dbid] = record(info.name, dbid, folder, acl, **made)

    def _put_object(self) -> None:
        random = self.random
        type_, dbids = random.choice(((SKILL, SKILLS), (AGENT_GROUP, GROUPS_OF_AGENTS)))
        document: Document = {"tenantDBID": random.choice(TENANTS), "name": random.choice("ABab")}
        document["state"] = random.choice(("enabled", "enabled", "disabled"))
        document["userProperties"] = {"s": {random.choice("xyz"): random.choice("123")}}
        if type_ == AGENT_GROUP:
            document["agentDBIDs"] = random.sample(list(PERSONS.values()), random.randrange(3))
        folders = [dbid for kind, dbid in self.records if kind == FOLDER]
        self._put(type_, random.choice(dbids), random.choice([0, *folders]), document)

    def _put_folder(self) -> None:
        dbid = self.random.choice(FOLDERS)
        parents = [f for f in (0, *FOLDERS) if f == 0 or (FOLDER, f) in self.records]
        parent = self.random.choice(parents)
        if dbid in self.ancestors(parent):
            return
        owner = {"objectType": "tenant", "DBID": self.random.choice(TENANTS)}
        old = self.records.get((FOLDER, dbid))
        if old is not None:
            owner = msgspec.json.decode(old.body)["owner"]
        name = self.random.choice("FGH")
        self._put(FOLDER, dbid, parent, {"name": name, "type": "skill", "owner": owner})

    def _delete(self) -> None:
        kinds = (SKILL, AGENT_GROUP, FOLDER)
        key = self.random.choice([k for k in sorted(self.records) if k[0] in kinds] or [(0, 0)])
        inside = [k for k in self.records if k[0] == FOLDER and key[1] in self.ancestors(k[1])]
        if key[0] == FOLDER:  # and everything that lies in it
            doomed = {dbid for _, dbid in inside}
            for other in [k for k, r in self.records.items() if r.folder in doomed]:
                del self.records[other]
        self.records.pop(key, None)

    def _grant(self) -> None:
        kinds = (FOLDER, FOLDER, FOLDER, SKILL, TENANT, AGENT_GROUP)
        kind = self.random.choice(kinds)
        keys = [key for key in sorted(self.records) if key[0] == kind]
        if not keys:
            return
        key = self.random.choice(keys)
        subjects = [(PERSON, p) for p in PERSONS.values()] + [(GROUP, g) for g in GROUPS]
        chosen = self.random.sample(subjects, self.random.randrange(3))
        acl = [(*subject, self.random.choice(MASKS)) for subject in chosen]
        old = self.records[key]
        self.records[key] = Record(*key, old.folder, old.body, acl or None, old.verifier)

    def _change_group(self) -> None:
        dbid = self.random.choice(list(GROUPS))
        people = [{"objectType": "person", "DBID": p} for p in PERSONS.values()]
        groups = [{"objectType": "accessGroup", "DBID": g} for g in GROUPS if g != dbid]
        members = self.random.sample([*people, *groups], self.random.randrange(4))
        state = self.random.choice(("enabled", "enabled", "enabled", "disabled"))
        document = {"name": f"Group {dbid}", "type": GROUPS[dbid], "tenantDBID": 1, "state": state}
        self._put(GROUP, dbid, 0, {**document, "members": members})

    def past(self, records: dict[Key, Record]) -> World:
        """Return a world in which these are the records."""
        made = copy(self)
        made.records = dict(records)
        return made

    # ------------------------------------------------------------ the oracle

    def ancestors(self, folder: int) -> list[int]:
        found = []
        while (FOLDER, folder) in self.records and folder not in found:
            found.append(folder)
            folder = self.records[FOLDER, folder].folder
        return found

    def subjects(self, person: int) -> set[Key]:
        groups = {g: msgspec.json.decode(self.records[GROUP, g].body) for g in GROUPS}
        found = {(PERSON, person)} | {
            (GROUP, g) for g, doc in groups.items() if doc["type"] == "everyone"
            and doc.get("state") != "disabled"
        }  # fmt: skip
        for _ in groups:
            for g, doc in groups.items():
                members = {(T[m["objectType"]], m["DBID"]) for m in doc.get("members", ())}
                if members & found:
                    found.add((GROUP, g))
        return {
            s for s in found if s[0] == PERSON or groups[s[1]].get("state") != "disabled"
        }  # fmt: skip

    def places(self, key: Key) -> list[Key]:
        """Return the object and what it lies in, upwards."""
        found = [key]
        item = self.records[key]
        while item.folder and (FOLDER, item.folder) in self.records:
            item = self.records[FOLDER, item.folder]
            found.append((FOLDER, item.dbid))
        if item.type == FOLDER:
            owner = msgspec.json.decode(item.body)["owner"]
            found.append((T[owner["objectType"]], owner["DBID"]))
        return found

    def may_read(self, person: int, key: Key) -> bool:
        subjects = self.subjects(person)
        nearest: dict[Key, int] = {}
        for place in self.places(key):
            for kind, dbid, mask in self.records[place].acl or ():
                if (kind, dbid) in subjects and (place == key or not mask & 128):
                    nearest.setdefault((kind, dbid), mask)
        return any(mask & 1 for mask in nearest.values())

    def view(self, person: int, specs: list[Document]) -> dict[Key, Document]:
        """Return what a person with these subscriptions sees."""
        return {
            key: msgspec.json.decode(item.body)
            for key, item in self.records.items()
            if any(self._matches(item, spec) for spec in specs) and self.may_read(person, key)
        }

    def _matches(self, item: Record, spec: Document) -> bool:
        document = msgspec.json.decode(item.body)
        tenant = document.get("tenantDBID", 0)
        if item.type == TENANT:
            tenant = item.dbid
        elif item.type == FOLDER:
            tenant = document["owner"]["DBID"]
        inside = self.ancestors(item.dbid if item.type == FOLDER else item.folder)
        objects = [(T[o["objectType"]], o["DBID"]) for o in spec.get("objects", ())]
        name = spec.get("filter", {}).get("name")
        state = spec.get("filter", {}).get("state")
        return (
            ("types" not in spec or item.type in [T[name] for name in spec["types"]])
            and ("tenants" not in spec or tenant in spec["tenants"])
            and ("folders" not in spec or bool(set(inside) & set(spec["folders"])))
            and (not objects or (item.type, item.dbid) in objects)
            and (name is None or document.get("name", "").casefold() == name.casefold())
            and (state is None or document.get("state", "enabled") == state)
        )

    def some_specs(self) -> list[Document]:
        """Return the subscriptions of one session."""
        return [
            {**self._some_spec(), "name": f"s{index}"}
            for index in range(self.random.choice((1, 1, 2)))
        ]

    def _some_spec(self) -> Document:
        random = self.random
        choices: list[Document] = [
            {},
            {"types": ["skill"]},
            {"types": ["skill", "folder"], "folders": [random.choice(FOLDERS)]},
            {"folders": random.sample(list(FOLDERS), 2)},
            {"tenants": [random.choice(TENANTS)]},
            {"types": ["agentGroup", "accessGroup"]},
            {"objects": [{"objectType": "skill", "DBID": d} for d in random.sample(SKILLS, 3)]},
            {"objects": [{"objectType": "folder", "DBID": d} for d in random.sample(FOLDERS, 2)]},
            {"types": ["skill"], "filter": {"name": random.choice("AB")}},
            {"types": ["skill"], "filter": {"state": "enabled"}, "tenants": [1]},
        ]
        return {**random.choice(choices), "mode": random.choice(("log", "log", "state"))}


class Copy:
    """What a client knows of its subscriptions from a snapshot and the notifications after it."""

    def __init__(self, bench: Bench, user: str, specs: list[Document]) -> None:
        self.person = PERSONS[user]
        self.specs = specs
        self.client: Client = bench.login(user)
        self.objects: dict[Key, Document] = {}
        self.epoch, self.revision = "", 0
        self.lost = False
        self.blocked = False
        self.subscribe()

    def subscribe(self) -> None:
        self.objects, self.lost = {}, False
        self.client.inbox.clear()
        self.client.post("registerNotification", subscriptions=self.specs, snapshot=True)
        self.take()

    def take(self) -> None:
        """Take in all that came."""
        messages, self.client.inbox = self.client.inbox, []
        changed: set[Key] = set()
        for message in messages:
            if message["message"] == "objectsRead":
                for document in message["objects"]:
                    self.objects[T[message["objectType"]], document["DBID"]] = document
            elif message["message"] == "notificationRegistered":
                self.epoch, self.revision = message["epoch"], message["revision"]
            elif message["message"] == "notificationsLost":
                self.lost = True
            elif message["message"] == "objectsChanged":
                self._take_changes(message, changed)
            else:
                assert message["message"] in ("objectsSent", "progress"), message

    def _take_changes(self, message: Document, changed: set[Key]) -> None:
        if message["epoch"] != self.epoch:
            self.epoch, self.revision = message["epoch"], 0
        assert message["revision"] >= self.revision + (not changed), "revisions go up"
        if message["revision"] > self.revision:
            changed.clear()
        self.revision = message["revision"]
        for change in message["changes"]:
            key = (T[change["objectType"]], change["DBID"])
            assert key not in changed, "one notification per object and transaction"
            changed.add(key)
            self._apply(key, change)

    def _apply(self, key: Key, change: Document) -> None:
        if change["change"] in ("created", "entered"):
            assert key not in self.objects, change
            self.objects[key] = change["object"]
        elif change["change"] in ("deleted", "left"):
            assert change.keys() == {"change", "objectType", "DBID"}
            del self.objects[key]
        elif "object" in change:
            assert key in self.objects, change
            self.objects[key] = change["object"]
        else:
            info, old = BY_NAME[change["objectType"]], self.objects[key]
            assert change["former"] == delta.former(info, old, change["delta"])
            self.objects[key] = delta.apply(info, old, change["delta"])


def _gone(key: Key) -> Record:
    item = gone(OBJECTS[ObjectType(key[0])].name, key[1])
    assert item.body == GONE
    return item
