"""What a proxy writes to its local copy, and how it starts from one."""

from __future__ import annotations

from proxyapp.engine import commands, events
from proxyapp.engine.node import Node
from tests.proxyapp.engine.bench import (
    FOLDER,
    Bench,
    Database,
    Proxy,
    T,
    gone,
    record,
    settings,
    skills,
    tree_of,
)
from tests.proxyapp.engine.bench import environment as few
from tests.proxyapp.engine.copybench import Copied


def source(proxy: Proxy) -> tuple[str, float]:
    status = proxy.node.status(proxy.now)
    return status["source"], status["age"]


def test_what_is_kept_gives_the_same_data_after_a_restart(bench, copied):
    bench.commit(record("skill", 601, FOLDER, name="new"), gone("skill", 602))
    again = copied.restart()
    assert tree_of(again) == tree_of(bench)
    assert again.node.ready()
    assert again.login("bob").read("skill") == [601]


def test_the_master_is_asked_for_what_came_after_the_copy(bench, copied):
    again = copied.restart()
    watcher = again.login("bob")
    watcher.watch(types=["skill"])
    bench.commit(gone("skill", 601))
    again.dial()
    assert watcher.changes() == [("deleted", "skill", 601)]
    status = again.node.status(again.now)
    assert (status["loads"], status["authority"]["resumes"]) == (1, 1)
    assert source(again) == ("live", 0.0)


def test_a_copy_of_an_older_epoch_is_replaced_and_the_difference_told(copied):
    again = copied.restart()
    watcher = again.login("bob")
    watcher.watch(types=["skill"])
    left = [item for item in few() if (item.type, item.dbid) != (T["skill"], 601)]
    other = Bench(Node.for_master(settings()), Database(left))
    other.database.new_epoch()
    other.load()
    again.master = other
    again.dial()
    assert watcher.changes() == [("deleted", "skill", 601)]
    assert tree_of(again) == tree_of(other)
    assert "epoch" in again.alarms()
    assert again.kept[0].epoch == tree_of(other)[0]


def test_the_ring_reaches_back_to_the_snapshot(bench, copied):
    before = copied.node.serving.revision
    bench.commit(gone("skill", 601))
    again = copied.restart()
    client = again.login("bob")
    epoch, _, _ = tree_of(again)
    answers = client.watch(types=["skill"], since={"epoch": epoch, "revision": before})
    (change,) = answers[1]["changes"]
    assert (change["change"], change["DBID"]) == ("deleted", 601)


def test_changes_overtake_the_pages_and_nothing_is_lost(bench):
    bench.commit(*skills(3000))
    made = Copied(bench)
    made.hold_pages = True
    made.begin()
    made.dial()
    made.handle(events.CopyAsked())
    for step in range(8):
        bench.commit(
            record("skill", 1000 + step, FOLDER, name=f"early {step}"),
            record("skill", 3990 + step, FOLDER, name=f"late {step}"),
            gone("skill", 1100 + step),
            gone("skill", 3900 + step),
        )
        made.handle(events.CopyAsked())
    made.hold_pages = False
    made.ask()
    bench.commit(gone("skill", 601))
    again = made.restart()
    assert tree_of(again) == tree_of(bench)


def test_a_large_transaction_is_kept_and_read_as_a_whole(bench):
    made = Copied(bench, large_transaction=50)
    made.begin()
    made.dial()
    bench.commit(*skills(400))
    again = made.restart(large_transaction=50)
    assert tree_of(again) == tree_of(bench)
    third = again.restart()
    assert tree_of(third) == tree_of(bench)


def test_current_data_is_dated_and_old_data_is_not(copied):
    copied.now += 6
    copied.of(commands.DateCopy).clear()
    copied.handle(events.Ticked())
    again = copied.restart()
    again.now += 6
    again.handle(events.Ticked())
    assert not again.of(commands.DateCopy)


def test_a_copy_that_has_grown_is_written_anew(bench, copied):
    bench.commit(gone("skill", 601))
    assert any(isinstance(item, commands.CopyEntry) for item in copied.kept)
    copied.handle(events.CopyOutgrown())
    assert not any(isinstance(item, commands.CopyEntry) for item in copied.kept)
    assert tree_of(copied.restart()) == tree_of(bench)


def test_a_clock_that_was_set_back_makes_the_age_unknown_not_small(bench, copied):
    copied.sever()
    again = Copied(bench)
    again.now = copied.now - 3600
    again.begin(copied.kept, copied.now)
    assert source(again) == ("disk", again.now)  # as if it were of 1970
    assert "clock" in again.alarms()
    assert not again.node.fresh(1e6, again.now + 1e7)[0]
    again.dial()
    assert (source(again), "clock" in again.alarms()) == (("live", 0.0), False)


def test_a_clock_that_a_time_server_corrects_does_not_matter(bench, copied):
    copied.sever()
    again = Copied(bench)
    again.now = copied.now - 4
    again.begin(copied.kept, copied.now)
    assert source(again) == ("disk", 0.0)
    assert "clock" not in again.alarms()


def test_changes_behind_a_large_one_are_served_though_no_master_answers(bench):
    """The link is tried, and lost, before the large one is taken in."""
    made = Copied(bench, large_transaction=50)
    made.begin()
    made.dial()
    bench.commit(*skills(400))
    bench.commit(gone("skill", 601))
    made.sever()
    again = Copied(bench, large_transaction=50)
    again.hold_again = True
    again.begin(made.kept)
    again.handle(events.LinkLost("connection refused", 0, 0.5))
    again.turn(20)
    assert tree_of(again) == tree_of(bench)
