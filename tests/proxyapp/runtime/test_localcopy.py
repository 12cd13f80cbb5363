"""The files of a local copy, written and read by the parts that a proxy has."""

from __future__ import annotations

import asyncio
import resource
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from proxyapp.engine import commands as c
from proxyapp.engine import events as e
from proxyapp.engine.trust.tokens import make_keys
from proxyapp.runtime import copywriter
from tests.proxyapp.engine.bench import FOLDER, Bench, gone, master, record, skills, tree_of
from tests.proxyapp.runtime.copyrig import Server

pytestmark = pytest.mark.asyncio


@pytest.fixture
def bench() -> Bench:
    made = master()
    made.commit(*skills(3000))
    return made


@pytest_asyncio.fixture
async def server(bench: Bench, tmp_path: Path) -> AsyncIterator[Server]:
    made = await Server(bench, tmp_path / "copy").start()
    made.proxy.dial()
    await made.reached(snapshots=1, state="live")
    yield made
    await made.leave()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copywriter, "RETRY", 0.1)


async def again(bench: Bench, folder: Path, **more: Any) -> Server:
    """Return a proxy that starts from a folder, and ends its writing at once."""
    made = await Server(bench, folder, **more).start()
    await made.copy.stop()
    return made


async def test_what_was_written_is_read(bench: Bench, server: Server, tmp_path: Path) -> None:
    bench.commit(record("skill", 601, FOLDER, name="new"), gone("skill", 602))
    await server.reached(revision=3)
    await server.leave()
    found = await again(bench, tmp_path / "copy")
    assert tree_of(found.proxy) == tree_of(bench)
    assert found.copy.status()["startedFrom"]["file"] == "00000001.snapshot"
    assert found.proxy.login("bob").ask("readServerInfo")[0]["source"] == "disk"


async def test_keys_of_tokens_are_kept_sealed_and_outlive_the_data(
    server: Server, tmp_path: Path
) -> None:
    keys = make_keys(b"secret", 1, 3600, 86_400, 1e9)
    server.copy.write(c.KeepKeys(keys))
    await server.leave()
    folder = tmp_path / "copy"
    file = folder / "tokens.keys"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"tokenKeys" not in file.read_bytes()
    for path in folder.glob("*.snapshot"):
        path.unlink()
    ring = (await again(server.proxy.master, folder)).proxy.node.serving.issuing.ring
    assert ring is not None
    assert ring.given == keys


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1], lambda data: data[:100], lambda data: b"",
              lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:]]
)  # fmt: skip
async def test_damaged_keys_of_tokens_are_refused_and_the_data_is_served(
    server: Server, tmp_path: Path, spoil: Any
) -> None:
    server.copy.write(c.KeepKeys(make_keys(b"secret", 1, 3600, 86_400, 1e9)))
    await server.leave()
    file = tmp_path / "copy" / "tokens.keys"
    file.write_bytes(spoil(file.read_bytes()))
    found = await again(server.proxy.master, tmp_path / "copy")
    assert found.proxy.node.serving.issuing.ring is None
    assert [line.split(":")[0] for line in found.copy.status()["refused"]] == ["tokens.keys"]
    assert found.proxy.node.ready()


async def test_only_the_owner_may_read_and_no_secret_is_in_clear(
    server: Server, tmp_path: Path
) -> None:
    for path in (tmp_path / "copy").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"SCRAM" not in path.read_bytes()
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700


async def test_logs_of_several_starts_go_on_from_each_other(
    bench: Bench, server: Server, tmp_path: Path
) -> None:
    for step in range(3):
        await server.leave()
        server = await Server(bench, tmp_path / "copy").start()
        server.proxy.dial()
        bench.commit(record("skill", 601, FOLDER, name=f"step {step}"))
        await server.reached(revision=bench.database.revision)
        log = max((tmp_path / "copy").glob("*.changes"))
        await server.leave()
        log.write_bytes(log.read_bytes() + b"torn")
    found = await again(bench, tmp_path / "copy")
    assert tree_of(found.proxy) == tree_of(bench)
    assert found.copy.status()["refused"] == []


