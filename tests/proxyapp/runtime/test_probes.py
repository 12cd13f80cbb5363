"""Health and status over HTTP: who may see what."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from confwire.handshake import make_verifier
from confwire.objects import ObjectType
from proxyapp.engine.sessions.recent import RecentQuestion
from proxyapp.runtime import present, probes

HIDDEN = ("boss", "PERSON", "äffle")
VERIFIER = make_verifier("pass:wörd", b"salt" * 4, 4096)


class Node:
    def __init__(self) -> None:
        self.failures: list[str] = []

    def verifier_of(self, user_name: str) -> str | None:
        return VERIFIER if user_name in ("boss", "clerk") else None

    def may_try(self, user_name: str, address: str) -> bool:
        return self.failures.count(user_name) < 3

    def has_failed(self, user_name: str, address: str) -> None:
        self.failures.append(user_name)

    def is_super_administrator(self, user_name: str) -> bool:
        return user_name == "boss"

    def hidden_names(self, user_name: str, type_: ObjectType, names: list[str]) -> list[str]:
        return [name for name in names if (user_name, type_.name, name) == HIDDEN]

    def recent_changes(
        self, user_name: str | None, question: RecentQuestion, limit: int
    ) -> dict[str, Any]:
        return {"viewer": user_name, "asked": question}


class Worker:
    """Only what the probes ask of a worker."""

    node = Node()
    good = True

    def probe(self, path: str, query: str) -> tuple[bool, str]:
        return self.good, f"{path[1:]}{query and '?'}{query} {self.good}"

    def status(self) -> dict[str, Any]:
        return {"application": "site-1"}

    def figures(self) -> dict[str, Any]:
        return {"application": "site-1", "alarms": [], "pair": None}


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    worker = Worker()
    monkeypatch.setattr(present, "_present", [worker])
    monkeypatch.setattr(probes, "_gatekeeper", probes.Gatekeeper())
    return worker


def basic(user: str, password: str) -> tuple[bytes, bytes]:
    return b"authorization", b"Basic " + b64encode(f"{user}:{password}".encode())


async def ask(
    path: str, *headers: tuple[bytes, bytes], peer: str = "127.0.0.1", method: str = "GET"
) -> tuple[int, bytes, dict[bytes, bytes]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        raise AssertionError("no body is read")

    scope = {
        "type": "http",
        "method": method,
        "path": path.partition("?")[0],
        "query_string": path.partition("?")[2].encode(),
        "client": [peer, 5],
        "headers": list(headers),
    }
    await probes.application(scope, receive, send)
    return sent[0]["status"], sent[1]["body"], dict(sent[0]["headers"])


@pytest.mark.asyncio
async def test_health_needs_no_login(worker) -> None:
    assert (await ask("/livez", peer="10.0.0.1"))[:2] == (200, b"livez True\n")
    worker.good = False
    assert (await ask("/readyz", peer="10.0.0.1"))[:2] == (503, b"readyz False\n")
    found = await ask("/freshz?max-age=5", peer="10.0.0.1")
    assert found[:2] == (503, b"freshz?max-age=5 False\n")


@pytest.mark.asyncio
async def test_this_machine_sees_the_status(worker) -> None:
    status, body, headers = await ask("/status")
    assert (status, msgspec.json.decode(body)) == (200, {"application": "site-1"})
    assert headers[b"content-type"] == b"application/json"


@pytest.mark.asyncio
async def test_metrics_are_protected_as_the_status_is(worker) -> None:
    status, body, headers = await ask("/metrics")
    assert status == 200
    assert b'csproxy_info{application="site-1"} 1.0' in body
    assert headers[b"content-type"].startswith(b"text/plain; version=")
    assert (await ask("/metrics", peer="10.0.0.1"))[0] == 401
    assert (await ask("/metrics", basic("clerk", "pass:wörd"), peer="10.0.0.1"))[0] == 401
    assert (await ask("/metrics", basic("boss", "pass:wörd"), peer="10.0.0.1"))[0] == 200


@pytest.mark.asyncio
async def test_others_must_log_in(worker) -> None:
    status, _, headers = await ask("/status", peer="10.0.0.1")
    assert status == 401
    assert headers[b"www-authenticate"].startswith(b"Basic ")


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("user", "password", "status"),
    [
        ("boss", "pass:wörd", 200),
        ("boss", "other", 401),
        ("clerk", "pass:wörd", 401),
        ("nobody", "pass:wörd", 401),
    ],
)
async def test_only_super_administrators_see_it_from_elsewhere(
    worker, user, password, status
) -> None:
    assert (await ask("/status", basic(user, password), peer="10.0.0.1"))[0] == status


@pytest.mark.asyncio
async def test_a_checked_password_is_remembered_until_it_changes(worker, monkeypatch) -> None:
    credentials = basic("boss", "pass:wörd")
    await ask("/status", credentials, peer="10.0.0.1")

    def refuse(verifier: str, password: str) -> bool:
        return False

    monkeypatch.setattr(probes, "check_password", refuse)
    assert (await ask("/status", credentials, peer="10.0.0.1"))[0] == 200
    changed = make_verifier("pass:wörd", b"other salt.." * 2, 4096)
    monkeypatch.setattr(worker.node, "verifier_of", lambda user: changed, raising=False)
    assert (await ask("/status", credentials, peer="10.0.0.1"))[0] == 401


@pytest.mark.asyncio
async def test_an_account_that_failed_too_often_is_not_tried_again(worker, monkeypatch) -> None:
    monkeypatch.setattr(worker.node, "failures", [])
    for _ in range(3):
        assert (await ask("/status", basic("boss", "wrong"), peer="10.0.0.1"))[0] == 401
    # What was never right before is not remembered as right either.
    fresh = make_verifier("right", b"yet another." * 2, 4096)
    monkeypatch.setattr(worker.node, "verifier_of", lambda user: fresh, raising=False)
    assert (await ask("/status", basic("boss", "right"), peer="10.0.0.1"))[0] == 401
    assert worker.node.failures == ["boss"] * 3


@pytest.mark.asyncio
async def test_the_web_process_asks_in_the_name_of_its_client(worker) -> None:
    assert (await ask("/status", (probes.PEER_HEADER, b"10.0.0.1")))[0] == 401
    assert (await ask("/status", (probes.PEER_HEADER, b"127.0.0.1")))[0] == 200


@pytest.mark.asyncio
async def test_others_cannot_claim_to_be_this_machine(worker) -> None:
    claim = (probes.PEER_HEADER, b"127.0.0.1")
    assert (await ask("/status", claim, peer="10.0.0.1"))[0] == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("name", [b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"])
async def test_whom_a_reverse_proxy_asks_for_must_log_in(worker, name) -> None:
    assert (await ask("/status", (name, b"127.0.0.1")))[0] == 401
    credentials = basic("boss", "pass:wörd")
    assert (await ask("/status", (name, b"127.0.0.1"), credentials))[0] == 200


@pytest.mark.asyncio
@pytest.mark.parametrize("value", [b"Basic !!!", b"Basic /w==", b"Bearer x", b"Basic"])
async def test_broken_credentials_are_no_credentials(worker, value) -> None:
    assert (await ask("/status", (b"authorization", value), peer="10.0.0.1"))[0] == 401


@pytest.mark.asyncio
async def test_other_paths_and_methods_are_refused(worker) -> None:
    assert (await ask("/elsewhere"))[0] == 404
    assert (await ask("/status", method="POST"))[0] == 405
    assert (await ask("/livez", method="HEAD"))[:2] == (200, b"")


@pytest.mark.asyncio
async def test_without_a_node_there_is_an_error(monkeypatch) -> None:
    monkeypatch.setattr(present, "_present", [])
    with pytest.raises(LookupError, match="no node runs"):
        await ask("/livez")


@pytest.mark.asyncio
async def test_names_are_hidden_from_persons_and_from_nobody_here(worker) -> None:
    path = "/hidden?person=%C3%A4ffle&person=anna&application=%C3%A4ffle"
    boss = basic("boss", "pass:wörd")
    answers = [await ask(path, boss, peer=peer) for peer in ("10.0.0.1", "127.0.0.1")]
    assert [msgspec.json.decode(answer[1]) for answer in answers] == [
        {"application": [], "person": ["äffle"]},
        {"application": [], "person": []},
    ]
    assert (await ask(path, peer="10.0.0.1"))[0] == 401


@pytest.mark.asyncio
async def test_changes_are_asked_for_in_the_name_of_the_viewer(worker) -> None:
    path = "/changes?type=13&dbid=601&by=anna&before=7.2"
    asked = {"type": 13, "dbid": 601, "by": "anna", "before": [7, 2]}
    status, body, _ = await ask(path)
    assert (status, msgspec.json.decode(body)) == (200, {"viewer": None, "asked": asked})
    status, body, _ = await ask(path, basic("boss", "pass:wörd"), peer="192.0.2.1")
    assert (status, msgspec.json.decode(body)) == (200, {"viewer": "boss", "asked": asked})
    assert (await ask(path, peer="192.0.2.1"))[0] == 401


@pytest.mark.asyncio
@pytest.mark.parametrize("query", ["type=x", "before=7", "before=7.2.3", "dbid=%FF"])
async def test_a_wrong_question_about_changes_is_refused(worker, query: str) -> None:
    assert (await ask(f"/changes?{query}"))[0] == 400
