from __future__ import annotations

import json

import pytest

from proxyapp.engine import commands, events
from proxyapp.engine.commands import Broadcast
from proxyapp.engine.trust.sealing import derive
from tests.proxyapp.engine.bench import Bench, Proxy, master, record
from tests.proxyapp.engine.copybench import Copied

DAY = 86_400


@pytest.fixture
def bench() -> Bench:
    return master(token_secret=b"secret")


def given(bench: Bench) -> object:
    ring = bench.node.serving.issuing.ring
    return ring.given if ring is not None else None


def told(bench: Bench) -> int:
    """Return how often keys were broadcast."""
    return sum(b'"tokenKeys"' in message
               for command in bench.of(Broadcast) for message in command.messages)  # fmt: skip


def test_a_master_has_keys_with_its_first_data_and_a_proxy_with_its_link(bench):
    assert given(bench) is not None
    proxy = Proxy(bench)
    proxy.carry_out(proxy.node.start(proxy.now))
    assert given(proxy) is None
    proxy.dial()
    assert given(proxy) == given(bench)


def test_keys_of_secrets_go_with_them_the_present_one_first():
    settings = {"token_secret": b"new", "former_secrets": ("old", "older")}
    ids = [id_ for id_, _ in derive(["new", "old", "older"])]
    proxy = Proxy(master(**settings))
    proxy.start()
    assert [id_ for id_, _ in given(proxy).secrets] == ids
    assert proxy.node.serving.secret_keys


def test_keys_are_told_again_only_when_they_change(bench):
    proxy = Proxy(bench)
    proxy.start()
    for _ in range(100):
        bench.tick(0.25)
    assert told(bench) == 0
    bench.tick(DAY)
    bench.tick(1)
    assert told(bench) == 1
    assert given(proxy) == given(bench)


def test_an_option_counts_at_once(bench):
    proxy = Proxy(bench)
    proxy.start()
    options = {"confserv": {"resume-token-life": "120", "resume-token-outage": "24"}}
    bench.commit(record("application", 99, 500, name="confserv", type="configserver",
                        accountDBID=100, options=options))  # fmt: skip
    found = proxy.node.serving.issuing.ring.given
    assert (found.life, len(found.keys)) == (120, 2)


def test_a_proxy_hands_its_keys_to_its_local_copy_each_time_it_begins_one(bench):
    copied = Copied(bench)
    copied.begin()
    copied.dial()
    assert copied.of(commands.KeepKeys)[-1].keys == given(bench)
    copied.commands.clear()
    copied.handle(events.CopyOutgrown())
    assert [command.keys for command in copied.of(commands.KeepKeys)] == [given(bench)]


def test_a_proxy_without_a_local_copy_keeps_none(bench):
    proxy = Proxy(bench)
    proxy.start()
    assert not proxy.of(commands.KeepKeys)


def test_keys_cross_the_wire_as_they_are(bench):
    line = bench.connect()
    line.open("", application="proxy1", role="proxy")
    line.inbox.clear()
    line.post("replicate")
    message = line.inbox[0]
    assert message["message"] == "tokenKeys"
    keys = [*message["keys"], *message["secrets"]]
    assert json.dumps(message).count("=") == len(keys), "keys of 32 bytes in base64"
