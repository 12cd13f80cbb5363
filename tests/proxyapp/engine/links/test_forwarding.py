from __future__ import annotations

import pytest

from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import Bench, Proxy, master


def taken(bench: Bench, proxy: Proxy) -> list[str]:
    return [entry.kind for entry in bench.log.taken.get(proxy.log.store, [])]


def sent(proxy: Proxy) -> int:
    return sum(
        b"historyEntries" in message
        for command in proxy.of(commands.SendLink)
        for message in command.messages
    )


def test_what_a_proxy_keeps_arrives_at_its_master(bench, proxy):
    proxy.login("bob").leave()
    assert taken(bench, proxy) == [entry.kind for entry in proxy.log.entries]
    assert taken(bench, proxy)[-2:] == ["sessionOpened", "sessionClosed"]


def test_what_is_not_on_the_disk_is_not_sent(bench, proxy):
    proxy.hold_log = True
    before = taken(bench, proxy)
    proxy.login("bob")
    assert taken(bench, proxy) == before
    assert not any(entry.session for entry in proxy.log.entries)


def test_one_batch_is_under_way_at_a_time(bench, proxy):
    bench.hold_log = True
    count = sent(proxy)
    for _ in range(3):
        proxy.login("bob").leave()
    assert sent(proxy) == count + 1


def test_a_quiet_link_carries_nothing(bench, proxy):
    count = sent(proxy)
    proxy.handle(events.EntriesKept(proxy.log.store, proxy.log.last))
    proxy.tick(1.0)
    assert sent(proxy) == count


def test_what_happened_while_the_master_was_away_arrives_later_and_once(bench, proxy):
    proxy.sever()
    proxy.login("bob").leave()
    proxy.dial()
    assert bench.log.taken[proxy.log.store] == proxy.log.entries
    assert "masterLost" in taken(bench, proxy)


@pytest.mark.parametrize("answered", range(12))
def test_wherever_the_link_breaks_each_entry_arrives_once(bench, answered):
    proxy = Proxy(bench)
    proxy.start()
    proxy.hold_wire = True
    for _ in range(3):
        proxy.login("bob").leave()
    proxy.pump(answered)
    proxy.sever()
    proxy.hold_wire = False
    proxy.dial()
    assert bench.log.taken[proxy.log.store] == proxy.log.entries


@pytest.mark.parametrize("held", [True, False])
def test_a_master_that_dies_before_or_after_its_disk_has_them_gets_them_once(bench, proxy, held):
    bench.hold_log = held
    proxy.login("bob")
    proxy.sever()
    bench.restart()
    bench.hold_log = False
    proxy.dial()
    assert bench.log.taken[proxy.log.store] == proxy.log.entries


def test_an_answer_of_the_disk_for_a_lost_link_is_ignored(bench, proxy):
    proxy.hold_log = True
    proxy.handle(events.EntriesKept(proxy.log.store, proxy.log.last + 5))
    (read,) = proxy.of(commands.ReadEntries)[-1:]
    proxy.sever()
    count = sent(proxy)
    proxy.handle(events.EntriesRead(read.store, read.number, proxy.log.entries[:1]))
    assert sent(proxy) == count


def test_a_gap_in_the_numbers_is_stepped_over(bench, proxy):
    proxy.handle(events.EntriesKept(proxy.log.store, 1_000))
    assert proxy.of(commands.ReadEntries)[-1].number == proxy.log.last
    reads = len(proxy.of(commands.ReadEntries))
    proxy.handle(events.EntriesKept(proxy.log.store, 1_000))
    assert len(proxy.of(commands.ReadEntries)) == reads


def begin_anew(proxy: Proxy, store: str) -> None:
    """Open the log under another name, as the next start of a proxy does."""
    proxy.log.open(store)
    proxy.handle(events.EntriesKept(store, proxy.log.last, list(proxy.log.former)))


def test_what_was_kept_before_a_start_goes_first_under_its_own_name(bench, proxy):
    proxy.sever()
    proxy.login("bob").leave()
    begin_anew(proxy, "second")
    proxy.login("bob").leave()
    begin_anew(proxy, "third")
    proxy.login("bob")
    proxy.dial()
    assert list(proxy.log.former) == ["store of proxy1", "second"]
    kept = {**proxy.log.former, "third": proxy.log.entries}
    assert bench.log.taken == kept
    assert list(bench.log.taken) == ["store of proxy1", "second", "third"]
    assert [entry.kind for entry in bench.log.taken["third"]] == ["sessionOpened", "masterBack"]


@pytest.mark.parametrize("runs", [1, 2, 3])
def test_an_old_copy_of_the_file_gives_numbers_again_and_nothing_is_lost_or_repeated(
    bench, proxy, runs
):
    proxy.login("bob").leave()
    image = proxy.log.image()
    proxy.login("bob").leave()
    before = {name: list(entries) for name, entries in bench.log.taken.items()}
    proxy.sever()
    proxy.log.restore(image)
    for run in range(runs):  # the first ones never see the master
        begin_anew(proxy, f"run {run}")
        proxy.login("bob").leave()
    assert proxy.log.entries[0].number <= before["store of proxy1"][-1].number + 3 * runs
    proxy.dial()
    assert {name: bench.log.taken[name] for name in before} == before
    for run in range(runs):
        kinds = [entry.kind for entry in bench.log.taken[f"run {run}"]]
        assert kinds[:2] == ["sessionOpened", "sessionClosed"]


def test_a_log_that_is_opened_anew_on_a_live_link_goes_on(bench, proxy):
    proxy.login("bob").leave()
    begin_anew(proxy, "second")
    proxy.login("bob").leave()
    assert [entry.kind for entry in bench.log.taken["second"]] == ["sessionOpened", "sessionClosed"]
    assert bench.log.taken["store of proxy1"] == proxy.log.former["store of proxy1"]


def test_a_log_that_opens_after_the_link_is_asked_about_then(bench):
    proxy = Proxy(bench)
    proxy.hold_log = True
    proxy.start()
    assert proxy.link == "live"
    assert sent(proxy) == 0
    proxy.hold_log = False
    proxy.login("bob")
    assert taken(bench, proxy) == ["sessionOpened"]


def test_a_master_forwards_nothing():
    bench = master()
    bench.login("bob").leave()
    assert bench.log.entries
    assert not bench.of(commands.ReadEntries)


def test_entries_from_a_client_are_refused(bench):
    client = bench.login("bob")
    client.send(b'{"message":"historyEntries","store":"s","entries":[]}')
    (answer,) = client.inbox
    assert (answer["code"], bench.log.taken) == ("noPermission", {})


@pytest.mark.parametrize("store", ["", "s" * 33, "\0", "é"])
def test_a_store_whose_name_no_database_keeps_is_refused(bench, proxy, store):
    before = dict(bench.log.taken)
    (answer,) = proxy.line.ask("historyEntries", store=store)
    assert answer["code"] == "invalidParameter"
    assert bench.log.taken == before
