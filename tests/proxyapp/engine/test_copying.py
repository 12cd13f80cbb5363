"""What a proxy writes to its local copy, and how it starts from one."""

from __future__ import annotations

from typing import Any

import pytest

from confwire import codec
from confwire.messages import Record, Transaction
from proxyapp.engine import commands, events
from proxyapp.engine.node import Node
from proxyapp.engine.replication import transaction_parts
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

Kept = list[Any]


class Copied(Proxy):
    """A proxy with a local copy in memory: what it commanded to write."""

    def __init__(self, bench: Any, **more: Any) -> None:
        super().__init__(bench, local_copy=True, **more)
        self.kept: Kept = []
        self.hold_pages = False

    def carry_out(self, given: list[commands.Command]) -> None:
        super().carry_out(given)
        for command in given:
            if isinstance(command, commands.BeginCopy):
                self.kept = [command] if command.whole else [*self.kept, command]
                if command.whole:
                    self.ask()
            elif isinstance(command, (commands.CopyRows, commands.CopyEntry)):
                self.kept.append(command)
                if isinstance(command, commands.CopyRows) and command.rows:
                    self.ask()

    def ask(self) -> None:
        if not self.hold_pages:
            self.handle(events.CopyAsked())

    def begin(self, kept: Kept = (), current_at: float = 0.0) -> None:  # type: ignore[assignment]
        """Start from what another one has kept."""
        self.carry_out(self.node.start(self.now))
        assert self.of(commands.ReadCopy)
        self.kept = list(kept)
        if kept:
            tell(self, kept, current_at)
        self.handle(events.CopyRead([]))

    def restart(self, **more: Any) -> Copied:
        """Return another one that starts from what this one has kept, its master away."""
        self.sever()
        made = Copied(self.master, **more)
        made.now = self.now + 60
        made.begin(self.kept, self.now)
        return made


def tell(proxy: Proxy, kept: Kept, current_at: float) -> None:
    """Tell what was kept, as the files would give it."""
    first, *rest = kept
    pages = [item for item in rest if isinstance(item, commands.CopyRows)]
    end = pages[-1]
    proxy.handle(events.LoadStarted(first.epoch, first.revision, 0, "local copy", current_at))
    for page in pages[:-1]:
        proxy.handle(events.RecordsLoaded([row.record() for row in page.rows]))
    ended = False
    for entry in (item for item in rest if isinstance(item, commands.CopyEntry)):
        if entry.entry.revision > end.revision and not ended:
            ended = True
            proxy.handle(events.LoadEnded(end.revision, int(end.tree, 16), end.hash))
        for part in transaction_parts(entry.epoch, entry.entry):
            message = codec.decode_server(part)
            assert isinstance(message, Transaction)
            proxy.handle(events.Committed(message))
    if not ended:
        proxy.handle(events.LoadEnded(end.revision, int(end.tree, 16), end.hash))


@pytest.fixture
def copied(bench) -> Copied:
    made = Copied(bench)
    made.begin()
    made.dial()
    return made


def source(proxy: Proxy) -> tuple[str, float]:
    status = proxy.node.status(proxy.now)
    return status["source"], status["age"]


def test_what_is_kept_gives_the_same_data_after_a_restart(bench, copied):
    bench.commit(record("skill", 601, FOLDER, name="new"), gone("skill", 602))
    again = copied.restart()
    assert tree_of(again) == tree_of(bench)
    assert again.node.ready()
    assert again.login("bob").read("skill") == [601]


def test_data_from_the_disk_is_marked_with_its_age(copied):
    again = copied.restart()
    assert source(again) == ("disk", 60.0)
    (info,) = again.login("bob").ask("readServerInfo")
    assert (info["source"], info["age"]) == ("disk", 60.0)
    assert [item for item in again.of(commands.Log) if item.event == "local copy served"]


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
