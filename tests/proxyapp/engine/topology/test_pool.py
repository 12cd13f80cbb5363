from __future__ import annotations

from typing import Any

import pytest

from proxyapp.engine.topology.pool import chosen, objection, pool_of, stands_for_a_pool
from tests.proxyapp.engine.bench import Bench, master, record


def balancer(**more: Any) -> list[Any]:
    """Return the External Configuration Server Proxy and its host."""
    fields = {"type": "configserver", "accountDBID": 100, "serverInfo": {"hostDBID": 301},
              "portInfos": [{"id": "default", "port": "2120"}], **more}  # fmt: skip
    return [
        record("host", 301, 0, name="balancer.example", lcaPort=fields.pop("lcaPort", "0")),
        record("application", 140, 500, name="pool", **fields),
    ]


def member(**more: Any) -> Any:
    options = {"csproxy": {"proxy-cluster-name": "pool"}}
    fields = {"type": "configserver", "accountDBID": 100, "options": options, **more}
    return record("application", 110, 500, name="proxy1", **fields)


def made(*records: Any) -> Bench:
    bench = master()
    bench.commit(*records)
    return bench


def reason(bench: Bench, name: str = "pool", dbid: int = 110) -> str:
    return objection(bench.node.serving.store, {"DBID": dbid}, name)


def test_the_pool_is_who_its_object_is_and_where_its_balancer_listens():
    store = made(*balancer(), member()).node.serving.store
    pool = pool_of(store, "POOL")
    assert pool is not None
    assert (pool.dbid, pool.name, pool.host, pool.port) == (140, "pool", "balancer.example", "2120")
    assert stands_for_a_pool(store, "Pool")
    assert not stands_for_a_pool(store, "proxy1")


def test_a_member_that_keeps_the_rules_is_taken():
    assert reason(made(*balancer(), member())) == ""


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([member()], "create it"),
        ([*balancer(type="genericserver"), member()], "create it"),
        ([*balancer(serverInfo={}), member()], "has no host"),
        ([*balancer(lcaPort="4999"), member()], "LCA port"),
        ([*balancer(), member(serverInfo={"backupServerDBID": 99})], "no backup"),
    ],
)
def test_a_member_that_breaks_one_is_told_so(records, told):
    assert told in reason(made(*records))


def test_the_backup_of_another_server_is_no_member_and_the_balancer_is_none_itself():
    bench = made(*balancer(), member())
    primary = record("application", 150, 500, name="primary", type="configserver",
                     serverInfo={"backupServerDBID": 110})  # fmt: skip
    bench.commit(primary)
    assert "no backup" in reason(bench)
    assert "cannot be a member" in reason(bench, dbid=140)


def test_only_the_option_of_the_section_names_a_pool():
    assert chosen({"options": {"csproxy": {"proxy-cluster-name": " pool "}}}) == "pool"
    assert chosen({"options": {"other": {"proxy-cluster-name": "pool"}}}) == ""
    assert chosen({}) == ""
