"""The whole path with real processes: a change at the master reaches a client of the proxy."""

from __future__ import annotations

import asyncio
import signal

import pytest

from confwire.client import BlockingClient, Client
from confwire.errors import HistoryExpired
from tests.servers import PASSWORD, Site, eventually

pytestmark = pytest.mark.slow

CHANGE = """
import sys
from proxyapp.services import objects
delta = {"options": {"test": {"value": sys.argv[1]}}}
print(objects.update("application", 100, delta, by=None, origin="test").result.revision)
"""


async def client_of(port: int, patience: float = 0.0) -> Client:
    return await Client.connect(
        [("127.0.0.1", port)],
        application="default",
        user="default",
        password=PASSWORD,
        patience=patience,
    )


async def change(site: Site, value: str) -> int:
    return int(await asyncio.to_thread(site.python, CHANGE, value))


@pytest.mark.asyncio
async def test_a_change_reaches_a_client_behind_a_proxy_and_outlives_the_master(site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    async with await client_of(proxy.port) as client, await client.watch(["application"]) as watch:
        await change(site, "one")
        async with asyncio.timeout(10):
            notification = await anext(watch)
        assert notification.changes[0].delta == {"options": {"test": {"value": "one"}}}
        assert proxy.status()["treeHash"] == master.status()["treeHash"]

        await asyncio.to_thread(master.stop, signal.SIGKILL)
        persons = await client.read("person")
        async with await client_of(proxy.port) as newcomer:
            assert await newcomer.read("person") == persons
        for back, options in ((0, {"value": "one"}), (1, None)):
            past = await client.read_past(
                "application", revision=notification.revision - back, dbid=100
            )
            assert past.objects[0].get("options", {}).get("test") == options
        with pytest.raises(HistoryExpired, match="the master may know"):
            await client.read_past("application", revision=0)

        await asyncio.to_thread(master.start)
        await change(site, "two")
        async with asyncio.timeout(10):
            notification = await anext(watch)
        assert notification.changes[0].delta == {"options": {"test": {"value": "two"}}}
    status = proxy.status()
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)


def test_a_write_over_the_wire_is_committed_and_answered(site) -> None:
    master = site.master().start()
    with BlockingClient.connect(
        [("127.0.0.1", master.port)], application="default", user="default", password=PASSWORD
    ) as client:
        before = master.status()["revision"]
        written = client.create("skill", {"name": "Привет", "tenantDBID": 1})
        assert written.revision == before + 1
        assert [skill["name"] for skill in client.read("skill")] == ["Привет"]


def test_a_restored_database_is_noticed_and_everyone_reads_anew(site) -> None:
    master, proxy = site.master().start(), site.proxy().start()
    epoch = site.manage("newepoch").split()[-1].strip(".")
    eventually(lambda: proxy.status()["epoch"] == epoch, "the new epoch at the proxy")
    assert master.status()["loads"] == 2
    assert any(alarm["alarm"] == "epoch" for alarm in master.status()["alarms"])


def test_no_secret_reaches_the_logs(site) -> None:
    master, proxy = site.master("-log-verbose", "all").start(), site.proxy().start()
    with BlockingClient.connect(
        [("127.0.0.1", proxy.port)], application="default", user="default", password=PASSWORD
    ) as client:
        client.read("person")
    said = proxy.stop()[1] + master.stop()[1]
    for path in site.folder.rglob("*.log"):
        said += path.read_text()
    assert "session opened" in said
    for secret in (PASSWORD, site.secret_file.read_text().strip(), "SCRAM-SHA-256$"):
        assert secret not in said
