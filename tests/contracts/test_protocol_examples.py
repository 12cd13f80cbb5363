"""docs/reference/protocol.md is right in its numbers, its examples of deltas, and its client."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
import uvloop

from confwire import delta
from confwire.errors import CLOSE_ACTIONS, ERRORS, CloseCode
from confwire.handshake import (
    ClientHandshake,
    ServerHandshake,
    derive,
    make_verifier,
    resume_proof,
    server_key,
)
from confwire.messages import (
    ClientMessage,
    Message,
    Record,
    ReplicationStarted,
    ServerMessage,
    Transaction,
)
from confwire.objects import BY_NAME, Kind
from proxyapp.engine import events
from proxyapp.engine.data.journal import chain_hash, record_digest, tree_after, tree_text
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings
from proxyapp.runtime.worker import Worker

PAGE = (Path(__file__).parents[2] / "docs/reference/protocol.md").read_text()
PASSWORD = "correct horse"


def blocks(language: str) -> list[str]:
    """Return the page's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def values(block: str) -> Iterator[str]:
    """Yield the text of each JSON value of a block."""
    decoder, text = json.JSONDecoder(), block.strip()
    while text:
        _, end = decoder.raw_decode(text)
        yield text[:end]
        text = text[end:].lstrip()


def examples(*keys: str) -> list[str]:
    """Return the JSON objects of the page that have these keys."""
    texts = [text for block in blocks("json") for text in values(block)]
    return [text for text in texts if {*keys} <= json.loads(text).keys()]


def first_message(name: str) -> dict[str, Any]:
    """Return the first example of a message."""
    found = (json.loads(text) for text in examples("message"))
    return next(value for value in found if value["message"] == name)


