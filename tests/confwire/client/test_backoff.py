"""Where a client connects next, and how long it waits before that."""

from __future__ import annotations

import pytest

from confwire.client.backoff import Backoff, Reconnect

PRIMARY, BACKUP = ("primary", 2020), ("backup", 2020)


def test_servers_are_tried_in_turn():
    backoff = Backoff([PRIMARY, BACKUP], jitter=lambda: 0.5)
    tried = []
    for _ in range(4):
        tried.append(backoff.server)
        backoff.failed()
    assert tried == [PRIMARY, BACKUP, PRIMARY, BACKUP]
    assert backoff.round == 2


def test_a_client_stays_with_the_backup_until_it_is_lost():
    backoff = Backoff([PRIMARY, BACKUP], jitter=lambda: 0.5)
    backoff.failed()
    backoff.succeeded()
    assert backoff.server == BACKUP


def test_every_round_waits_longer_up_to_a_bound():
    backoff = Backoff([PRIMARY, BACKUP], jitter=lambda: 1.0, reconnect=Reconnect(timeout=3.0))
    delays = []
    for _ in range(10):
        delays.append(backoff.delay())
        backoff.failed()
    assert delays == [0.5, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0]


def test_success_forgets_the_failures():
    backoff = Backoff([PRIMARY], jitter=lambda: 1.0, first=0.5)
    for _ in range(1000):
        backoff.failed()
    assert backoff.delay() == 10.0
    backoff.succeeded()
    assert backoff.delay() == 0.5


def test_the_delay_is_a_random_part_of_its_bound():
    numbers = iter([0.0, 0.25, 0.75])
    backoff = Backoff([PRIMARY], jitter=lambda: next(numbers), first=2.0)
    assert [backoff.delay() for _ in range(3)] == [0.0, 0.5, 1.5]


def test_each_server_has_its_attempts_before_the_next_one_is_tried():
    backoff = Backoff([PRIMARY, BACKUP], lambda: 1.0, Reconnect(attempts=2))
    tried = []
    for _ in range(5):
        tried.append((backoff.server[0], backoff.delay()))
        backoff.failed()
    # A round is over when each server had all its attempts.
    assert tried == [
        ("primary", 0.5),
        ("primary", 0.5),
        ("backup", 0.5),
        ("backup", 0.5),
        ("primary", 1.0),
    ]


def test_a_server_that_cannot_help_has_no_further_attempts():
    backoff = Backoff([PRIMARY, BACKUP], lambda: 1.0, Reconnect(attempts=5))
    backoff.failed(leave=True)
    assert backoff.server == BACKUP


def test_a_backup_comes_right_behind_the_server_that_told_of_it():
    other = ("other", 2020)
    backoff = Backoff([PRIMARY, other], jitter=lambda: 0.5)
    backoff.learn(PRIMARY, BACKUP)
    assert backoff.servers == [PRIMARY, BACKUP, other]
    backoff.choose(BACKUP)
    backoff.learn(PRIMARY, None)  # it has no backup any more
    backoff.failed()
    assert (backoff.servers, backoff.server) == ([PRIMARY, other], PRIMARY)


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"timeout": 0.0}])
def test_reconnecting_needs_attempts_and_a_timeout(wrong):
    with pytest.raises(ValueError, match="at least one attempt and a timeout above 0"):
        Reconnect(**wrong)


def test_a_client_needs_a_server():
    with pytest.raises(ValueError, match="name at least one server"):
        Backoff([], jitter=lambda: 0.0)


def test_a_learnt_server_is_tried_after_the_known_ones():
    backoff = Backoff([PRIMARY], jitter=lambda: 0.5)
    backoff.learn(PRIMARY, BACKUP)
    backoff.learn(BACKUP, PRIMARY)
    backoff.failed()
    assert (backoff.server, backoff.round) == (BACKUP, 2)
