from __future__ import annotations

import json

from tests.proxyapp.engine.bench import FOLDER, gone, record


def test_a_status_tells_everything_that_operators_ask(bench):
    bob = bench.login("bob", application_type="sce")
    bob.watch(name="mine", types=["skill"])
    bench.commit(record("skill", 601, FOLDER, name="x"))
    bench.now += 3
    status = json.loads(json.dumps(bench.node.status(bench.now)))
    assert (status["application"], status["DBID"], status["mode"]) == ("confserv", 99, "master")
    assert (status["epoch"], status["revision"], status["ready"]) == ("e1", 2, True)
    assert status["journal"] == {"from": 1, "to": 2}
    assert (status["objects"]["skill"], status["objectCount"]) == (3, 15)
    assert (status["loads"], status["views"], status["alarms"]) == (1, 1, [])
    (session,) = status["sessions"]
    assert (session["application"], session["user"], session["type"]) == ("default", "bob", "sce")
    assert (session["peer"], session["port"], session["connected"]) == ("10.0.0.1:1", "default", 3)
    assert (session["subscriptions"], session["cursor"]) == (["mine"], 2)


def test_options_that_are_not_valid_are_noticed_in_the_status(bench):
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        options={"csproxy": {"packet-size": "many"}}))  # fmt: skip
    (notice,) = bench.node.status(bench.now)["notices"]
    assert "packet-size" in notice


def test_a_proxy_tells_of_its_link_and_a_master_of_its_proxies(bench, proxy):
    far = proxy.node.status(proxy.now)
    assert (far["mode"], far["authority"]["link"]) == ("proxy", "live")
    assert far["authority"]["master"] == "master.example:2020"
    assert far["authority"]["masterApplication"] == "confserv"
    (link,) = bench.node.status(bench.now)["sessions"]
    assert (link["application"], link["server"], link["behind"]) == ("proxy1", True, False)


def test_a_link_that_lags_is_seen_to(bench, proxy):
    proxy.line.block()
    bench.commit(gone("skill", 601))
    (link,) = bench.node.status(bench.now)["sessions"]
    assert (link["cursor"], link["behind"]) == (1, True)
    proxy.line.drain()
    (link,) = bench.node.status(bench.now)["sessions"]
    assert (link["cursor"], link["behind"]) == (2, False)
