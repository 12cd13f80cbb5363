"""Desktops write through a proxy while lines are cut and the proxy is killed: each write once.

CSPROXY_TEST_CUTS lines are cut, 24 unless it is set.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import signal
from random import Random

import pytest

from confwire.client import Client, OutcomeUnknown
from confwire.errors import AuthenticationFailed, MasterUnavailable
from tests.cutting import Line
from tests.servers import PASSWORD, Process, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

CUTS = int(os.environ.get("CSPROXY_TEST_CUTS", "24"))
WRITERS = 4

PREPARE = """
from proxyapp.models import Application
from proxyapp.services import objects
who = {"by": None, "origin": "test"}
proxy = Application.objects.get(name="site-1").dbid
objects.update("application", proxy, {"options": {"csproxy": {"proxy-writable": "true",
    "write-limit": 0}}}, **who)
print(objects.create("skill", {"name": "desk", "tenantDBID": 1}, **who).dbid)
"""
VALUES = """
import json
from historylog.models import ChangeRecord, Transaction
rows = ChangeRecord.objects.filter(type=13, kind="changed").order_by("revision")
print(json.dumps([
    (json.loads(row.body)["userProperties"]["desk"]["layout"],
     Transaction.objects.get(revision=row.revision).through) for row in rows
]))
"""


async def writing(port: int, dbid: int, worker: int, ended: asyncio.Event) -> list[int]:
    """Write numbers of its own until the end; return them."""
    written = []
    async with await Client.connect(
        [("127.0.0.1", port)], application="default", user="default", password=PASSWORD,
        request_timeout=60,
    ) as client:  # fmt: skip
        for number in itertools.count(worker, WRITERS):
            if ended.is_set():
                return written
            delta = {"userProperties": {"desk": {"layout": str(number)}}}
            name = f"number {number}"
            while True:
                try:
                    await client.update("skill", dbid, delta, request_id=name)
                    break
                except (MasterUnavailable, OutcomeUnknown):
                    await asyncio.sleep(0.1)
            written.append(number)
    raise AssertionError("the client was closed")


async def cutting(lines: list[Line], proxy: Process) -> None:
    """Cut a line at random, again and again; kill the proxy once."""
    random = Random(20261122)
    for cut in range(CUTS):
        await asyncio.sleep(random.uniform(0.02, 0.2))
        random.choice(lines).cut()
        if cut == CUTS // 2:
            await asyncio.to_thread(proxy.stop, signal.SIGKILL)
            await asyncio.to_thread(proxy.start)


async def changing_the_password(port: int) -> None:
    """Change the own password through the proxy: it counts as soon as that is answered."""
    address, account = [("127.0.0.1", port)], {"application": "default", "user": "default"}
    async with await Client.connect(address, password=PASSWORD, **account) as client:
        with pytest.raises(AuthenticationFailed, match="old password"):
            await client.change_password("not it", "Нарния 7")
        await client.change_password(PASSWORD, "Нарния 7")
    async with await Client.connect(address, password="Нарния 7", **account) as client:
        assert (await client.server_info()).server.mode == "proxy"
    with pytest.raises(AuthenticationFailed):
        await Client.connect(address, password=PASSWORD, **account)


@pytest.mark.timeout(60 + CUTS)
async def test_every_write_is_made_once_whatever_is_cut_or_killed(site: Site) -> None:
    await asyncio.to_thread(site.master().start)
    dbid = int(await asyncio.to_thread(site.python, PREPARE))
    with Line(site.master_port) as link:
        proxy = await asyncio.to_thread(site.proxy("-port", str(link.port)).start)
        with Line(proxy.port) as line:
            ended = asyncio.Event()
            writers = asyncio.gather(
                *(writing(line.port, dbid, worker, ended) for worker in range(WRITERS))
            )
            await cutting([line, link], proxy)
            ended.set()
            written = sorted(itertools.chain.from_iterable(await writers))
        await changing_the_password(proxy.port)
    found = json.loads(await asyncio.to_thread(site.python, VALUES))
    assert sorted(int(value) for value, _ in found) == written
    assert {through for _, through in found} == {"site-1"}
