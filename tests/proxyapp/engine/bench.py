"""A small environment in memory, and clients and links that talk to a node without sockets.

What a runtime would do at once happens at once, unless a test holds it back.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from confwire import codec
from confwire.handshake import ClientHandshake, derive, make_verifier, parse_challenge
from confwire.messages import HistoryEntry, Open, Proof, Record, Transaction
from confwire.objects import BY_NAME
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import GONE, chain_hash, record_digest, tree_after, tree_text
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings

PASSWORD = "пароль-7"
VERIFIER = make_verifier(PASSWORD, b"0123456789abcdef", 4096)
SALTED = derive(PASSWORD, b"0123456789abcdef", 4096)
T = {name: int(info.type) for name, info in BY_NAME.items()}

STEADY = hypothesis_settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
"""The same examples at every run."""


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
        self.first = 1
        """The revision before the oldest transaction that the journal table holds."""
        self.transactions: list[Transaction] = []
        self.writable = True
        """Else a new epoch cannot begin."""

    def hash_at(self, revision: int) -> str | None:
        return next((t.hash for t in self.transactions if t.revision == revision), None)

    def new_epoch(self) -> None:
        self.epoch += "x"

    def restored(self, records: list[Record], revision: int) -> None:
        """Become what a backup holds, at an older revision and under the same epoch."""
        self.records = {(r.type, r.dbid): r for r in records}
        self.revision = self.first = revision
        self.transactions = []
        self.tree = sum(record_digest(r) for r in records) % (1 << 128)
        self.hash = chain_hash("restored", revision, self.tree)

    def read(self, command: commands.ReadTransactions) -> events.TransactionsRead:
        found = self.hash_at(command.revision)
        foreign = bool(command.hash) and found not in (None, command.hash)
        known = found == command.hash if command.hash else command.revision >= self.first
        later = [t for t in self.transactions if known and t.revision > command.revision]
        return events.TransactionsRead(command.connection, known, later, foreign)

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
        transaction = Transaction(
            epoch=self.epoch,
            revision=self.revision,
            at=1.0,
            by="tester",
            records=list(records),
            tree=tree_text(self.tree),
            hash=self.hash,
        )
        self.transactions.append(transaction)
        return events.Committed(transaction)


class Log:
    """The history log of a server: what is on its disk, and what of others it has taken."""

    def __init__(self, store: str) -> None:
        self.store = store
        self.entries: list[HistoryEntry] = []
        self.former: dict[str, list[HistoryEntry]] = {}
        """What was kept at earlier starts, by the name of the store then."""
        self.last = 0
        """The last number that was given, under whichever name."""
        self.taken: dict[str, list[HistoryEntry]] = {}
        self.changes: list[events.PastChange] | None = []
        """The history of changes; None: it cannot be read."""
        self.found: list[events.PastObject] | None = []
        self.pairs: list[events.PastPair] | None = []
        """Objects as they were, for whoever asks; None: they cannot be read."""

    def keep(self, entries: Sequence[HistoryEntry]) -> events.EntriesKept:
        for entry in entries:
            self.last += 1
            self.entries.append(msgspec.structs.replace(entry, number=self.last))
        return events.EntriesKept(self.store, self.last, list(self.former))

    def open(self, store: str) -> None:
        """Begin anew under another name, as a proxy does at each start."""
        if self.entries:
            self.former[self.store] = self.entries
        self.store, self.entries = store, []

    def image(self) -> tuple[str, int, dict[str, list[HistoryEntry]]]:
        """Return a copy of the file; entries themselves are never changed."""
        return self.store, self.last, {**self.former, self.store: list(self.entries)}

    def restore(self, image: tuple[str, int, dict[str, list[HistoryEntry]]]) -> None:
        """Put an old copy in its place."""
        self.store, self.last, stores = image
        self.former = {name: list(entries) for name, entries in stores.items()}
        self.entries = self.former.pop(self.store)

    def read(self, command: commands.ReadEntries) -> events.EntriesRead:
        entries = self.former.get(command.store, self.entries)
        found = [entry for entry in entries if entry.number > command.number]
        return events.EntriesRead(command.store, command.number, found[:2])

    def take(self, command: commands.TakeEntries) -> events.EntriesTaken:
        taken = self.taken.setdefault(command.store, [])
        known = taken[-1].number if taken else 0
        taken += [entry for entry in command.entries if entry.number > known]
        last = taken[-1].number if taken else 0
        return events.EntriesTaken(command.connection, command.store, last)

    def session(self, command: commands.ReadSession) -> events.SessionRead:
        found = [entry for entry in self.entries if entry.session == command.session]
        return events.SessionRead(command.connection, found[::-1][: command.limit])

    def past(self, command: commands.ReadHistory) -> events.HistoryRead:
        if self.changes is None:
            return events.HistoryRead(command.connection, None)
        start = (command.revision or 0, 10**9) if command.place == (0, 0) else command.place
        found = [change for change in self.changes if (change.revision, change.seq) > start]
        return events.HistoryRead(command.connection, found[:2], False, len(found) <= 2)

    def find(self, command: commands.FindPast) -> events.PastFound:
        if self.found is None:
            return events.PastFound(command.connection, None)
        ahead = [item for item in self.found if item.dbid > command.after]
        following = ahead[1].dbid if len(ahead) > 2 else 0
        return events.PastFound(command.connection, ahead[:2], command.revision or 0, following)

    def compare(self, command: commands.FindDifferences) -> events.DifferencesFound:
        if self.pairs is None:
            return events.DifferencesFound(command.connection, None)
        ahead = [item for item in self.pairs if (item.type, item.dbid) > command.after]
        following = (ahead[1].type, ahead[1].dbid) if len(ahead) > 2 else None
        return events.DifferencesFound(
            command.connection, ahead[:2], command.revision or 0, following=following
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
        """Put-off tasks wait for `turn`."""
        self.tasks: deque[Any] = deque()
        self.hold_table = False
        """The journal table answers no question."""
        self.log = Log(f"store of {node.serving.settings.application}")
        self.hold_log = False
        """Nothing gets on the disk of the history log, and nothing is read from it."""
        self._events: deque[events.Event] = deque()
        self._busy = False

    def load(self, reason: str = "first") -> None:
        for event in self.database.load_events(reason):
            self.handle(event)

    def handle(self, event: events.Event) -> None:
        """Tell the node an event and carry out all that follows, in order."""
        self._events.append(event)
        if self._busy:
            return
        self._busy = True
        try:
            while self._events:
                self.carry_out(self.node.handle(self._events.popleft(), self.now))
        finally:
            self._busy = False
            self._events.clear()

    def carry_out(self, given: list[commands.Command]) -> None:
        for command in given:
            self.commands.append(command)
            if isinstance(command, commands.Send):
                self.clients[command.connection].take(command.messages)
            elif isinstance(command, commands.Broadcast):
                for connection in command.connections:
                    self.clients[connection].take(command.messages)
            elif isinstance(command, commands.Close):
                self.clients[command.connection].close(command.code, command.reason)
            elif isinstance(command, commands.Again):
                if self.hold_again:
                    self.tasks.append(command.task)
                else:
                    self.handle(events.Resumed(command.task))
            elif isinstance(command, commands.Reload):
                for event in self.database.load_events(command.reason):
                    self.handle(event)
            elif isinstance(command, commands.NewEpoch) and self.database.writable:
                self.database.new_epoch()
                for event in self.database.load_events("epoch"):
                    self.handle(event)
            elif isinstance(command, commands.ReadTransactions) and not self.hold_table:
                self.handle(self.database.read(command))
            elif not self.hold_log and (work := _LOG.get(type(command))) is not None:
                self.handle(work(self.log, command))

    def restart(self) -> None:
        """Die and start again on the same database; every connection is gone."""
        chosen = self.node.serving.settings
        for client in self.clients.values():
            client.closed = client.closed or (1006, "gone")
        self.node = Node.for_master(chosen)
        self.hold_again = False
        self.tasks.clear()
        self.load()

    def turn(self, turns: int = 1) -> None:
        """Give put-off tasks so many turns of the loop."""
        for _ in range(turns):
            for _ in range(len(self.tasks)):
                self.handle(events.Resumed(self.tasks.popleft()))

    def compare(self) -> None:
        """Give a load all turns that it wants, and nobody else any."""
        while loads := [task for task in self.tasks if isinstance(task, Iterator)]:
            self.tasks.remove(loads[0])
            self.handle(events.Resumed(loads[0]))

    def settle(self) -> None:
        """Give put-off tasks all turns that they want, from now on at once."""
        self.hold_again = False
        while self.tasks:
            self.handle(events.Resumed(self.tasks.popleft()))

    def tick(self, seconds: float) -> None:
        self.now += seconds
        self.handle(events.Ticked())

    def commit(self, *records: Record) -> None:
        self.handle(self.database.commit(*records))

    def connect(
        self, secure: bool = True, kind: type[Client] | None = None, port: str = "default"
    ) -> Client:
        number = len(self.clients) + 1
        client = self.clients[number] = (kind or Client)(self, number)
        server = self.node.serving.settings.application.encode()
        nonce = base64.b64encode(b"nonce-of-%b-%06d" % (server, number)).decode()
        self.handle(events.Connected(number, f"10.0.0.1:{number}", port, secure, nonce))
        return client

    def login(self, user: str = "bob", **opening: Any) -> Client:
        client = self.connect()
        client.open(user, **opening)
        assert client.inbox[-1]["message"] == "opened", client.inbox
        client.inbox.clear()
        return client

    def of(self, kind: type) -> list[Any]:
        return [command for command in self.commands if isinstance(command, kind)]


_LOG: dict[type, Any] = {
    commands.Keep: lambda log, command: log.keep(command.entries),
    commands.ReadEntries: Log.read,
    commands.TakeEntries: Log.take,
    commands.ReadSession: Log.session,
    commands.ReadHistory: Log.past,
    commands.FindPast: Log.find,
    commands.FindDifferences: Log.compare,
}


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

    def close(self, code: int, reason: str) -> None:
        assert self.closed is None, "closed twice"
        self.closed = (code, reason)
        self.bench.handle(events.Disconnected(self.connection, "closed here"))

    def leave(self) -> None:
        self.bench.handle(events.Disconnected(self.connection, "gone"))

    def block(self) -> None:
        self.bench.handle(events.Blocked(self.connection))

    def drain(self) -> None:
        self.bench.handle(events.Drained(self.connection))

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
            Open(
                application=application,
                user=user,
                data=handshake.first(),
                release="1.0.0",
                **opening,
            )
        )
        if self.inbox and self.inbox[-1]["message"] == "challenge":
            data = self.inbox[-1]["data"]
            parse_challenge(data)
            self.send(Proof(handshake.final(data, salted)))

    def post(self, message: str, **fields: Any) -> None:
        """Send a request and do not look for its answer."""
        self.ref += 1
        self.send(json.dumps({"message": message, "ref": self.ref, **fields}).encode())

    def error(self, message: str, **fields: Any) -> str:
        """Send a request that is refused; return the code."""
        (answer,) = self.ask(message, **fields)
        assert answer["message"] == "error", answer
        assert answer["ref"] == self.ref
        return str(answer["code"])

    def ask(self, message: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a request; return the messages that came."""
        self.ref += 1
        self.inbox.clear()
        self.send(json.dumps({"message": message, "ref": self.ref, **fields}).encode())
        found, self.inbox = self.inbox, []
        return found

    def read(self, object_type: str, /, **filter_: Any) -> list[int]:
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


