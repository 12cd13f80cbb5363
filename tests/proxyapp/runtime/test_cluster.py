"""Of several database servers the one with the latest timeline is taken, and none before that."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from proxyapp.runtime import feed
from proxyapp.runtime.cluster import UNTOLD, Cluster, Timeline, places_of
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


@pytest.mark.parametrize(
    ("one", "other", "precedes"),
    [
        (Timeline(7, 1), Timeline(7, 2), True),
        (Timeline(7, 2), Timeline(7, 2), False),
        (Timeline(7, 3), Timeline(7, 2), False),
        (Timeline(8, 1), Timeline(7, 2), False),
        (UNTOLD, Timeline(7, 2), False),
    ],
)
def test_only_an_earlier_timeline_of_the_same_cluster_is_a_former_one(one, other, precedes) -> None:
    assert one.precedes(other) is precedes
    assert len(str(Timeline(2**64 - 1, 2**32 - 1))) <= 32


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_who_does_not_answer_is_passed_over_and_djangos_connections_go_the_same_way(
    parameters,
) -> None:
    host, port = parameters["host"], parameters["port"]
    hosts = Cluster({**parameters, "host": f"{host},{host}", "port": f"{free_port()},{port}"})
    async with await hosts.connect("test") as found:
        assert found.info.port == int(port)
        assert hosts.timeline.system > 0
    assert settings.DATABASES["default"]["PORT"] == str(port)


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.asyncio
async def test_a_former_primary_is_refused_with_what_to_do(parameters) -> None:
    cluster = Cluster(parameters)
    async with await cluster.connect("test"):
        present = cluster.timeline
    cluster.timeline = Timeline(present.system, present.number + 1)
    with pytest.raises(psycopg.OperationalError, match=r"a former primary.*make it a standby"):
        await cluster.connect("test")
