from __future__ import annotations

from proxyapp.engine import commands
from tests.proxyapp.engine.bench import FOLDER, record


def test_an_alarm_keeps_the_time_of_its_beginning_and_is_cleared_once(bench):
    serving = bench.node.serving
    serving.alarm("x", "first", 10.0)
    serving.alarm("x", "second", 20.0)
    assert serving.alarms == {"x": ("second", 10.0)}
    serving.calm("x")
    serving.calm("x")
    assert serving.alarms == {}
    logged = [c.event for c in serving.out if isinstance(c, commands.Log)]
    assert logged == ["alarm", "alarm", "alarm cleared"]


def test_accounts_are_found_by_name_in_any_case(bench):
    serving = bench.node.serving
    assert serving.person_named("BoB").dbid == 101
    assert serving.person_named("nobody") is None
    assert serving.application_named("CONFSERV").dbid == 99
    assert serving.application_named("") is None


def test_who_has_no_session_has_no_person(bench):
    bob = bench.login("bob")
    assert bench.node.serving.person_of(bob.connection) == 101
    assert bench.node.serving.person_of(77) == 0
    bench.commit(record("skill", 601, FOLDER, name="x"))
    assert bench.node.serving.revision == 2
