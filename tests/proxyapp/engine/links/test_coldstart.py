"""How a proxy starts from its local copy, and when it serves what is there."""

from __future__ import annotations

from confwire.messages import Record
from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    Proxy,
    record,
    tree_of,
)
from tests.proxyapp.engine.bench import environment as few
from tests.proxyapp.engine.copybench import Copied, tell


def source(proxy: Proxy) -> tuple[str, float]:
    status = proxy.node.status(proxy.now)
    return status["source"], status["age"]


def test_data_from_the_disk_is_marked_with_its_age(copied):
    again = copied.restart()
    assert source(again) == ("disk", 60.0)
    (info,) = again.login("bob").ask("readServerInfo")
    assert (info["source"], info["age"]) == ("disk", 60.0)
    assert [item for item in again.of(commands.Log) if item.event == "local copy served"]


def test_a_copy_that_is_not_what_it_says_is_refused_and_the_next_taken(bench, copied):
    made = Copied(bench)
    made.carry_out(made.node.start(made.now))
    wrong = [copied.kept[0], *copied.kept[2:]]
    tell(made, wrong, made.now)
    (refusal,) = made.of(commands.RefuseCopy)
    assert "tree hash" in refusal.reason
    assert not made.node.ready()
    tell(made, copied.kept, made.now)
    made.handle(events.CopyRead(["one: damaged"]))
    assert tree_of(made) == tree_of(bench)
    assert made.kept[0].whole


def test_without_a_copy_the_master_is_waited_for(bench):
    made = Copied(bench)
    made.begin()
    assert not made.node.ready()
    assert made.node.status(made.now)["age"] == 0
    made.dial()
    assert tree_of(made) == tree_of(bench)


def own(*, fresh: bool = False, name: str = "proxy1", dbid: int = 110) -> Record:
    options = {"csproxy": {"fresh-data-only": "true"}} if fresh else {}
    return record("application", dbid, 500, name=name, type="configserver", accountDBID=100,
                  acl=[(3, 100, 9)], portInfos=[{"id": "default", "port": "2030"}],
                  options=options, verifier=verifier())  # fmt: skip


def verifier() -> str:
    return next(item.verifier for item in few() if (item.type, item.dbid) == (9, 110))


def test_a_copy_can_be_withheld_until_the_master_is_there(bench, copied):
    bench.commit(own(fresh=True))
    again = copied.restart()
    assert not again.node.ready()
    assert not again.of(commands.Listen)
    assert again.node.status(again.now)["withheld"]
    again.dial()
    assert again.node.ready()
    assert [port.port for port in again.of(commands.Listen)[0].ports] == [2030]
    status = again.node.status(again.now)
    assert (status["loads"], status["withheld"]) == (1, "")


def test_a_running_proxy_is_not_withheld_by_the_option(bench, copied):
    bench.commit(own(fresh=True))
    copied.sever()
    assert copied.node.ready()
    assert source(copied)[0] == "memory"


def test_a_copy_without_the_own_application_waits_for_the_master(bench, copied):
    again = copied.restart(application="proxy2")
    assert not again.node.ready()
    assert not again.of(commands.Stop)
    bench.commit(own(name="proxy2", dbid=111))
    again.dial()
    assert again.node.ready()


def test_a_master_that_refuses_ends_a_proxy_that_has_only_its_copy(bench, copied):
    bench.commit(record("application", 110, 500, name="proxy1", type="configserver",
                        accountDBID=100, state="disabled", verifier=verifier()))  # fmt: skip
    again = copied.restart()
    again.dial()
    assert again.of(commands.Stop)


def test_that_the_master_cannot_be_reached_is_an_alarm(copied):
    again = copied.restart()
    assert again.alarms() == set()
    again.handle(events.LinkLost("refused", jitter=0.5))
    assert again.alarms() == {"master"}
    again.dial()
    assert again.alarms() == set()
