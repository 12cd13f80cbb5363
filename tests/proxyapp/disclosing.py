"""Readers that ask everything there is to ask, and what none of the answers may name.

Every object of the world bears a mark of its own in its document. A message discloses an object
when it holds the mark, or tells of the object by type and DBID; a reference to it, in the document
of another object or in a grant, is none. Who may read what is the oracle's to say, which walks the
records by itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from random import Random
from typing import Any

import msgspec

from confwire.messages import Cursor, Open, Record, Subscription
from tests.proxyapp.engine.bench import Bench, Client, T, gone, tree_of
from tests.proxyapp.engine.limited import PROXIES, Limits
from tests.proxyapp.engine.world import (
    AGENT_GROUP,
    FOLDER,
    FOLDERS,
    GROUP,
    GROUPS,
    GROUPS_OF_AGENTS,
    PERSON,
    PERSONS,
    SKILL,
    TENANT,
    TENANTS,
    Document,
    Key,
)

NAMES = {number: name for name, number in T.items()}
TYPES = (SKILL, AGENT_GROUP, FOLDER, TENANT, PERSON, GROUP, T["application"])
_MARK = re.compile(rb"mark-(\d+)-(\d+)-")
_MASKS = (0, 1, 1, 1, 33, 32, 5, 127, 1 | 128, 33 | 128, 128)


def mark(key: Key) -> str:
    """Return the text by which a document of an object is known wherever it turns up."""
    return f"mark-{key[0]}-{key[1]}-"


class MarkedWorld(Limits):
    """A random world whose objects bear their marks, and in which all rights are granted."""

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        for key, item in self.records.items():
            self._stamp(key, msgspec.json.decode(item.body), item)

    def _put(self, type_: int, dbid: int, folder: int, document: Document) -> None:
        super()._put(type_, dbid, folder, document)
        item = self.records[type_, dbid]
        self._stamp((type_, dbid), msgspec.json.decode(item.body), item)

    def _stamp(self, key: Key, document: Document, item: Record) -> None:
        sections = {**document.get("userProperties", {}), "m": {"mark": mark(key)}}
        if key[0] not in (PERSON, T["application"]) and not document["name"].startswith("mark"):
            document["name"] = mark(key) + document["name"]
        body = msgspec.json.encode({**document, "userProperties": sections})
        self.records[key] = Record(*key, item.folder, msgspec.Raw(body), item.acl, item.verifier)

    def _limit(self) -> None:
        super()._limit()
        for key in [(T["application"], dbid) for dbid in PROXIES.values()]:
            if key in self.records:
                self._stamp(key, msgspec.json.decode(self.records[key].body), self.records[key])

    def _grant(self) -> None:
        key = self.random.choice(sorted(k for k in self.records if k[0] in TYPES[:6]))
        subjects = [(PERSON, p) for p in PERSONS.values()] + [(GROUP, g) for g in GROUPS]
        chosen = self.random.sample(subjects, self.random.randrange(4))
        acl = [(*subject, self.random.choice(_MASKS)) for subject in chosen]
        old = self.records[key]
        self.records[key] = Record(*key, old.folder, old.body, acl or None, old.verifier)


class Truth:
    """What each reader may read at one server, at every revision."""

    def __init__(self, world: MarkedWorld, server: str) -> None:
        self.world = world
        self.server = server
        self.last: dict[Key, Record] = {}
        """Of each object that there ever was, the last record."""
        self._readable: list[dict[int, frozenset[Key]]] = [{}]
        """By revision, from 0, and by person."""
        self._records: list[dict[Key, Record]] = [{}]
        """By revision."""
        self.note()

    def note(self) -> None:
        """The world has changed."""
        world = self.world
        self.last.update(world.records)
        found = {
            person: frozenset(key for key in world.records if self._may(world, person, key))
            for person in PERSONS.values()
        }
        self._readable.append(found)
        self._records.append(dict(world.records))

    def readable(self, person: int) -> frozenset[Key]:
        """Return all that a person may read now."""
        return self._readable[-1][person]

    def was_readable(self, person: int, key: Key, since: int) -> bool:
        """Whether a person could read an object at some time since a revision."""
        return any(key in found.get(person, ()) for found in self._readable[since:])

    def would_be(self, person: int, key: Key) -> bool:
        """Whether a deleted object could be read, if it still was where it was last."""
        item = self.last.get(key)
        if item is None or key in self.world.records:
            return False
        return self._may_read(person, key, item)

    def could(self, person: int, key: Key, revision: int) -> bool:
        """Whether an object could be read at a revision, and by the rights of now still could be.

        So it may be told to who makes up for what it missed.
        """
        item = self._records[revision].get(key)
        return (
            item is not None
            and key in self._readable[revision].get(person, ())
            and self._may_read(person, key, item)
        )

    def _may_read(self, person: int, key: Key, item: Record) -> bool:
        """Whether an object could be read now if it was like this."""
        past = copy(self.world)
        past.records = {**self.world.records, key: item}
        return self._may(past, person, key)

    def _may(self, world: MarkedWorld, person: int, key: Key) -> bool:
        return world.may_read(person, key) and world.shows(self.server, key)


def named_in(message: Document) -> Iterator[Key]:
    """Yield the objects that a message tells of, by type and DBID."""
    kind = message.get("objectType", "")
    if message["message"] in ("objectsRead", "briefInfo"):
        for document in message["objects"]:
            yield T[kind], document["DBID"]
    for change in message.get("changes", ()):
        yield T[change["objectType"]], change["DBID"]
    for state in message["objects"] if message["message"] == "permissionsChanged" else ():
        if state.get("mask"):  # else it says that there is none
            yield T[state["objectType"]], state["DBID"]
    if message["message"] in ("permissionsRead", "secretsRead"):
        yield T[kind], message["DBID"]


class Reader:
    """A person that asks at random, by session after session, at one server after another."""

    def __init__(self, servers: list[tuple[Bench, Truth]], user: str, random: Random) -> None:
        self._servers = servers
        self.bench, self.truth = random.choice(servers)
        self.random = random
        self.user, self.person = user, PERSONS[user]
        self.kinds: set[str] = set()
        """Kinds of messages that came."""
        self._cursor: Cursor | None = None
        self._from = 1
        """The revision since which it may be told that an object left."""
        self._blocked = False
        self._token = ""
        self.client: Client = self._log_in()

    def _log_in(self) -> Client:
        client = self.bench.connect()
        client.open(self.user, token="")
        self._token = client.inbox[-1]["token"]
        return client

    # ------------------------------------------------------------ what it asks

    def act(self) -> None:
        """Ask one thing, or go away and come back."""
        acts = (*[self._read] * 4, self._watch, self._watch, self._permissions,
                self._permissions, self._history, self._secrets, self._server_info, self._write,
                self._dismiss, self._resume, self._forget, self._again, self._block,
                self._register_permissions)  # fmt: skip
        self.random.choice(acts)()

    def _some(self) -> Key:
        known = sorted(self.truth.last)
        return self.random.choice(known)

    def _read(self) -> None:
        random = self.random
        key = self._some()
        item = self.truth.last[key]
        name = msgspec.json.decode(item.body).get("name", "")
        filter_: Document = random.choice((
            {}, {}, {"dbid": key[1]}, {"name": name}, {"state": "enabled"},
            {"folder_dbid": random.choice(FOLDERS)}, {"tenant_dbid": random.choice(TENANTS)},
            {"group_dbid": random.choice(GROUPS_OF_AGENTS)}, {"object_path": 1},
            {"read_folder_dbid": 1},
        ))  # fmt: skip
        kind = NAMES[random.choice((key[0], *TYPES))]
        page: Document = {}
        if random.random() < 0.4:
            page = {"limit": random.randrange(1, 4), "after": random.choice((0, key[1]))}
            if random.random() < 0.5:
                page |= {"order": "name", "afterName": random.choice(("", name))}
        fresh = random.choice((
            {}, {}, {"freshness": True}, {"freshness": {"minRevision": 1, "wait": 0}}
        ))  # fmt: skip
        request = random.choice(("readObjects", "readBrief"))
        self.client.post(request, objectType=kind, filter=filter_, **page, **fresh)

    def _watch(self) -> None:
        specs = self.truth.world.some_specs()
        snapshot = self.random.random() < 0.5
        more: Document = {}
        if not snapshot and self.random.random() < 0.5 and self._cursor:
            more = {"since": msgspec.to_builtins(self._cursor)}
        self.client.post("registerNotification", subscriptions=specs, snapshot=snapshot, **more)

    def _permissions(self) -> None:
        key = self._some()
        person = self.random.choice((0, self.person, *PERSONS.values()))
        self.client.post("readPermissions", objectType=NAMES[key[0]], DBID=key[1],
                         personDBID=person)  # fmt: skip

    def _register_permissions(self) -> None:
        readable = sorted(self.truth.readable(self.person))
        chosen = self.random.sample(readable, min(3, len(readable)))
        objects = [{"objectType": NAMES[key[0]], "DBID": key[1]} for key in chosen]
        objects += [{"objectType": "skill", "DBID": 601}] if self.random.random() < 0.2 else []
        self.client.post("registerPermissions", objects=objects)

    def _history(self) -> None:
        cursor = {"epoch": self.bench.node.status(self.bench.now)["epoch"],
                  "revision": self.random.randrange(1, 3)}  # fmt: skip
        self.client.post("historyLog", **self.random.choice(({}, {"since": cursor})))
        self.client.post("comparePast", revision=2)
        self.client.post("readPast", objectType=NAMES[self._some()[0]], revision=2)

    def _secrets(self) -> None:
        key = self._some()
        self.client.post("readSecrets", objectType=NAMES[key[0]], DBID=key[1])

    def _server_info(self) -> None:
        self.client.post("readServerInfo")

    def _write(self) -> None:
        key = self._some()
        self.client.post("deleteObject", objectType=NAMES[key[0]], DBID=key[1])

    def _dismiss(self) -> None:
        self.client.post("disconnect", sessions=["nobody"])

    def _forget(self) -> None:
        self.client.post("unregisterNotification", subscription=self.random.choice(("s0", "s1")))

    def _resume(self) -> None:
        self._leave()
        self.bench, self.truth = self.random.choice(self._servers)
        self.client = self.bench.connect()
        subscriptions = msgspec.convert(self.truth.world.some_specs(), list[Subscription])
        self.client.send(
            Open(
                application="default",
                user=self.user,
                token=self._token,
                data="n" * 24,
                since=self._cursor,
                subscriptions=subscriptions,
            )
        )

    def _block(self) -> None:
        if not self._blocked:
            self._blocked = True
            self.client.block()

    def _leave(self) -> None:
        self._blocked = False
        if self.client.closed is None:
            self.client.leave()

    def _again(self) -> None:
        self._leave()
        self.bench, self.truth = self.random.choice(self._servers)
        self.client = self._log_in()

    # ------------------------------------------------------------ what it got

    def take(self) -> None:
        """Check all that came since the last time."""
        if self._blocked and self.random.random() < 0.4:
            self._blocked = False
            self.client.drain()
        raw, self.client.raw = self.client.raw, []
        self.client.inbox.clear()
        for data in raw:
            self._check(data)
        epoch, revision, _ = tree_of(self.bench)
        if self.random.random() < 0.3:
            self._cursor = Cursor(epoch=epoch, revision=revision)
        if not self._blocked:
            self._from = min(revision, self._cursor.revision if self._cursor else revision)

    def _check(self, data: bytes) -> None:
        message: dict[str, Any] = msgspec.json.decode(data)
        kind = message["message"]
        self.kinds.add(_kind_of(message))
        if kind in ("opened", "tokenRenewed"):
            self._token = message.get("token") or self._token
        truth, person = self.truth, self.person
        marked = {(int(a), int(b)) for a, b in _MARK.findall(data)}
        for key in marked | set(named_in(message)):
            may = key in truth.readable(person)
            if kind in ("historyLogRead", "pastRead", "pastCompared"):
                may = may or truth.would_be(person, key)
            elif kind == "objectsChanged" and key in marked:
                may = may or truth.could(person, key, message["revision"])
            elif kind == "objectsChanged":
                may = may or truth.was_readable(person, key, self._from)
            assert may, (self.user, NAMES[key[0]], key[1], message)


def _kind_of(message: Document) -> str:
    if message["message"] == "error":
        return f"error {message['code']}"
    restored = " again" if message.get("restored") else ""
    return str(message["message"]) + restored


def transaction(world: MarkedWorld) -> list[Record]:
    """Change the world; return what differs then."""
    before = dict(world.records)
    for _ in range(world.random.choice((1, 1, 1, 2, 3, 5))):
        world.step()
    keys = [k for k in before | world.records if before.get(k) != world.records.get(k)]
    world.random.shuffle(keys)
    return [world.records.get(k) or gone(NAMES[k[0]], k[1]) for k in keys]
