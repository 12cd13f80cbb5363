"""What becomes of open sessions when rights, accounts and applications change."""

from __future__ import annotations

import pytest

from confwire.errors import CloseCode
from tests.proxyapp.engine.bench import VERIFIER, Proxy, gone, record

DEFAULT = {"name": "default", "type": "sce"}


def ended(client):
    return client.closed[0] if client.closed else None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (gone("person", 101), "the account was disabled or deleted"),
        (
            record("person", 101, userName="bob", state="disabled", verifier=VERIFIER),
            "the account was disabled or deleted",
        ),
        (gone("application", 100), "application 'default' was disabled or deleted"),
        (
            record("application", 100, 500, state="disabled", acl=[(21, 201, 9)], **DEFAULT),
            "application 'default' was disabled or deleted",
        ),
        (
            record("application", 100, 500, **DEFAULT),
            "the right to execute application 'default' was withdrawn",
        ),
    ],
)
def test_who_could_not_log_in_any_more_is_sent_away(bench, change, reason):
    client = bench.login("bob")
    bench.commit(change)
    assert client.closed == (CloseCode.RIGHTS_WITHDRAWN, reason)


def test_others_stay(bench):
    client, other = bench.login("bob"), bench.login("eve")
    bench.commit(gone("person", 101))
    assert (ended(client), ended(other)) == (CloseCode.RIGHTS_WITHDRAWN, None)
    assert other.ask("readServerInfo")


def test_a_change_that_bars_nobody_ends_nothing(bench):
    client = bench.login("bob")
    bench.commit(record("person", 101, userName="bob", firstName="Robert", verifier=VERIFIER))
    assert ended(client) is None


def test_rights_that_come_and_go_are_had_at_once(bench):
    client = bench.login("bob")
    before = client.read("skill")
    bench.commit(record("skill", 603, 503, acl=[(3, 101, 1)], name="granted"))
    assert client.read("skill") == sorted([*before, 603])
    bench.commit(record("skill", 603, 503, acl=[(3, 101, 0)], name="granted"))
    assert client.read("skill") == before


def test_server_links_keep_their_rights_whatever_is_granted(bench, proxy):
    bench.commit(record("folder", 503, 500, name="x", type="skill", acl=[(3, 100, 0)]))
    bench.commit(record("skill", 604, 503, name="y"))
    assert proxy.link == "live"
    assert proxy.node.serving.store.get(13, 604) is not None


# ---------------------------------------------------------------- at every proxy


def at_proxies(bench):
    """Return two proxies whose lines are held, and Bob at each of them, hearing of skills."""
    second = record("application", 111, 500, name="proxy2", type="configserver", accountDBID=100,
                    verifier=VERIFIER, acl=[(3, 100, 9)])  # fmt: skip
    bench.commit(second)
    proxies = [Proxy(bench), Proxy(bench, application="proxy2")]
    bobs = []
    for proxy in proxies:
        proxy.start()
        bobs.append(proxy.login("bob"))
        bobs[-1].watch(types=["skill"])
        proxy.hold_wire = True
    return proxies, bobs


def test_a_right_that_is_withdrawn_ends_pushes_at_every_proxy_with_its_transaction(bench):
    proxies, bobs = at_proxies(bench)
    folder = {"name": "Skills", "type": "skill", "owner": {"objectType": "tenant", "DBID": 1}}
    bench.commit(record("folder", 501, **folder))
    bench.commit(record("skill", 601, 501, name="changed behind it", tenantDBID=1))
    for proxy, bob in zip(proxies, bobs, strict=True):
        proxy.pump(1)
        assert sorted(bob.changes()) == [("left", "skill", 601), ("left", "skill", 602)]
        proxy.hold_wire = False
        proxy.pump()
        assert bob.changes() == []
        assert bob.read("skill") == []


def test_a_person_that_is_disabled_hears_nothing_more_at_any_proxy(bench):
    proxies, bobs = at_proxies(bench)
    bench.commit(record("person", 101, userName="bob", state="disabled", verifier=VERIFIER))
    bench.commit(record("skill", 601, 501, name="changed behind it", tenantDBID=1))
    for proxy, bob in zip(proxies, bobs, strict=True):
        proxy.pump(1)
        assert ended(bob) == CloseCode.RIGHTS_WITHDRAWN
        proxy.hold_wire = False
        proxy.pump()
        assert bob.changes() == []
