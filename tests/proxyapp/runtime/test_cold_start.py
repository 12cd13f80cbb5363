"""Every start of a proxy: what lies on its disk, which masters are there, and the pair's peer.

The files, the machine of the server and those of its masters and its peer are real; the links
between them are told as events. The tables are those of docs/topics/local-copy.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from confwire.epochs import name_at
from confwire.messages import Record
from proxyapp.engine import commands, events
from proxyapp.engine.links.localcopy import frame, frames
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import FOLDER, Bench, Database, Proxy, record, settings, tree_of
from tests.proxyapp.engine.pairbench import Member, records
from tests.proxyapp.runtime import copyrig

PAGE = (Path(__file__).parents[3] / "docs/topics/local-copy.md").read_text()
MASTERS = ("both masters", "master alone", "backup master alone", "none")
PEERS = ("serves", "away")
EPOCH, LATER = (name_at(number, bytes(10)) for number in (1_000, 2_000))


def table(*columns: str) -> dict[str, dict[str, str]]:
    """Return the table of the page with these columns: row -> column -> cell."""
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines()]
    start = next(at for at, cells in enumerate(lines) if cells[1:] == list(columns))
    found = {}
    for cells in lines[start + 2 :]:
        if len(cells) != len(columns) + 1:
            break
        found[cells[0]] = dict(zip(columns, cells[1:], strict=True))
    return found


DATA = table(*MASTERS)
ROLES = table(*(f"the other server {peer}" for peer in PEERS))


def environment() -> list[Record]:
    """Return the environment of a pair of servers whose master has a backup."""
    place = {"name": "confserv", "type": "configserver", "accountDBID": 100}
    first = record("application", 99, 500, **place, portInfos=[{"id": "default", "port": "2020"}],
                   serverInfo={"hostDBID": 98, "backupServerDBID": 98})  # fmt: skip
    place["name"] = "confserv_b"
    second = record("application", 98, 500, **place, serverInfo={"hostDBID": 99},
                    portInfos=[{"id": "default", "port": "2021"}])  # fmt: skip
    hosts = [
        record("host", 98, 500, name="master.example"),
        record("host", 99, 500, name="backup.example"),
    ]
    others = [item for item in records() if (item.type, item.dbid) != (first.type, 99)]
    return [*others, *hosts, first, second]


class Cold(Member):
    """A server of a pair that has a local copy."""

    def __init__(self, bench: Bench) -> None:
        Proxy.__init__(self, bench, application="proxy1", local_copy=True)
        self.alive = True
        self.peer_line = self.wanted = None
        self.cut = False


class Scene:
    """The masters and the peer; a server starts among them."""

    def __init__(self, masters: str, peer: str, epoch: str, changes: int = 3) -> None:
        self.database = Database(environment(), EPOCH)
        self.primary, self.backup = self._master("confserv"), self._master("confserv_b")
        for number in range(changes):
            self.change(f"first {number}")
        self.peer = Member(self.primary, "proxy2")
        if peer == "serves":
            self._let_peer_lead()
        if epoch != EPOCH:
            self.database.epoch = epoch
            self.primary.load("epoch")
            self.backup.load("epoch")
        self.addresses = {
            ("master.example", 2020): self.primary,
            ("backup.example", 2021): self.backup,
        }
        self.up = {
            "both masters": [self.primary, self.backup],
            "master alone": [self.primary],
            "backup master alone": [self.backup],
            "none": [],
        }[masters]
        if self.primary not in self.up:
            self.peer.sever()

    def _master(self, application: str) -> Bench:
        made = Bench(Node.for_master(settings(application)), self.database)
        made.load()
        return made

    def _let_peer_lead(self) -> None:
        nobody = Member(self.primary, "proxy1")
        self.peer.other, nobody.other = nobody, self.peer
        self.peer.begin()
        for _ in range(40):
            self.primary.tick(1.0)
            self.peer.tick(1.0)
            self.peer.reach()
        assert self.peer.running == "primary"

    def change(self, name: str) -> None:
        committed = self.database.commit(record("skill", 601, FOLDER, name=name, tenantDBID=1))
        self.primary.handle(committed)
        self.backup.handle(committed)

    def reach_master(self, server: Member) -> None:
        """Let the connection that the server asked for come about, or be refused."""
        asked = [c for c in server.of(commands.ConnectLink) if c.link == "master"]
        if not asked or server.line is not None:
            return
        found = self.addresses.get((asked[-1].host, asked[-1].port))
        if found is not None and found in self.up:
            server.master = found
            server.dial()
        else:
            server.handle(events.LinkLost("connection refused", 0, 0.5))

    async def start(self, folder: Path, secret: str) -> copyrig.Server:
        cold = Cold(self.primary)
        cold.now = self.primary.now
        cold.other, self.peer.other = self.peer, cold
        found = copyrig.Server(self.primary, folder, secret, cold)
        await found.start()
        self.settle(cold)
        return found

    def settle(self, cold: Member) -> None:
        """Give it four seconds and eight attempts."""
        for _ in range(8):
            self.reach_master(cold)
            self.pass_time(cold, 0.5)

    def pass_time(self, cold: Member, seconds: float) -> None:
        for bench in (self.primary, self.backup, self.peer, cold):
            if bench is not self.peer or self.peer.alive:
                bench.tick(seconds)
        for member in (cold, self.peer):
            member.reach()


def replace_header(path: Path, old: bytes, new: bytes) -> None:
    with open(path, "rb") as file:
        payloads = list(frames(file.read))
    assert old in payloads[0]
    payloads[0] = payloads[0].replace(old, new)
    path.write_bytes(b"".join(map(frame, payloads)))


def tear(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def newest(folder: Path) -> Path:
    return max(folder.glob("*.snapshot"))


def tear_one_more(folder: Path) -> None:
    """Let a torn snapshot lie there that seems to be newer."""
    tear(Path(shutil.copy(newest(folder), folder / "99999999.snapshot")))


SPOILS: dict[str, Callable[[Path], Any]] = {
    "good": lambda folder: None,
    "torn log": lambda folder: tear(max(folder.glob("*.changes"))),
    "torn snapshot, one before it": tear_one_more,
    "torn snapshot, no other": lambda folder: tear(newest(folder)),
    "other secret": lambda folder: None,
    "other application": lambda folder: replace_header(
        newest(folder), b'"application":"proxy1"', b'"application":"proxy9"'
    ),
    "older format": lambda folder: replace_header(newest(folder), b'"format":1', b'"format":0'),
    "older epoch": lambda folder: None,
    "none": lambda folder: shutil.rmtree(folder),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a server that had its master, and three changes after its snapshot."""
    folder = tmp_path_factory.mktemp("cold") / "copy"
    scene = Scene("both masters", "away", EPOCH, changes=0)
    server = await scene.start(folder, "s")
    await server.reached(snapshots=1, state="live")
    for number in range(3):
        scene.change(f"first {number}")
    await server.reached(revision=4)
    await server.leave()
    return folder


