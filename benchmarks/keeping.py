"""A server that keeps entries at any rate while it answers reads: a node with its data in memory.

Logging in is what makes entries in real life, and costs more than keeping them; so that the cost
of keeping is seen alone, entries are made up here.
"""

from __future__ import annotations

import asyncio
import functools
import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks.questions.entries import COUNT, FIRST, PASSWORD, USER
from confwire.handshake import make_verifier
from confwire.messages import HistoryEntry, Record
from confwire.objects import BY_NAME
from proxyapp.engine import events
from proxyapp.engine.commands import ConfigureHistory
from proxyapp.engine.data.journal import record_digest
from proxyapp.engine.node import Node
from proxyapp.engine.serving import NodeSettings
from proxyapp.runtime import historyfile
from proxyapp.runtime.historian import Historian
from proxyapp.runtime.logs import Logs
from proxyapp.runtime.tasks import spawn
from proxyapp.runtime.worker import Worker

_BEATS = 50
"""Times a second that entries are made."""


def _record(type_name: str, dbid: int, folder: int = 0, **document: Any) -> Record:
    acl, verifier = document.pop("acl", None), document.pop("verifier", "")
    body = msgspec.json.encode({"DBID": dbid, **document, "folderDBID": folder})
    return Record(int(BY_NAME[type_name].type), dbid, folder, msgspec.Raw(body), acl, verifier)


def _environment(port: int) -> list[Record]:
    ports = [{"id": "default", "port": str(port)}]
    verifier = make_verifier(PASSWORD, b"0123456789abcdef", 4096)
    return [
        _record("application", 99, name="confserv", type="configserver", portInfos=ports),
        _record("application", 100, name="default", type="sce", acl=[(3, 101, 8)]),
        _record("person", 101, tenantDBID=1, userName=USER, verifier=verifier),
        _record("folder", 111, name="Skills", type="skill", acl=[(3, 101, 1)]),
        *(
            _record("skill", dbid, 111, tenantDBID=1, name=f"Skill {dbid}", userProperties={
                "a": {"text": "x" * 60}})
            for dbid in range(FIRST, FIRST + COUNT)
        ),
    ]  # fmt: skip


class Keeping:
    """The server, and what its parent asks of it."""

    def __init__(self, folder: str, port: int, durable: bool) -> None:
        settings = NodeSettings(
            application="confserv", release="1", fake_salt_key=b"k" * 32, scram_iterations=4096
        )
        self._ready = asyncio.Event()
        self._worker = Worker(
            Node.for_master(settings),
            halt=sys.exit,
            set_verbosity=lambda verbosity: None,
            loaded=self._ready.set,
            address="127.0.0.1",
        )
        file = historyfile.use(Path(folder))
        prepare = functools.partial(historyfile.prepare, file)
        self._historian = Historian(self._worker.tell, prepare, forwards=True)
        self._historian.start()
        self._historian.configure(ConfigureHistory("", durable, 1, 30))
        self._port = port
        self._made = self._rate = 0

    async def run(self) -> None:
        """Serve, and answer the parent line by line."""
        self._worker.start()
        records = _environment(self._port)
        self._worker.tell(events.LoadStarted("e", 1, len(records), "first"))
        self._worker.tell(events.RecordsLoaded(records))
        tree = sum(map(record_digest, records)) % 2**128
        self._worker.tell(events.LoadEnded(1, tree, ""))
        await self._ready.wait()
        feeding = spawn("feed", self._feed())
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            call, arguments = json.loads(line)
            print(json.dumps(await getattr(self, call)(**arguments)), flush=True)
        feeding.cancel()
        self._worker.stop("done")
        await self._historian.stop()

    async def feed(self, rate: int) -> dict[str, Any]:
        """Make so many entries a second from now on."""
        self._rate = rate
        return {}

    async def switch(self, on: bool) -> dict[str, Any]:
        """Connect the node with the history log, or take it off."""
        self._worker.history = self._historian if on else None
        return {}

    async def burst(self, count: int) -> dict[str, Any]:
        """Make so many at once; return the seconds until all are kept."""
        await self._settle()
        begun = time.monotonic()
        self._historian.keep([self._entry() for _ in range(count)])
        made = time.monotonic() - begun
        await self._settle()
        return {"seconds": time.monotonic() - begun - made}

    async def count(self) -> dict[str, Any]:
        """Return how many wait and were lost, and the processor time of the loop's thread."""
        status = self._historian.status()
        busy = time.thread_time()
        return {"waiting": status["waiting"], "lost": status["lost"], "busy": busy}

    async def _settle(self) -> None:
        while self._historian.status()["waiting"]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)

    async def _feed(self) -> None:
        while True:
            await asyncio.sleep(1 / _BEATS)
            if self._rate:
                self._historian.keep([self._entry() for _ in range(self._rate // _BEATS)])

    def _entry(self) -> HistoryEntry:
        self._made += 1
        number = self._made
        return HistoryEntry(
            kind="sessionOpened" if number % 2 else "sessionClosed",
            at=time.time(),
            server="site-1",
            session=f"{number * 0x9E3779B97F4A7C15 % 2**96:024x}",
            application="default",
            application_type="sce",
            user=f"agent{number % 5000}",
            peer=f"10.0.{number % 250}.1:{number % 60000}",
            port="default",
            epoch="8f0e2c5d7a614b3c9d20417f6be3a952",
            revision=number,
        )


def main() -> None:
    """Run until the parent closes the pipe."""
    folder, port, durable = sys.argv[1:]
    logs = Logs(None)  # to standard error: the parent listens to the other
    logs.start("none")

    async def serve() -> None:
        await Keeping(folder, int(port), durable == "durable").run()

    try:
        uvloop.run(serve())
    finally:
        logs.stop()
