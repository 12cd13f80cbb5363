"""The steps of a read and of a change inside one process, each timed apart from the others.

Runs with Django set up on a filled database, in a process of its own that `questions.steps`
starts: the node is loaded as a master loads it, and no socket is opened.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import random
import socket
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from picows import WSMsgType
from picows.picows import _make_test_ws_frame

from benchmarks.processes import SERVER_CORE
from benchmarks.site import PASSWORD, READER
from confwire import codec
from confwire.handshake import ClientHandshake, derive, parse_challenge
from confwire.messages import (
    Open,
    Proof,
    ReadObjects,
    Record,
    RegisterNotification,
    Subscription,
    Transaction,
)
from confwire.objects import ObjectType
from proxyapp import selectors
from proxyapp.engine import commands, events
from proxyapp.engine.data.journal import chain_hash, record_digest, tree_after, tree_text
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings
from proxyapp.runtime import frames
from proxyapp.runtime.balancers import Origin
from proxyapp.runtime.connections import Connection
from proxyapp.runtime.output import Output

DEPTH = 16
_BATCHES = 4_000
_ROUNDS = 5
_SUBSCRIBERS = 1_000
_CHANGES = 50
_PAGE = 5_000


class _Owner:
    """As much of the listening ports as a connection needs that only takes frames."""

    now = 1.0

    def next_id(self) -> int:
        return 1

    def queue(self, connection: Connection) -> None:
        """Nothing: what was taken is thrown away."""

    mark = mark_first = queue


class _Loaded:
    """A node with the data of the database, and a way to log in."""

    def __init__(self) -> None:
        self.node = Node.for_master(
            NodeSettings(application="confserv", release="1.0.0", fake_salt_key=b"steps")
        )
        self._clients = 0
        position = selectors.current_revision()
        self.epoch, self.revision, self.tree, self.hash = position
        self.digest = 0
        """Of the object that changes, once it has."""
        self.tell(events.LoadStarted(*position[:2], selectors.count_records(), "first"))
        key = (0, 0)
        while records := selectors.load_records(key, _PAGE):
            self.tell(events.RecordsLoaded(records))
            key = records[-1].type, records[-1].dbid
        self.tell(events.LoadEnded(*position[1:]))

    def tell(self, event: events.Event) -> list[commands.Command]:
        """Tell the node something, and all that it puts off."""
        done = self.node.handle(event, 1.0)
        for command in done:
            if isinstance(command, commands.Again):
                done = done + self.tell(events.Resumed(command.task))
        return done

    def login(self) -> int:
        """Open a session; return its connection."""
        self._clients += 1
        number = self._clients
        nonce = base64.b64encode(os.urandom(18)).decode()
        client = ClientHandshake(READER, nonce)
        self.tell(events.Connected(number, "127.0.0.1:1", "default", True, nonce))
        opening = Open(application="default", user=READER, data=client.first(), release="1.0.0")
        data = self._answer(number, codec.encode(opening))["data"]
        if self._clients == 1:
            challenge = parse_challenge(data)
            self._salted = derive(PASSWORD, challenge.salt, challenge.iterations)
        proof = Proof(client.final(data, self._salted))
        assert self._answer(number, codec.encode(proof))["message"] == "opened"
        return number

    def _answer(self, connection: int, message: bytes) -> dict[str, Any]:
        done = self.tell(events.Received(connection, [message]))
        (sent,) = [command for command in done if isinstance(command, commands.Send)]
        answer: dict[str, Any] = json.loads(sent.messages[0])
        return answer


def measure(first: int, count: int, folder: int) -> str:
    """Return JSON: the nanoseconds of each step of a read and of a change."""
    os.sched_setaffinity(0, {SERVER_CORE})
    loaded = _Loaded()
    return json.dumps(
        {"read": _reads(loaded, first, count), "change": _changes(loaded, first, folder)}
    )


def _best(operations: int, work: Callable[[], object]) -> float:
    """Return nanoseconds of one operation: the median of some rounds."""
    found = []
    for _ in range(_ROUNDS):
        begun = time.perf_counter_ns()
        work()
        found.append((time.perf_counter_ns() - begun) / operations)
    return statistics.median(found)


def _request(dbid: int) -> bytes:
    return codec.encode(ReadObjects(ref=1, object_type="skill", filter={"dbid": dbid}))


def _reads(loaded: _Loaded, first: int, count: int) -> dict[str, float]:
    random.seed(1)
    batches = [
        [_request(first + random.randrange(count)) for _ in range(DEPTH)] for _ in range(_BATCHES)
    ]
    near = [[_request(first + number) for number in range(DEPTH)]] * _BATCHES
    number, node = loaded.login(), loaded.node
    gc.collect()
    gc.freeze()

    def ask(batch: list[bytes]) -> Sequence[bytes]:
        (sent,) = node.handle(events.Received(number, batch), 1.0)
        assert isinstance(sent, commands.Send)
        return sent.messages

    def handle(given: list[list[bytes]]) -> None:
        for batch in given:
            node.handle(events.Received(number, batch), 1.0)

    def decode() -> None:
        for batch in batches:
            for message in batch:
                codec.decode_unchecked(message)

    answers, output = [ask(batch) for batch in batches], Output()

    def send() -> None:
        for messages in answers:
            output.add(messages)
            output.take()

    reads = _BATCHES * DEPTH
    decoding = _best(reads, decode)
    return {
        "take the frame into the inbox": _taking(batches[0][0]),
        "decode": decoding,
        "find, check and splice, all in the cache": _best(reads, partial(handle, near)) - decoding,
        "find, check and splice, random objects": _best(reads, partial(handle, batches)) - decoding,
        "frame and join": _best(reads, send),
    }


def _taking(message: bytes) -> float:
    """Return the nanoseconds in which a connection takes a frame into its inbox."""
    client, peer = socket.socketpair()
    connection = Connection(_Owner(), "default", client, Origin("bench"))  # type: ignore[arg-type]
    connection.limit = 10**6
    frame = _make_test_ws_frame(WSMsgType.TEXT, message, True, False)

    def take() -> None:
        for _ in range(_BATCHES):
            for _ in range(DEPTH):
                connection.on_ws_frame(None, frame)  # type: ignore[arg-type]
            connection._inbox.clear()

    with client, peer:
        return _best(_BATCHES * DEPTH, take)


def _changes(loaded: _Loaded, first: int, folder: int) -> dict[str, float]:
    request = RegisterNotification(
        ref=1, subscriptions=[Subscription(types=["skill"], folders=[folder])]
    )
    for _ in range(_SUBSCRIBERS):
        loaded.tell(events.Received(loaded.login(), [codec.encode(request)]))
    gc.collect()
    gc.freeze()
    told = [_committed(loaded, first, number) for number in range(_CHANGES)]
    node, queue = loaded.node, _Queue()
    done: list[list[commands.Command]] = []
    begun = time.perf_counter_ns()
    for event in told:
        done.append(node.handle(event, 1.0))
    taken = (time.perf_counter_ns() - begun) / _CHANGES
    spread = [c for made in done for c in made if isinstance(c, commands.Broadcast)]
    begun = time.perf_counter_ns()
    for command in spread:
        queue.spread(command)
    queued = (time.perf_counter_ns() - begun) / _CHANGES
    assert len(queue.connections) >= _SUBSCRIBERS
    return {"take in and tell each view": taken, f"queue for {_SUBSCRIBERS:,} clients": queued}


class _Queue:
    """The outputs of connections, as a broadcast fills them."""

    def __init__(self) -> None:
        self.connections: dict[int, Output] = {}

    def spread(self, command: commands.Broadcast) -> None:
        """Give the frame, made once, to every output."""
        framed = frames.frame(command.messages)
        for number in command.connections:
            self.connections.setdefault(number, Output()).add_frames(framed)


def _committed(loaded: _Loaded, dbid: int, number: int) -> events.Committed:
    """Return the transaction that changes one object, as the database would tell it."""
    (record,) = selectors.load_records((int(ObjectType.SKILL), dbid - 1), 1)
    document = json.loads(bytes(record.body)) | {"userProperties": {"load": {"n": str(number)}}}
    body = msgspec.Raw(json.dumps(document, separators=(",", ":")).encode())
    new = Record(record.type, record.dbid, record.folder, body, record.acl, record.verifier)
    loaded.tree = tree_after(
        loaded.tree, loaded.digest or record_digest(record), record_digest(new)
    )
    loaded.digest = record_digest(new)
    loaded.revision += 1
    loaded.hash = chain_hash(loaded.hash, loaded.revision, loaded.tree)
    return events.Committed(
        Transaction(
            epoch=loaded.epoch,
            revision=loaded.revision,
            at=1.0,
            by="steps",
            records=[new],
            tree=tree_text(loaded.tree),
            hash=loaded.hash,
        )
    )