def rows(title: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, their rows only."""
    found = re.search(rf"^## [\d.]+ {title}\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert found, title
    lines = [line for line in found[1].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


# ---------------------------------------------------------------- SCRAM


def test_the_login_is_computed_right() -> None:
    opening, challenge = first_message("open")["data"], first_message("challenge")["data"]
    nonce = re.fullmatch(r"n,,n=anna,r=(.+)", opening)
    whole = re.fullmatch(r"r=(.+),s=(.+),i=(\d+)", challenge)
    assert nonce is not None
    assert whole is not None
    salt, rounds = msgspec.json.decode(f'"{whole[2]}"', type=bytes), int(whole[3])
    client = ClientHandshake("anna", nonce[1])
    server = ServerHandshake(whole[1].removeprefix(nonce[1]))
    assert client.first() == opening
    assert server.challenge(opening, make_verifier(PASSWORD, salt, rounds), b"key") == challenge
    salted = derive(PASSWORD, salt, rounds)
    assert salted.hex() in PAGE
    assert client.final(challenge, salted) == first_message("proof")["data"]
    assert server.check(first_message("proof")["data"]) == first_message("opened")["data"]


def test_the_proof_of_a_resume_is_computed_right() -> None:
    challenge = re.fullmatch(r"r=.+,s=(.+),i=(\d+)", first_message("challenge")["data"])
    assert challenge is not None
    salt = msgspec.json.decode(f'"{challenge[1]}"', type=bytes)
    key = server_key(derive(PASSWORD, salt, int(challenge[2])))
    (resume,) = (json.loads(text) for text in examples("message", "token", "since"))
    assert f"`{resume_proof(key, resume['data'], resume['token'])}`" in PAGE


# ---------------------------------------------------------------- deltas

DELTAS = [json.loads(text) for text in examples("before", "delta", "after", "former")]


def kinds(example: dict[str, Any]) -> set[tuple[Kind, bool]]:
    """Return the kinds of the fields that an example's delta names, with a key or without."""
    fields = BY_NAME[example["objectType"]].by_name
    return {(fields[name].kind, bool(fields[name].key)) for name in example["delta"]}


@pytest.mark.parametrize("example", DELTAS, ids=lambda example: ",".join(example["delta"]))
def test_a_delta_leads_from_one_document_to_the_other(example: dict[str, Any]) -> None:
    info = BY_NAME[example["objectType"]]
    before, after = example["before"], example["after"]
    assert delta.canonical(info, before) == before
    assert delta.apply(info, before, example["delta"]) == after
    assert delta.diff(info, before, after) == example["delta"]
    assert delta.former(info, before, example["delta"]) == example["former"]


def test_every_form_of_a_step_has_an_example() -> None:
    scalars = {Kind.INTEGER, Kind.BOOLEAN, Kind.CHOICE, Kind.REFERENCE}  # as a string's
    wanted = {(kind, False) for kind in set(Kind) - scalars} | {(Kind.STRUCTS, True)}
    assert set().union(*map(kinds, DELTAS)) == wanted


# ---------------------------------------------------------------- hashes


class Digested(msgspec.Struct):
    record: Record
    digest: str


class Chained(msgspec.Struct):
    previous: str
    revision: int
    tree: str
    hash: str


def test_the_record_digests_are_computed_right() -> None:
    found = [msgspec.json.decode(text, type=Digested) for text in examples("record", "digest")]
    assert any(item.record.acl and item.record.verifier for item in found)
    assert [f"{record_digest(item.record):032x}" for item in found] == [i.digest for i in found]


def test_the_change_hash_is_computed_right() -> None:
    found = [msgspec.json.decode(text, type=Chained) for text in examples("previous", "hash")]
    assert found
    for item in found:
        assert chain_hash(item.previous, item.revision, int(item.tree, 16)) == item.hash


# ---------------------------------------------------------------- tables


def test_the_table_of_errors_tells_which_are_permanent() -> None:
    told = {cells[0].strip("`"): cells[1] for cells in rows("Errors")}
    assert told == {code: "yes" if error.permanent else "no" for code, error in ERRORS.items()}


def test_every_close_code_has_a_meaning_in_the_code_too() -> None:
    assert set(CLOSE_ACTIONS) == set(CloseCode)


def test_every_field_of_every_message_is_on_the_page() -> None:
    for union in (ClientMessage, ServerMessage):
        for kind in union.__args__:
            names = {field.encode_name for field in msgspec.structs.fields(kind)}
            assert {name for name in names if not re.search(rf"\b{name}\b", PAGE)} == set(), kind


def literals(kind: Any) -> set[str]:
    """Return the texts that a type allows, where it lists them."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        kinds = [field.type for field in msgspec.structs.fields(kind)]
        return set().union(*map(literals, kinds))
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    return set().union(*map(literals, get_args(kind)))


def test_every_text_that_a_field_may_have_is_on_the_page() -> None:
    wanted = literals(ClientMessage) | literals(ServerMessage)
    assert {"log", "epoch", "entered", "proxy"} <= wanted
    assert {
        text for text in wanted if f"`{text}`" not in PAGE and f'`"{text}"`' not in PAGE
    } == set()


def test_the_reasons_of_a_full_load_are_those_of_the_code() -> None:
    (cell,) = re.findall(r'^\| `reason` \| text \| (`"first"`.*) \|$', PAGE, re.M)
    assert set(re.findall(r'`"(\w+)"`', cell)) == literals(ReplicationStarted)


def test_the_defaults_that_are_true_are_marked() -> None:
    true = {
        field.encode_name
        for union in (ClientMessage, ServerMessage)
        for kind in union.__args__
        if issubclass(kind, Message)
        for field in msgspec.structs.fields(kind)
        if field.default is True
    }
    assert true == set(re.findall(r"^\| `?(\w+)`? \| boolean \| \*\*`true`\*\*", PAGE, re.M))


# ---------------------------------------------------------------- the client


class Server:
    """A master on a loopback port, in a thread of its own, with data in memory."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port: int = probe.getsockname()[1]
        self.reasons: list[str] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: uvloop.run(self._run()))
        self._revision, self._tree = 1, 0

    def __enter__(self) -> Server:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._loop.call_soon_threadsafe(self._done.set)
        self._thread.join(10)

    def commit(self, record: Record) -> None:
        """Change one object, which must be new."""
        self._loop.call_soon_threadsafe(self._commit, record)

    async def _run(self) -> None:
        self._loop, self._done = asyncio.get_running_loop(), asyncio.Event()
        settings = NodeSettings(
            application="confserv", release="1.0.0", fake_salt_key=b"k" * 32, scram_iterations=4096
        )
        self._worker = worker = Worker(
            Node.for_master(settings),
            halt=self.reasons.append,
            set_verbosity=lambda verbosity: None,
            loaded=self._ready.set,
            address="127.0.0.1",
        )
        worker.start()
        records = environment(self.port)
        self._tree = sum(map(record_digest, records)) % 2**128
        worker.tell(events.LoadStarted("e1", 1, len(records), "first"))
        worker.tell(events.RecordsLoaded(records))
        worker.tell(events.LoadEnded(1, self._tree, ""))
        await self._done.wait()
        worker.stop("the test is over")

    def _commit(self, record: Record) -> None:
        self._revision += 1
        self._tree = tree_after(self._tree, 0, record_digest(record))
        transaction = Transaction(
            epoch="e1",
            revision=self._revision,
            at=1.0,
            records=[record],
            tree=tree_text(self._tree),
            hash=chain_hash("", self._revision, self._tree),
        )
        self._worker.tell(events.Committed(transaction))


