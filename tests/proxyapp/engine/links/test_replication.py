from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from proxyapp.engine import commands, events
from tests.proxyapp.engine.bench import (
    FOLDER,
    STEADY,
    Proxy,
    gone,
    master,
    record,
    skills,
    tree_of,
)
from tests.proxyapp.engine.fleet import Fleet


@STEADY
@example(8, 3, 2_000)
@given(st.integers(0, 2**32), st.sampled_from([3, 50_000]), st.sampled_from([1, 2, 2_000]))
def test_a_proxy_and_its_clients_have_the_masters_data_whatever_happens(seed, capacity, large):
    fleet = Fleet(seed, capacity, large)
    for _ in range(40):
        fleet.step()
    fleet.settle()


@STEADY
@given(st.integers(0, 2**32), st.sampled_from([3, 50_000]), st.sampled_from([1, 2, 2_000]))
def test_a_restored_database_is_found_out_and_everyone_gets_the_difference(seed, capacity, large):
    fleet = Fleet(seed, capacity, large)
    for _ in range(15):
        fleet.step()
    fleet.restore()
    for _ in range(10):
        fleet.step()
    fleet.settle()


def reload_reasons(bench) -> list[str]:
    """Return why each load at this server began."""
    return [log.fields["reason"] for log in bench.of(commands.Log) if log.event == "load started"]


def big_master():
    return master([*master().database.records.values(), *skills(3000)])


def loading(bench) -> Proxy:
    """Return a proxy in the midst of its first load."""
    bench.hold_again = True
    proxy = Proxy(bench)
    proxy.start()
    bench.turn()
    assert proxy.link == "loading"
    return proxy


def finish(bench, proxy) -> None:
    bench.settle()
    proxy.pump()
    assert tree_of(proxy) == tree_of(bench)


def test_changes_during_a_load_overtake_it():
    bench = big_master()
    proxy = loading(bench)
    for number, dbid in enumerate((1000, 2000, 3999)):
        bench.commit(record("skill", dbid, FOLDER, name=f"new {number}"), gone("skill", dbid + 1))
        bench.turn()
    bench.commit(record("skill", 9999, FOLDER, name="created"), gone("skill", 3000))
    finish(bench, proxy)
    assert reload_reasons(proxy) == ["first"]


def test_a_line_blocked_during_a_load_gets_what_it_missed_before_newer_records():
    bench = big_master()
    proxy = loading(bench)
    proxy.line.block()
    bench.commit(record("skill", 1500, FOLDER, name="while blocked"))
    bench.turn(3)
    proxy.line.drain()
    bench.commit(record("skill", 2500, FOLDER, name="after"))
    bench.turn()
    bench.commit(record("skill", 2500, FOLDER, name="after that"), gone("skill", 2600))
    finish(bench, proxy)
    assert reload_reasons(proxy) == ["first"]


def test_a_lost_link_resumes_by_its_cursor(bench, proxy):
    proxy.sever()
    bench.commit(record("skill", 604, FOLDER, name="x"))
    bench.commit(gone("skill", 601))
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)
    status = proxy.node.status(proxy.now)
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)


def test_a_restarted_master_resumes_from_the_journal_table(bench, proxy):
    bench.commit(record("skill", 604, FOLDER, name="known to both"))
    proxy.sever()
    bench.commit(record("skill", 604, FOLDER, name="x"))
    bench.restart()
    bench.commit(record("skill", 605, FOLDER, name="y"))
    proxy.dial()
    assert bench.of(commands.ReadTransactions)
    assert tree_of(proxy) == tree_of(bench)
    assert proxy.node.status(proxy.now)["loads"] == 1


def test_a_cursor_that_no_journal_reaches_gets_a_full_load(bench, proxy):
    proxy.sever()
    bench.commit(record("skill", 604, FOLDER, name="x"))
    bench.database.transactions.clear()
    bench.database.first = bench.database.revision
    bench.restart()
    proxy.dial()
    assert reload_reasons(proxy) == ["first", "compacted"]
    assert tree_of(proxy) == tree_of(bench)
    bench.tick(3.0)
    assert proxy.link == "live"
    assert proxy.alarms() == set()


def test_a_link_lost_in_a_load_leaves_nothing_of_it_behind(bench, proxy):
    bench.commit(record("skill", 604, FOLDER, name="known to both"))
    proxy.sever()
    bench.commit(*skills(3000))
    kept, bench.database.transactions = bench.database.transactions, []
    bench.database.first = bench.database.revision
    bench.restart()
    bench.hold_again = True
    proxy.dial()
    bench.turn(2)
    assert proxy.link == "loading"
    proxy.sever()
    bench.database.transactions, bench.database.first = kept, 1  # the journal came back
    proxy.dial()
    finish(bench, proxy)
    assert proxy.node.status(proxy.now)["authority"]["resumes"] == 1
    bench.commit(gone("skill", 601))
    assert tree_of(proxy) == tree_of(bench)


def test_a_restored_database_is_an_alarm_and_a_new_epoch(bench, proxy):
    client = proxy.login("bob")
    client.watch(types=["skill"])
    older = list(bench.database.records.values())
    bench.commit(gone("skill", 602), record("skill", 604, FOLDER, name="lost"))
    proxy.sever()
    bench.database.restored(older, 1)
    bench.restart()
    client.inbox.clear()
    proxy.dial()
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)
    assert proxy.node.status(proxy.now)["epoch"] == "e1x"
    assert "epoch" in proxy.alarms()
    assert sorted(client.changes()) == [("created", "skill", 602), ("deleted", "skill", 604)]


