from __future__ import annotations

from typing import Any

from confwire.errors import CloseCode
from tests.proxyapp.engine.bench import (
    VERIFIER,
    Bench,
    Proxy,
    gone,
    record,
)
from tests.proxyapp.engine.topology.test_pool import balancer


def member(name: str = "proxy1", dbid: int = 110, **more: Any) -> Any:
    options = {"csproxy": {"proxy-cluster-name": "pool"}}
    fields = {"type": "configserver", "accountDBID": 100, "options": options, **more}
    return record("application", dbid, 500, name=name, verifier=VERIFIER, acl=[(3, 100, 9)],
                  portInfos=[{"id": "default", "port": str(1930 + dbid)}], **fields)  # fmt: skip


def started(bench: Bench, name: str) -> Proxy:
    proxy = Proxy(bench, application=name)
    proxy.start()
    return proxy


def told(bench: Bench) -> dict[str, Any]:
    """Return who a server says it is to one who logs in."""
    client = bench.connect()
    client.open("bob")
    server: dict[str, Any] = client.inbox[-1]["server"]
    return server


def test_every_member_of_a_pool_answers_as_the_pool(bench):
    bench.commit(*balancer(), member(), member("proxy2", 111))
    one, other = started(bench, "proxy1"), started(bench, "proxy2")
    servers = [told(one), told(other)]
    assert [server.pop("member") for server in servers] == ["proxy1", "proxy2"]
    assert servers[0] == servers[1]
    expected = {"application": "pool", "DBID": 140, "host": "balancer.example", "port": "2120"}
    assert expected.items() <= servers[0].items()
    (info,) = one.login("bob").ask("readServerInfo")
    assert info["server"]["application"] == "pool"


def test_the_status_of_a_member_is_its_own(bench):
    bench.commit(*balancer(), member())
    status = started(bench, "proxy1").node.status(100.0)
    assert (status["application"], status["DBID"], status["pool"]) == ("proxy1", 110, "pool")


def test_a_balancer_that_moves_is_told_at_once(bench):
    bench.commit(*balancer(), member())
    proxy = started(bench, "proxy1")
    bench.commit(record("host", 301, 0, name="other.example", lcaPort="0"))
    assert told(proxy)["host"] == "other.example"


def test_a_member_that_breaks_a_rule_answers_as_itself_and_says_why(bench):
    bench.commit(*balancer(), member())
    proxy = started(bench, "proxy1")
    bench.commit(gone("application", 140))
    assert told(proxy)["application"] == "proxy1"
    assert "pool" in proxy.alarms()
    bench.commit(*balancer())
    assert told(proxy)["application"] == "pool"
    assert "pool" not in proxy.alarms()


def test_the_option_counts_from_the_start_of_the_server(bench):
    proxy = started(bench, "proxy1")
    bench.commit(*balancer(), member())
    assert told(proxy)["application"] == "proxy1"
    proxy.sever()
    assert told(started(bench, "proxy1"))["application"] == "pool"


def test_nobody_starts_the_object_of_the_balancer(bench):
    bench.commit(*balancer(), member())
    bench.commit(
        record(
            "application",
            140,
            500,
            name="pool",
            type="configserver",
            accountDBID=100,
            verifier=VERIFIER,
            acl=[(3, 100, 9)],
            serverInfo={"hostDBID": 301},
        )
    )
    line = bench.connect()
    line.open("", application="pool", role="proxy")
    assert line.inbox[-1]["code"] == "noPermission"
    assert "balancer" in line.inbox[-1]["text"]
    assert line.closed[0] == CloseCode.REFUSED


def test_clients_are_told_where_the_backup_is(bench):
    bench.commit(
        record("host", 70, name="host-b"),
        record("application", 98, 500, name="confserv2", type="configserver",
               serverInfo={"hostDBID": 70}, portInfos=[{"id": "default", "port": "2120"}]),
        record("application", 99, 500, name="confserv", type="configserver",
               accountDBID=100, serverInfo={"backupServerDBID": 98}),
    )  # fmt: skip
    (info,) = bench.login("bob").ask("readServerInfo")
    assert (info["server"]["backupHost"], info["server"]["backupPort"]) == ("host-b", "2120")