class Line(Client):
    """The master's end of a proxy's link."""

    proxy: Proxy

    def take(self, messages: Any) -> None:
        super().take(messages)
        self.proxy.wire += messages
        self.proxy.pump()

    def close(self, code: int, reason: str) -> None:
        super().close(code, reason)
        self.proxy.sever(code)


class Proxy(Bench):
    """A proxy, and its link to a master on another bench."""

    def __init__(self, master: Bench, secure: bool = True, **more: Any) -> None:
        chosen = settings(
            more.pop("application", "proxy1"),
            master_host="master.example",
            master_port=2020,
            **more,
        )
        super().__init__(Node.for_proxy(chosen), Database([]))
        self.master = master
        self.secure = secure
        self.password = PASSWORD
        self.line: Line | None = None
        self.wire: deque[bytes] = deque()
        self.hold_wire = False
        """What the master sends stays on the wire until `pump`."""
        self.hold_proof = False

    def start(self) -> None:
        self.carry_out(self.node.start(self.now))
        self.dial()

    def dial(self) -> None:
        """Let the connection that the proxy asked for come about."""
        assert isinstance(self.of(commands.ConnectLink)[-1], commands.ConnectLink)
        line = self.master.connect(self.secure, Line)
        assert isinstance(line, Line)
        line.proxy, self.line = self, line
        nonce = base64.b64encode(b"proxy-nonce-%06d" % line.connection).decode()
        self.handle(events.LinkOpened(nonce, self.secure))

    def sever(self, code: int = 1006) -> None:
        """Break the link; what is on the wire is lost."""
        line, self.line = self.line, None
        if line is not None:
            self.wire.clear()
            if line.closed is None:
                line.closed = (code, "broken")
                line.leave()
            self.handle(events.LinkLost("the connection broke", code, 0.5))

    def pump(self, messages: int | None = None) -> None:
        """Hand on what is on the wire: so many messages, or all unless it is held."""
        if messages is None:
            while self.wire and not self.hold_wire:
                self.handle(events.LinkReceived([self.wire.popleft()]))
        else:
            for _ in range(min(messages, len(self.wire))):
                self.handle(events.LinkReceived([self.wire.popleft()]))

    def carry_out(self, given: list[commands.Command]) -> None:
        super().carry_out(given)
        for command in given:
            if isinstance(command, commands.SendLink) and self.line is not None:
                self.line.send(*command.messages)
            elif isinstance(command, commands.ProveLink) and not self.hold_proof:
                self.handle(self.proof(command))
            elif isinstance(command, commands.CloseLink):
                self.sever()

    def proof(self, command: commands.ProveLink) -> events.LinkProved:
        return events.LinkProved(derive(self.password, command.salt, command.iterations))

    @property
    def link(self) -> str:
        return str(self.node.status(self.now)["authority"]["link"])

    def alarms(self) -> set[str]:
        return {alarm["alarm"] for alarm in self.node.status(self.now)["alarms"]}


def tree_of(bench: Bench) -> tuple[str, int, str]:
    """Return epoch, revision and tree hash of what a node serves."""
    status = bench.node.status(bench.now)
    return status["epoch"], status["revision"], status["treeHash"]


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
    fixed = {"release": "1.0.0", "fake_salt_key": b"k" * 32, "scram_iterations": 4096}
    return NodeSettings(application=application, **{**fixed, **more})


def master(records: list[Record] | None = None, **more: Any) -> Bench:
    """Return a loaded master."""
    made = Bench(Node.for_master(settings(**more)), Database(records or environment()))
    made.load()
    return made


def skills(count: int, folder: int = FOLDER, first: int = 1000, **document: Any) -> list[Record]:
    """Return many readable objects: more than one turn can scan."""
    return [
        record("skill", dbid, folder, name=f"Skill {dbid}", tenantDBID=1, **document)
        for dbid in range(first, first + count)
    ]


def documents(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the objects of the packets among these messages."""
    for message in messages:
        yield from message.get("objects", ())
