"""A small environment in memory, and clients that talk to a node without any socket."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest

from confwire import codec
from confwire.handshake import ClientHandshake, derive, make_verifier, parse_challenge
from confwire.messages import Open, Proof, Record, Transaction
from confwire.objects import BY_NAME
from proxyapp.engine import commands, events
from proxyapp.engine.journal import GONE, chain_hash, record_digest, tree_after, tree_text
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings

PASSWORD = "пароль-7"
VERIFIER = make_verifier(PASSWORD, b"0123456789abcdef", 4096)
SALTED = derive(PASSWORD, b"0123456789abcdef", 4096)
T = {name: int(info.type) for name, info in BY_NAME.items()}


def record(
    type_name: str, dbid: int, folder: int = 0, acl: Any = None, verifier: str = "", **document: Any
) -> Record:
    body = json.dumps({"DBID": dbid, **document, "folderDBID": folder}).encode()
    return Record(T[type_name], dbid, folder, msgspec.Raw(body), acl, verifier)


def gone(type_name: str, dbid: int) -> Record:
    return Record(T[type_name], dbid, 0, GONE)


class Database:
    """The truth that an authority tells: records, revisions and their hashes."""

    def __init__(self, records: list[Record], epoch: str = "e1") -> None:
        self.epoch = epoch
        self.records = {(r.type, r.dbid): r for r in records}
        self.revision = 1
        self.tree = sum(record_digest(r) for r in records) % (1 << 128)
        self.hash = chain_hash("", 1, self.tree)

    def load_events(self, reason: str = "first") -> list[events.Event]:
        batch = list(self.records.values())
        return [
            events.LoadStarted(self.epoch, self.revision, len(batch), reason),
            events.RecordsLoaded(batch),
            events.LoadEnded(self.revision, self.tree, self.hash),
        ]

    def commit(self, *records: Record) -> events.Committed:
        self.revision += 1
        for item in records:
            old = self.records.pop((item.type, item.dbid), None)
            self.tree = tree_after(self.tree, record_digest(old) if old else 0, record_digest(item))
            if item.body != GONE:
                self.records[item.type, item.dbid] = item
        self.hash = chain_hash(self.hash, self.revision, self.tree)
        return events.Committed(
            Transaction(
                epoch=self.epoch,
                revision=self.revision,
                at=1.0,
                by="tester",
                records=list(records),
                tree=tree_text(self.tree),
                hash=self.hash,
            )
        )


class Bench:
    """A node, its database, and everything that it has asked for."""

    def __init__(self, node: Node, database: Database) -> None:
        self.node = node
        self.database = database
        self.now = 100.0
        self.commands: list[commands.Command] = []
        self.clients: dict[int, Client] = {}
        self.hold_again = False

    def load(self, reason: str = "first") -> None:
        for event in self.database.load_events(reason):
            self.handle(event)

    def handle(self, event: events.Event) -> None:
        self.carry_out(self.node.handle(event, self.now))

    def carry_out(self, given: list[commands.Command]) -> None:
        for command in given:
            self.commands.append(command)
            if isinstance(command, commands.Send):
                self.clients[command.connection].take(command.messages)
            elif isinstance(command, commands.Broadcast):
                for connection in command.connections:
                    self.clients[connection].take(command.messages)
            elif isinstance(command, commands.Close):
                self.clients[command.connection].closed = (command.code, command.reason)
                self.handle(events.Disconnected(command.connection, "closed here"))
            elif isinstance(command, commands.Again) and not self.hold_again:
                self.handle(events.Resumed(command.task))

    def commit(self, *records: Record) -> None:
        self.handle(self.database.commit(*records))

    def connect(self, secure: bool = True) -> Client:
        number = len(self.clients) + 1
        client = self.clients[number] = Client(self, number)
        nonce = base64.b64encode(b"server-nonce-%06d" % number).decode()
        self.handle(events.Connected(number, f"10.0.0.1:{number}", "default", secure, nonce))
        return client

    def login(self, user: str = "bob", **opening: Any) -> Client:
        client = self.connect()
        client.open(user, **opening)
        assert client.inbox[-1]["message"] == "opened", client.inbox
        client.inbox.clear()
        return client

    def of(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]


class Client:
    def __init__(self, bench: Bench, connection: int) -> None:
        self.bench = bench
        self.connection = connection
        self.inbox: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.closed: tuple[int, str] | None = None
        self.ref = 0

    def take(self, messages: Any) -> None:
        assert self.closed is None, "a message after the close"
        self.raw += messages
        self.inbox += [json.loads(message) for message in messages]

    def send(self, *messages: Any) -> None:
        data = [m if isinstance(m, bytes) else codec.encode(m) for m in messages]
        self.bench.handle(events.Received(self.connection, data))

    def open(
        self,
        user: str = "bob",
        application: str = "default",
        salted: bytes = SALTED,
        **opening: Any,
    ) -> None:
        handshake = ClientHandshake(user or application, "client-nonce-0123456789ab")
        self.send(
            Open(application=application, user=user, data=handshake.first(), release="1.0.0", **opening)
        )
        if self.inbox and self.inbox[-1]["message"] == "challenge":
            data = self.inbox[-1]["data"]
            parse_challenge(data)
            self.send(Proof(handshake.final(data, salted)))

    def ask(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a request; return the messages that came."""
        self.ref += 1
        self.inbox.clear()
        self.send(json.dumps({"message": message, "ref": self.ref, **fields}).encode())
        return list(self.inbox)

    def read(self, object_type: str, **filter_: Any) -> list[int]:
        """Return the DBIDs that a read gives."""
        answers = self.ask("readObjects", objectType=object_type, filter=filter_)
        assert all(a["message"] != "error" for a in answers), answers
        return [o["DBID"] for a in answers for o in a.get("objects", ())]

    def watch(self, **subscription: Any) -> list[dict[str, Any]]:
        snapshot = subscription.pop("snapshot", False)
        extra = {"since": subscription.pop("since")} if "since" in subscription else {}
        return self.ask(
            "registerNotification", subscriptions=[subscription], snapshot=snapshot, **extra
        )

    def changes(self) -> list[tuple[str, str, int]]:
        """Return and forget the changes that were pushed, as (change, type, DBID)."""
        found = [
            (c["change"], c["objectType"], c["DBID"])
            for m in self.inbox
            if m["message"] == "objectsChanged"
            for c in m["changes"]
        ]
        self.inbox.clear()
        return found