def record(type_name: str, dbid: int, folder: int = 0, acl: Any = None, **document: Any) -> Record:
    """Return a record; `verifier` is no part of the document."""
    info, verifier = BY_NAME[type_name], document.pop("verifier", "")
    body = delta.canonical(info, {"DBID": dbid, **document, "folderDBID": folder})
    raw = msgspec.Raw(msgspec.json.encode(body))
    return Record(int(info.type), dbid, folder, raw, acl, verifier)


def environment(port: int) -> list[Record]:
    """Return the least that a person needs to log in and to see a skill."""
    ports = [{"id": "default", "port": str(port)}]
    verifier = make_verifier(PASSWORD, b"0123456789abcdef", 4096)
    return [
        record("application", 99, name="confserv", type="configserver", portInfos=ports),
        record("application", 100, name="default", type="sce", acl=[(3, 101, 8)]),
        record("person", 101, tenantDBID=1, userName="a=n,na", verifier=verifier),
        record("folder", 111, name="Skills", type="skill", acl=[(3, 101, 1)]),
        record("skill", 101, 111, tenantDBID=1, name="English"),
    ]


def test_the_client_of_the_page_logs_in_and_follows() -> None:
    (program,) = blocks("python")
    assert len([line for line in program.splitlines() if line.strip()]) <= 40
    space: dict[str, Any] = {"__name__": "client"}
    exec(compile(program, "protocol.md", "exec"), space)
    with Server() as server:
        url = f"ws://127.0.0.1:{server.port}/"
        heard = space["follow"](url, "default", "a=n,na", PASSWORD, "skill")
        snapshot = [next(heard) for _ in range(3)]
        server.commit(record("skill", 102, 111, tenantDBID=1, name="Français"))
        changed = next(heard)
        heard.close()
        with pytest.raises(RuntimeError, match="authenticationFailed"):
            next(space["follow"](url, "default", "a=n,na", "wrong", "skill"))
    assert [item["message"] for item in snapshot] == [
        "objectsRead",
        "objectsSent",
        "notificationRegistered",
    ]
    assert [item["name"] for item in snapshot[0]["objects"]] == ["English"]
    assert changed["changes"][0]["object"]["name"] == "Français"
    assert server.reasons == []
