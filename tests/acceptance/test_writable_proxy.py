"""Desktops write through a proxy while lines are cut and the proxy is killed: each write once."""

from __future__ import annotations

import asyncio
import json
import signal
from random import Random

import pytest

from confwire.client import Client
from confwire.errors import AuthenticationFailed, MasterUnavailable
from tests.cutting import Line
from tests.servers import PASSWORD, Process, Site

pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

WRITES = 120

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


async def writing(port: int, dbid: int, worker: int) -> None:
    async with await Client.connect(
        [("127.0.0.1", port)], application="default", user="default", password=PASSWORD,
        request_timeout=60,
    ) as client:  # fmt: skip
        for number in range(worker, WRITES, 4):
            delta = {"userProperties": {"desk": {"layout": str(number)}}}
            while True:
                try:
                    await client.update("skill", dbid, delta)
                    break
                except MasterUnavailable:  # the proxy has just started: it has begun nothing
                    await asyncio.sleep(0.1)


async def cutting(line: Line, proxy: Process, written: asyncio.Future[None]) -> int:
    random, cuts = Random(20261122), 0
    while not written.done():
        await asyncio.wait([written], timeout=random.uniform(0.02, 0.2))
        line.cut()
        cuts += 1
        if cuts == 10:
            await asyncio.to_thread(proxy.stop, signal.SIGKILL)
            await asyncio.to_thread(proxy.start)
    return cuts


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


async def test_every_write_is_made_once_whatever_is_cut_or_killed(site: Site) -> None:
    await asyncio.to_thread(site.master().start)
    dbid = int(await asyncio.to_thread(site.python, PREPARE))
    proxy = await asyncio.to_thread(site.proxy().start)
    with Line(proxy.port) as line:
        written = asyncio.gather(*(writing(line.port, dbid, worker) for worker in range(4)))
        cuts = await cutting(line, proxy, written)
        await written
    assert cuts > 10
    await changing_the_password(proxy.port)
    found = json.loads(await asyncio.to_thread(site.python, VALUES))
    assert sorted(int(value) for value, _ in found) == list(range(WRITES))
    assert {through for _, through in found} == {"site-1"}