USERS = 201
FOLDER, INNER, OTHER = 501, 502, 503
BOB, EVE = 101, 102


def environment() -> list[Record]:
    """Environment with three folders of skills, two persons, and a daemon."""
    owner = {"objectType": "tenant", "DBID": 1}
    return [
        record("tenant", 1, name="Environment"),
        record("folder", 500, name="Applications", type="application", owner=owner),
        record("folder", FOLDER, name="Skills", type="skill", owner=owner, acl=[(21, USERS, 1)]),
        record("folder", INNER, FOLDER, name="Inner", type="skill", owner=owner),
        record("folder", OTHER, name="Hidden", type="skill", owner=owner),
        record("accessGroup", USERS, 0, name="Users", type="users", tenantDBID=1,
               members=[{"objectType": "person", "DBID": BOB}]),
        record("person", BOB, 0, userName="bob", tenantDBID=1, verifier=VERIFIER),
        record("person", EVE, 0, userName="eve", tenantDBID=1, verifier=VERIFIER),
        record("person", 100, 0, userName="default", tenantDBID=1, verifier=VERIFIER),
        record("application", 99, 500, name="confserv", type="configserver", accountDBID=100,
               portInfos=[{"id": "default", "port": "2020"}]),
        record("application", 100, 500, name="default", type="sce",
               acl=[(21, USERS, 9), (3, EVE, 9)]),
        record("application", 110, 500, name="proxy1", type="configserver", accountDBID=100,
               verifier=VERIFIER, acl=[(3, 100, 9)],
               portInfos=[{"id": "default", "port": "2030"}]),
        record("skill", 601, FOLDER, name="Английский", tenantDBID=1),
        record("skill", 602, INNER, name="French", tenantDBID=1),
        record("skill", 603, OTHER, name="Secret", tenantDBID=1),
    ]  # fmt: skip


def settings(application: str = "confserv", **more: Any) -> NodeSettings:
    return NodeSettings(
        application=application,
        release="1.0.0",
        fake_salt_key=b"k" * 32,
        scram_iterations=4096,
        **more,
    )


@pytest.fixture
def bench() -> Bench:
    """A loaded master."""
    made = Bench(Node.for_master(settings()), Database(environment()))
    made.load()
    return made
