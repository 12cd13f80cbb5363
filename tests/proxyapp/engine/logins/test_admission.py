from __future__ import annotations

import pytest

from proxyapp.engine import commands
from tests.proxyapp.engine.bench import FOLDER, USERS, VERIFIER, Proxy, gone, master, record

PROXY = {"name": "proxy1", "type": "configserver", "accountDBID": 100, "verifier": VERIFIER}


def outcome(bench, **more) -> str:
    """Return why a new proxy was told to stop, empty when its link is live."""
    proxy = Proxy(bench, **more)
    proxy.start()
    stops = proxy.of(commands.Stop)
    return stops[0].reason if stops else ""


def test_a_proxy_of_the_masters_release_is_taken(bench):
    assert outcome(bench) == ""


def test_a_proxy_with_a_wrong_secret_is_refused(bench):
    proxy = Proxy(bench)
    proxy.password = "wrong"
    proxy.start()
    assert "with this secret" in proxy.of(commands.Stop)[0].reason


def test_a_disabled_proxy_is_refused(bench):
    bench.commit(record("application", 110, 500, state="disabled", acl=[(3, 100, 9)], **PROXY))
    assert "is disabled" in outcome(bench)


def test_a_proxy_that_runs_as_another_account_is_refused(bench):
    other = {**PROXY, "accountDBID": 101}
    bench.commit(record("application", 110, 500, acl=[(3, 101, 9)], **other))
    assert "Environment\\default" in outcome(bench)


def test_a_proxy_without_the_right_to_execute_is_refused(bench):
    bench.commit(record("application", 110, 500, acl=[(3, 100, 1)], **PROXY))
    assert "no application 'proxy1'" in outcome(bench)


def test_an_application_of_another_type_is_no_proxy(bench):
    other = {**PROXY, "type": "statserver"}
    bench.commit(record("application", 110, 500, acl=[(3, 100, 9)], **other))
    assert outcome(bench) != ""


def test_a_person_cannot_open_with_the_role_of_a_proxy(bench):
    client = bench.connect()
    client.open("bob", role="proxy")
    assert client.inbox[-1]["code"] == "noPermission"


def test_a_proxy_takes_no_proxies(bench, proxy):
    assert "itself a proxy" in outcome(proxy)


def test_a_line_in_clear_is_refused_by_both_sides(bench):
    assert "neither TLS nor loopback" in outcome(bench, secure=False)
    assert "loopback or TLS" in outcome(bench, secure=False, insecure_link=True)


def test_the_master_of_an_older_release_refuses_a_later_proxy():
    assert "the older 0.9.9" in outcome(master(release="0.9.9"))


def test_the_master_of_a_later_release_takes_an_older_proxy_with_a_warning():
    bench = master(release="1.0.10")
    assert outcome(bench) == ""
    assert any(log.event == "proxy of an older release" for log in bench.of(commands.Log))


@pytest.mark.parametrize(
    "change",
    [
        record("person", 101, userName="bob", state="disabled", verifier=VERIFIER),
        gone("person", 101),
        gone("application", 100),
        record("application", 100, 500, name="default", type="sce", state="disabled",
               acl=[(21, USERS, 9)]),
        record("application", 100, 500, name="default", type="sce", acl=[(21, USERS, 1)]),
        record("accessGroup", USERS, name="Users"),
    ],
)  # fmt: skip
def test_who_may_no_longer_log_in_is_sent_away(bench, change):
    client = bench.login("bob")
    stays = bench.login("eve") if change.type != 9 or change.dbid != 100 else None
    bench.commit(change)
    assert client.closed is not None
    assert client.closed[0] == 4006
    assert stays is None or stays.closed is None


def test_a_change_that_concerns_nobodys_login_ends_no_session(bench):
    client = bench.login("bob")
    bench.commit(record("skill", 601, FOLDER, name="x", acl=[(3, 102, 1)]))
    bench.commit(record("person", 102, userName="eve", state="disabled"))
    assert client.closed is None


def test_a_proxy_that_is_disabled_loses_its_link_and_goes_on_serving(bench, proxy):
    client = proxy.login("bob")
    bench.commit(record("application", 110, 500, state="disabled", acl=[(3, 100, 9)], **PROXY))
    assert proxy.line is None
    proxy.dial()
    assert "refused" in proxy.alarms()
    assert client.read("skill") == [601, 602]
    assert proxy.of(commands.Stop) == []


def test_a_daemon_whose_account_is_another_one_now_must_log_in_anew(bench, proxy):
    bench.commit(
        record("application", 110, 500, acl=[(3, 100, 9)], **{**PROXY, "accountDBID": 101})
    )
    assert proxy.line is None


PORTS = [{"id": "default", "port": "2020"}, {"id": "ui", "port": "2030", "clientsOnly": True}]
SERVER = {"name": "confserv", "type": "configserver", "accountDBID": 100}
DAEMON = record("application", 120, 500, name="stat", type="statserver", accountDBID=100,
                verifier=VERIFIER, acl=[(3, 100, 9)])  # fmt: skip


def answer(bench, port: str, **opening) -> str:
    """Return what an opening by this port ends with."""
    client = bench.connect(port=port)
    client.open(**opening)
    return client.inbox[-1].get("code") or client.inbox[-1]["message"]


def test_a_dedicated_port_takes_people_and_refuses_servers(bench):
    bench.commit(DAEMON, record("application", 99, 500, portInfos=PORTS, **SERVER))
    assert answer(bench, "ui") == "opened"
    assert answer(bench, "ui", user="", application="stat") == "portDedicated"
    assert answer(bench, "ui", user="", application="proxy1", role="proxy") == "portDedicated"
    assert answer(bench, "default", user="", application="stat") == "opened"
    assert answer(bench, "web") == "opened"


def test_a_refusal_by_a_dedicated_port_names_the_other_one(bench):
    bench.commit(DAEMON, record("application", 99, 500, portInfos=PORTS, **SERVER))
    client = bench.connect(port="ui")
    client.open("", "stat")
    assert "of type statserver: connect to port 2020" in client.inbox[-1]["text"]
    assert client.closed == (4001, "portDedicated")


def test_who_cannot_prove_itself_is_not_told_what_the_port_is_for(bench):
    bench.commit(DAEMON, record("application", 99, 500, portInfos=PORTS, **SERVER))
    assert answer(bench, "ui", user="", application="stat", salted=b"x" * 32) == (
        "authenticationFailed"
    )


def test_the_types_of_a_dedicated_port_can_be_chosen(bench):
    chosen = {"csproxy": {"dedicated-port-types": "agentdesktop, StatServer"}}
    bench.commit(DAEMON, record("application", 99, 500, portInfos=PORTS, options=chosen, **SERVER))
    assert answer(bench, "ui") == "portDedicated"  # bob's application is of type sce
    assert answer(bench, "ui", user="", application="stat") == "opened"


def test_sessions_stay_when_their_port_is_dedicated_later(bench):
    bench.commit(DAEMON)
    client = bench.connect(port="ui")
    client.open("", "stat")
    bench.commit(record("application", 99, 500, portInfos=PORTS, **SERVER))
    assert client.closed is None