async def test_a_log_that_has_grown_ends_in_a_new_snapshot(
    bench: Bench, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copywriter, "LEAST_LOG", 1000)
    for _ in range(2):
        before = server.copy.status()["snapshots"]
        size = server.copy.status()["snapshotBytes"]
        while server.copy.status()["snapshots"] == before:
            bench.commit(record("skill", 601, FOLDER, name="x" * (size // 8)))
            await asyncio.sleep(0.02)
    await server.reached(state="live")
    folder = tmp_path / "copy"
    assert len(list(folder.glob("*.snapshot"))) == 2
    oldest = min(int(path.stem) for path in folder.glob("*.snapshot"))
    assert min(int(path.stem) for path in folder.glob("*.changes")) == oldest
    await server.leave()
    assert tree_of((await again(bench, folder)).proxy) == tree_of(bench)


async def test_of_two_snapshots_the_torn_one_is_refused_and_the_other_goes_as_far(
    bench: Bench, server: Server, tmp_path: Path
) -> None:
    server.tell(e.CopyOutgrown())
    await server.reached(snapshots=2)
    bench.commit(gone("skill", 601))
    await server.reached(revision=bench.database.revision)
    await server.leave()
    folder = tmp_path / "copy"
    newest = max(folder.glob("*.snapshot"))
    newest.write_bytes(newest.read_bytes()[:-1])
    found = await again(bench, folder)
    assert tree_of(found.proxy) == tree_of(bench)
    (refusal,) = found.copy.status()["refused"]
    assert refusal.startswith(newest.name)
    assert "within a frame" in refusal


@pytest.mark.parametrize("place", [0.0, 0.001, 0.3, 0.7, 0.999])
async def test_a_changed_byte_in_a_snapshot_is_noticed(
    bench: Bench, server: Server, tmp_path: Path, place: float
) -> None:
    await server.leave()
    (path,) = (tmp_path / "copy").glob("*.snapshot")
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 1
    path.write_bytes(data)
    found = await again(bench, tmp_path / "copy")
    assert not found.proxy.node.ready()
    assert len(found.copy.status()["refused"]) == 1


async def test_a_snapshot_without_the_log_that_it_needs_is_refused(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await Server(bench, tmp_path / "copy").start()
    made.proxy.dial()
    bench.commit(gone("skill", 601))  # while the pages are written
    await made.reached(snapshots=1)
    await made.leave()
    shutil.copytree(tmp_path / "copy", tmp_path / "kept")
    for path in (tmp_path / "copy").glob("*.changes"):
        path.unlink()
    found = await again(bench, tmp_path / "copy")
    assert "needs the changes" in found.copy.status()["refused"][0]
    assert tree_of((await again(bench, tmp_path / "kept")).proxy) == tree_of(bench)


async def test_another_secret_opens_nothing(bench: Bench, server: Server, tmp_path: Path) -> None:
    await server.leave()
    found = await again(bench, tmp_path / "copy", secret="other")
    assert "another secret" in found.copy.status()["refused"][0]
    assert not found.proxy.node.ready()


@pytest.fixture
def file_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("quick", "file_limit")
async def test_a_full_disk_leaves_the_snapshot_before_and_is_recovered_from(
    bench: Bench, server: Server, tmp_path: Path
) -> None:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    server.tell(e.CopyOutgrown())
    await server.reached(state="failing")
    assert server.copy.status()["error"]
    bench.commit(gone("skill", 601))
    assert server.proxy.login("bob").read("skill")
    assert (await again(bench, tmp_path / "copy")).proxy.node.ready()
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await server.reached(state="live", error="", snapshots=2)
    await server.leave()
    assert tree_of((await again(bench, tmp_path / "copy")).proxy) == tree_of(bench)


STEPS = [
    "before Writing._add_rows",
    "after Writing._add_rows",
    "before encode_end",
    "before put",
    "before Writing._prune",
    "after Writing._prune",
]


def keep_at(step: str, folder: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copy the folder as it is at a step: what a process that is killed there leaves behind."""
    when, name = step.split()
    owner, _, function = name.rpartition(".")
    place: Any = getattr(copywriter, owner) if owner else copywriter
    real, calls = getattr(place, function), count(1)

    def step_by_step(*arguments: Any) -> Any:
        meant = next(calls) == 1
        if meant and when == "before":
            shutil.copytree(folder, kept)
        result = real(*arguments)
        if meant and when == "after":
            shutil.copytree(folder, kept)
        return result

    monkeypatch.setattr(place, function, step_by_step)


@pytest.mark.parametrize("step", STEPS)
async def test_a_proxy_that_dies_while_it_writes_a_snapshot_starts_with_all_it_had(
    bench: Bench, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    bench.commit(gone("skill", 601))
    await server.reached(revision=bench.database.revision)
    keep_at(step, tmp_path / "copy", tmp_path / "kept", monkeypatch)
    server.tell(e.CopyOutgrown())
    await server.reached(snapshots=2, state="live")
    found = await again(bench, tmp_path / "kept")
    assert tree_of(found.proxy) == tree_of(bench)
    assert not found.copy.status()["refused"]


async def test_a_disk_that_is_too_slow_holds_up_nobody_and_costs_bounded_memory(
    bench: Bench, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copywriter, "WAITING", 100)
    monkeypatch.setattr(copywriter, "RETRY", 0.1)
    goes_on, real = threading.Event(), copywriter._File.add

    def slow(file: Any, data: bytes) -> None:
        goes_on.wait()
        real(file, data)

    monkeypatch.setattr(copywriter._File, "add", slow)
    for number in range(300):
        bench.commit(record("skill", 601, FOLDER, name=f"name {number}"))
        await asyncio.sleep(0)
    status = server.copy.status()
    assert (status["state"], status["error"]) == ("failing", "the disk is too slow")
    assert status["waiting"] <= 102
    assert tree_of(server.proxy) == tree_of(bench)
    goes_on.set()
    await server.reached(state="live", error="", snapshots=2)
    await server.leave()
    assert tree_of((await again(bench, tmp_path / "copy")).proxy) == tree_of(bench)