def test_a_cursor_that_only_the_table_knows_to_be_foreign_is_doubted(bench, proxy):
    older = list(bench.database.records.values())
    for name in "abc":
        bench.commit(record("skill", 604, FOLDER, name=name))
    proxy.sever()
    bench.database.restored(older, 1)
    for name in "defgh":
        bench.database.commit(record("skill", 604, FOLDER, name=name))
    bench.restart()
    proxy.dial()
    assert bench.of(commands.NewEpoch)
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)
    assert "epoch" in proxy.alarms()


def test_a_cursor_that_nothing_confirms_is_not_taken_for_granted(bench, proxy):
    proxy.sever()
    bench.commit(record("skill", 604, FOLDER, name="x"))
    bench.restart()
    proxy.dial()  # the table begins after revision 1, and has no hash for it
    assert reload_reasons(proxy) == ["first", "compacted"]


def test_a_large_transaction_travels_in_parts_and_is_applied_whole(bench, proxy):
    client = proxy.login("bob")
    client.watch(types=["skill"])
    proxy.hold_wire = True
    bench.commit(*skills(900, description="x" * 400))
    assert len(proxy.wire) > 2
    proxy.pump(2)
    assert proxy.node.status(proxy.now)["revision"] == 1
    assert client.inbox == []
    proxy.pump(100)
    assert tree_of(proxy) == tree_of(bench)
    assert len(client.changes()) == 900


def test_a_part_of_a_transaction_is_forgotten_with_its_link(bench, proxy):
    proxy.hold_wire = True
    bench.commit(*skills(900, description="x" * 400))
    proxy.pump(2)
    proxy.sever()
    proxy.hold_wire = False
    bench.commit(gone("skill", 1000))
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)


def test_a_cursor_of_a_future_that_never_was_starts_a_new_epoch(bench, proxy):
    line = proxy.line
    line.send(b'{"message":"replicate","ref":9,"since":{"epoch":"e1","revision":99,"hash":"x"}}')
    assert bench.of(commands.NewEpoch)
    assert bench.node.status(bench.now)["epoch"] == "e1x"


def test_a_late_answer_of_the_table_for_a_link_that_is_gone_is_nobodys(bench):
    bench.handle(events.TransactionsRead(77, True, []))
    assert bench.node.ready()


def lagging(bench, proxy, commits: int = 6) -> None:
    """Let the link miss more than the master's memory holds."""
    proxy.line.block()
    for number in range(commits):
        bench.commit(record("skill", 604, FOLDER, name=str(number)))


def forget_table(bench) -> None:
    bench.database.transactions.clear()
    bench.database.first = bench.database.revision


def forgetful() -> tuple:
    bench = master(journal_capacity=2)
    proxy = Proxy(bench)
    proxy.start()
    return bench, proxy


def test_a_line_that_lags_behind_the_ring_is_served_from_the_table():
    bench, proxy = forgetful()
    lagging(bench, proxy)
    bench.hold_table = True
    proxy.line.drain()
    assert proxy.node.status(proxy.now)["revision"] == 1
    bench.commit(record("skill", 604, FOLDER, name="meanwhile"))
    bench.handle(bench.database.read(bench.of(commands.ReadTransactions)[-1]))
    assert tree_of(proxy) == tree_of(bench)
    bench.commit(record("skill", 604, FOLDER, name="live again"))
    assert tree_of(proxy) == tree_of(bench)
    assert reload_reasons(proxy) == ["first"]


def test_a_line_that_lags_behind_every_journal_is_loaded_anew():
    bench, proxy = forgetful()
    lagging(bench, proxy)
    forget_table(bench)
    proxy.line.drain()
    assert tree_of(proxy) == tree_of(bench)
    assert reload_reasons(proxy) == ["first", "compacted"]


def test_a_load_that_lags_behind_every_journal_begins_anew():
    bench = master([*master().database.records.values(), *skills(3000)], journal_capacity=2)
    proxy = loading(bench)
    lagging(bench, proxy)
    forget_table(bench)
    proxy.line.drain()
    finish(bench, proxy)
    assert reload_reasons(proxy) == ["first", "compacted"]


def test_what_the_table_has_and_the_master_has_not_applied_yet_is_sent_once():
    bench, proxy = forgetful()
    lagging(bench, proxy)
    ahead = bench.database.commit(record("skill", 604, FOLDER, name="ahead"))
    proxy.line.drain()
    assert tree_of(proxy) == tree_of(bench)
    bench.handle(ahead)
    assert tree_of(proxy) == tree_of(bench)
    assert proxy.alarms() == set()


def test_an_import_larger_than_the_ring_needs_no_load_whatever_the_link_does():
    bench = master(journal_capacity=500, large_transaction=200)
    proxy = Proxy(bench, journal_capacity=500, large_transaction=200)
    proxy.start()
    bench.commit(*skills(3000))  # live

    proxy.line.block()
    bench.commit(*skills(3000, first=10_000))  # behind
    bench.commit(gone("skill", 10_000))
    proxy.line.drain()
    assert tree_of(proxy) == tree_of(bench)

    proxy.sever()
    bench.commit(*skills(3000, first=20_000))  # away
    bench.commit(gone("skill", 20_000))
    proxy.dial()
    assert tree_of(proxy) == tree_of(bench)
    bench.tick(2)
    status = proxy.node.status(proxy.now)
    assert (status["loads"], status["authority"]["resumes"], proxy.link) == (1, 1, "live")