def test_the_tables_name_every_case() -> None:
    assert set(DATA) == set(SPOILS)
    assert set(ROLES) == {"serves data", "waits"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("case", "masters", "peer"), [*product(SPOILS, MASTERS, PEERS)])
async def test_a_start_comes_to_what_the_tables_say(
    copied: Path, tmp_path: Path, case: str, masters: str, peer: str
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(copied, folder)
    SPOILS[case](folder)
    scene = Scene(masters, peer, LATER if case == "older epoch" else EPOCH)
    server = await scene.start(folder, "other" if case == "other secret" else "s")
    cold = server.proxy
    assert isinstance(cold, Cold)

    assert outcome(server) == DATA[case][masters]
    role = ROLES["serves data" if cold.node.serving.ready else "waits"]
    assert standing(scene, cold) == role[f"the other server {peer}"]
    refused = server.copy.status()["refused"]
    assert bool(refused) == (case not in ("good", "torn log", "older epoch", "none"))
    status = cold.node.status(cold.now)
    if cold.node.serving.ready:
        from_disk = outcome(server) == "disk"
        assert (status["source"] == "disk") == (status["age"] > 0) == from_disk

    scene.up.append(scene.primary)
    scene.change("second")
    scene.settle(cold)
    assert tree_of(cold) == tree_of(scene.primary)
    assert cold.node.status(cold.now)["source"] == "live"
    await server.copy.stop()


def outcome(server: copyrig.Server) -> str:
    """Tell what a start came to, in the words of the page."""
    status = server.proxy.node.status(server.proxy.now)
    from_disk = bool(server.copy.status()["startedFrom"])
    if status["source"] != "live":
        return "disk" if from_disk else "waits"
    how = "resumes" if status["authority"]["resumes"] else "loads"
    return f"disk, then {how}" if from_disk else how


def standing(scene: Scene, cold: Cold) -> str:
    """Tell what clients find a while later."""
    for _ in range(30):
        scene.pass_time(cold, 1.0)
    assert cold.serves == cold.node.ready()
    return "serves" if cold.serves else "no port for clients"
