"""Every state of a pair with everything that can be found out, and two servers against chance."""

from __future__ import annotations

import random
from collections import deque

import pytest

from proxyapp.engine.topology.pair import (
    ASK_LIMIT,
    TABLE,
    Configured,
    Finding,
    Pair,
    Running,
    next_state,
)

LETTERS = {"S": Running.STARTING, "P": Running.PRIMARY, "B": Running.BACKUP}
LETTERS |= {"?": Running.ASKING, "A": Running.APART}

EXPECTED = {
    #          leads  yields starts gone   silent seen   missed late   handed
    "S": "     B/B    S/S    P/S    P/S    S/S    S/S    S/S    ?/?    P/P",
    "P": "     B/B    P/P    P/P    P/P    P/P    P/P    P/P    P/P    P/P",
    "B": "     B/B    P/B    P/P    P/P    ?/?    B/B    B/B    B/B    P/P",
    "?": "     B/B    P/B    P/P    P/P    ?/?    A/A    P/P    P/P    P/P",
    "A": "     B/B    P/B    P/P    P/P    A/A    A/A    A/A    ?/?    P/P",
}
"""For each state the next one: of the configured primary / of the configured backup."""


@pytest.mark.parametrize("state", EXPECTED)
def test_every_state_has_a_next_one_for_every_finding(state):
    row = EXPECTED[state].split()
    assert len(row) == len(Finding)
    assert TABLE[LETTERS[state]].keys() == set(Finding)
    for finding, cell in zip(Finding, row, strict=True):
        for configured, letter in zip(Configured, cell.split("/"), strict=True):
            assert next_state(configured, LETTERS[state], finding) is LETTERS[letter], finding


def pair(configured: Configured = Configured.BACKUP, running: Running = Running.BACKUP) -> Pair:
    made = Pair(configured, 10.0, 0.0)
    made.running = running
    return made


def test_the_configured_primary_leads_at_once_when_nobody_is_there():
    made = Pair(Configured.PRIMARY, 10.0, 0.0)
    assert made.found(Finding.GONE, "refused", 0.1)
    assert (made.leads, made.term) == (True, 1)


def test_a_lone_backup_leads_after_twice_the_timeout_when_the_master_misses_the_other():
    made = Pair(Configured.BACKUP, 10.0, 0.0)
    assert not made.found(Finding.GONE, "refused", 0.1)
    assert not made.late(19.9)
    assert made.late(20.0)
    assert made.running is Running.ASKING
    assert made.found(Finding.MISSED, "not linked", 20.1)
    assert made.leads


def test_a_lone_backup_stays_one_when_the_master_sees_the_other():
    made = Pair(Configured.BACKUP, 10.0, 0.0)
    assert made.late(20.0)
    assert made.found(Finding.SEEN, "it leads", 20.1)
    assert made.running is Running.APART
    assert made.late(30.1)
    assert made.running is Running.ASKING, "it asks again after each timeout"


def test_a_master_that_does_not_answer_cannot_be_asked():
    made = pair()
    assert made.found(Finding.SILENT, "silent", 5.0)
    assert not made.late(5.0 + ASK_LIMIT - 0.1)
    assert made.late(5.0 + ASK_LIMIT)
    assert made.leads


@pytest.mark.parametrize(
    ("own", "other", "configured", "stays"),
    [
        (2, 1, Configured.BACKUP, True),
        (1, 2, Configured.PRIMARY, False),
        (3, 3, Configured.PRIMARY, True),
        (3, 3, Configured.BACKUP, False),
    ],
)
def test_of_two_primaries_the_higher_term_stays_then_the_configured(own, other, configured, stays):
    made = pair(configured, Running.PRIMARY)
    made.term = own
    made.met(Running.PRIMARY, other, 1.0)
    assert made.leads is stays


def test_a_promotion_goes_above_every_term_that_was_heard_of():
    made = pair()
    made.met(Running.PRIMARY, 7, 1.0)
    made.found(Finding.GONE, "reset", 2.0)
    assert (made.leads, made.term) == (True, 8)


