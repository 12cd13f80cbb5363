"""Of several database servers the one with the latest timeline is taken, and none before that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from proxyapp.runtime import feed
from proxyapp.runtime.cluster import Cluster, places_of
from proxyapp.runtime.timelines import Timeline, TimelineFile
from tests.servers import free_port


@pytest.fixture
def parameters() -> Iterator[dict[str, object]]:
    before = dict(settings.DATABASES["default"])
    yield {**feed.parameters(), "dbname": connection.settings_dict["NAME"]}
    settings.DATABASES["default"].update(before)


def test_hosts_and_ports_are_lists_as_libpq_has_them() -> None:
    both = [{"host": "a", "port": "5432"}, {"host": "b", "port": "5432"}]
    assert places_of({"host": "a,b", "port": 5432}) == both
    other = [{"host": "a", "port": "1"}, {"host": "b", "port": "2"}]
    assert places_of({"host": "a,b", "port": "1,2"}) == other
    assert places_of({"host": "a,b"}) == [{"host": "a"}, {"host": "b"}]
    assert places_of({"dbname": "csproxy"}) == [{}]
    with pytest.raises(psycopg.OperationalError, match="a port for some of its hosts only"):
        places_of({"host": "a,b,c", "port": "1,2"})


@pytest.fixture
def kept(tmp_path: Path) -> TimelineFile:
    return TimelineFile(tmp_path / "timeline")


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_who_does_not_answer_is_passed_over_and_djangos_connections_go_the_same_way(
    parameters, kept
) -> None:
    host, port = parameters["host"], parameters["port"]
    both = {**parameters, "host": f"{host},{host}", "port": f"{free_port()},{port}"}
    moved: list[str] = []
    hosts = Cluster(both, kept, lambda: moved.append(settings.DATABASES["default"]["PORT"]))
    for _ in range(2):
        async with await hosts.connect("test") as found:
            assert found.info.port == int(port)
            assert hosts.timeline.system > 0
    assert moved == [str(port)], "once, as the second time nothing has changed"


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_a_look_at_all_finds_a_promotion_at_once_and_it_is_known_after_a_restart(
    parameters, kept
) -> None:
    host, port = parameters["host"], parameters["port"]
    both = {**parameters, "host": f"{host},{host}", "port": f"{port},{port}"}
    cluster = Cluster(both, kept)
    async with await cluster.connect("test"):
        await cluster.look()
        promoted = cluster.present
        # As if this connection were to the one that was primary before.
        cluster.present = cluster.timeline = Timeline(promoted.system, promoted.number - 1)
        with pytest.raises(psycopg.OperationalError, match="another database server was promoted"):
            await cluster.look()
        assert cluster.timeline == promoted
    await cluster.stop()
    assert Cluster(both, TimelineFile(kept.path)).timeline == promoted


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_a_former_primary_is_refused_with_what_to_do(parameters, kept) -> None:
    cluster = Cluster(parameters, kept)
    async with await cluster.connect("test"):
        present = cluster.timeline
    cluster.timeline = Timeline(present.system, present.number + 1)
    with pytest.raises(psycopg.OperationalError, match=r"a former primary.*make it a standby"):
        await cluster.connect("test")
