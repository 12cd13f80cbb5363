"""The table of metrics finds in a server's status what it promises, and no label without bound."""

from __future__ import annotations

import re

from proxyapp.engine.figures import FIGURES, Kind
from tests.proxyapp.engine.bench import FOLDER, record
from tests.proxyapp.engine.pairbench import PairBench

OF_THE_RUNTIME = {
    "connections", "output_queue_bytes", "output_queue_largest_bytes", "external_logins_total",
    "external_logins_waiting", "history_waiting", "history_lost_total", "copy_revision",
    "copy_waiting", "copy_bytes", "recent_stall_seconds", "longest_stall_seconds",
    "certificate_expiry_timestamp_seconds", "failed_handshakes_total", "handshakes_waiting",
}  # fmt: skip


def figures(bench) -> dict[str, dict[str, float]]:
    status = bench.node.status(bench.now, whole=False)
    assert "sessions" not in status, "sessions are counted, not told one by one"
    return {figure.name: dict(figure.read(status)) for figure in FIGURES}


def test_names_are_as_prometheus_wants_them() -> None:
    names = [figure.name for figure in FIGURES]
    assert len(set(names)) == len(names)
    for figure in FIGURES:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", figure.name)
        assert figure.name.endswith("_total") is (figure.kind is Kind.COUNTER)
        assert figure.label not in {"session", "user", "client", "object", "peer"}


def test_a_server_tells_each_figure_that_concerns_it() -> None:
    two = PairBench()
    two.primary.login("bob")
    told = [figures(bench) for bench in (two.master, two.primary, two.backup)]
    told_by_any = {name for found in told for name, samples in found.items() if samples}
    raised = {"alarm"}
    assert {figure.name for figure in FIGURES} - told_by_any - raised == OF_THE_RUNTIME
    master, primary, backup = told
    assert (master["database_up"], master["link_up"]) == ({"": 1.0}, {})
    assert (primary["link_up"], primary["database_up"]) == ({"": 1.0}, {})
    assert (primary["role"], backup["role"]) == ({"primary": 1.0}, {"backup": 1.0})
    assert (primary["ready"], backup["ready"]) == ({"": 1.0}, {"": 0.0})
    assert primary["sessions"] == {"client": 1, "server": 0, "peer": 1}
    assert master["sessions"] == {"client": 0, "server": 2, "peer": 0}
    assert master["server_lag_revisions"] == {"proxy1": 0, "proxy2": 0}
    assert primary["term"] == {"": 1}


def test_what_happens_is_counted(bench) -> None:
    before = figures(bench)
    assert before["role"] == {"alone": 1.0} or before["role"] == {"primary": 1.0}
    bob = bench.login("bob")
    bob.watch(types=["skill"])
    bench.commit(record("skill", 604, FOLDER, name="new"))
    bob.read("skill", name="new")
    after = figures(bench)
    assert after["logins_total"]["opened"] == before["logins_total"]["opened"] + 1
    assert after["notifications_total"] == {"": 1}
    assert after["reads_total"] == {"": 1}
    assert after["registrations_total"] == {"": 1}
    assert after["revision"][""] == before["revision"][""] + 1


def test_a_refused_login_is_counted(bench) -> None:
    bench.connect().open("bob", salted=b"\0" * 32)
    assert figures(bench)["logins_total"] == {"opened": 0, "resumed": 0, "refused": 1}