class Server:
    """A process with its machine, and its end of the link."""

    def __init__(self, configured: Configured) -> None:
        self.configured = configured
        self.other: Server
        self.machine: Pair | None = None
        self.inbox: deque[tuple[Running, int]] = deque()
        self.linked = False

    def start(self, now: float) -> None:
        if self.machine is None:
            self.machine = Pair(self.configured, 10.0, now)

    def die(self, now: float) -> None:
        self.machine = None
        self.cut(now, Finding.GONE)

    def cut(self, now: float, finding: Finding) -> None:
        for end in (self, self.other):
            was, end.linked = end.linked, False
            end.inbox.clear()
            if was and end.machine is not None:
                end.act(end.machine.found(finding, "cut", now))

    def act(self, changed: bool) -> None:
        """Tell the other server of a change."""
        if changed:
            self.tell()

    def tell(self) -> None:
        if self.linked and self.machine is not None:
            self.other.inbox.append((self.machine.running, self.machine.term))

    def step(self, now: float, reachable: bool, master: bool) -> None:
        machine, other = self.machine, self.other
        if machine is None:
            return
        if not self.linked:
            if not reachable:
                self.act(machine.found(Finding.SILENT, "no answer", now))
            elif other.machine is None:
                self.act(machine.found(Finding.GONE, "refused", now))
            else:
                for end in (self, other):
                    end.linked = True
                    end.inbox.clear()
                self.tell()
                other.tell()
        elif self.inbox:
            self.act(machine.met(*self.inbox.popleft(), now))
        if machine.running is Running.ASKING and master:
            seen = other.machine is not None and other.machine.leads
            self.act(machine.found(Finding.SEEN if seen else Finding.MISSED, "master", now))
        self.act(machine.late(now))


@pytest.mark.parametrize("seed", range(300))
def test_two_servers_end_with_one_primary_whatever_happened(seed):
    chance = random.Random(seed)
    first, second = Server(Configured.PRIMARY), Server(Configured.BACKUP)
    first.other, second.other = second, first
    now, reachable, master = 0.0, True, True
    for _ in range(chance.randrange(10, 200)):
        now += chance.choice([0.1, 1.0, 5.0])
        one = chance.choice([first, second])
        match chance.randrange(12):
            case 0:
                one.start(now)
            case 1:
                one.die(now)
            case 2:
                reachable = False
                one.cut(now, Finding.SILENT)
            case 3:
                reachable = True
            case 4:
                master = not master
            case 5 if one.linked and one.machine is not None and one.machine.leads:
                machine = one.other.machine
                assert machine is not None
                one.other.act(machine.found(Finding.HANDED, "handed over", now))
            case _:
                one.step(now, reachable, master)
    for end in (first, second):
        end.start(now)
    for _ in range(200):
        now += 0.5
        for end in (first, second):
            end.step(now, reachable=True, master=True)
    roles = [end.machine.running for end in (first, second) if end.machine is not None]
    assert sorted(role.value for role in roles) == ["backup", "primary"], seed


@pytest.mark.parametrize("configured", Configured)
def test_two_of_one_configured_role_that_lead_in_one_term_end_with_one_primary(configured):
    stays, yields = (Pair(configured, 10.0, 0.0) for _ in range(2))
    for pair in (stays, yields):
        assert pair.found(Finding.HANDED, "handed over", 0.0)
    assert not stays.met(Running.PRIMARY, 1, 1.0, first=True)
    assert yields.met(Running.PRIMARY, 1, 1.0, first=False)
    assert (stays.leads, yields.leads) == (True, False)


@pytest.mark.parametrize("configured", Configured)
def test_a_server_alone_leads_in_the_end(configured):
    first, second = Server(Configured.PRIMARY), Server(Configured.BACKUP)
    first.other, second.other = second, first
    alone = first if configured is Configured.PRIMARY else second
    alone.start(0.0)
    for step in range(100):
        alone.step(step * 0.5, reachable=False, master=False)
    assert alone.machine is not None
    assert alone.machine.leads
