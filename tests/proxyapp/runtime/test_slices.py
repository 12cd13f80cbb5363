"""Work that can wait goes on in small slices while clients ask, and in large ones else."""

from __future__ import annotations

from math import inf

import pytest

from proxyapp.runtime.slices import LARGE, LONGEST, RECENTLY, SMALL, Slices, slice_for


class Clients:
    """Whoever asks, asks before the next slice."""

    def __init__(self) -> None:
        self.asked_at = -inf
        self.asks_at: float | None = None

    def answer_now(self) -> None:
        if self.asks_at is not None:
            self.asked_at, self.asks_at = self.asks_at, None


@pytest.fixture
def clients() -> Clients:
    return Clients()


def test_without_clients_slices_are_large() -> None:
    assert slice_for(5.0, -inf, None) is LARGE
    assert slice_for(5.0, -inf, 4.9) is LARGE


def test_slices_are_small_for_a_moment_after_each_message() -> None:
    moments = [5.0 + after * RECENTLY for after in (0, 0.5, 0.99, 1.01, 10)]
    found = [slice_for(now, 5.0, None) for now in moments]
    assert found == [SMALL, SMALL, SMALL, LARGE, LARGE]


def test_who_asks_in_this_turn_is_answered_before_and_counts(clients) -> None:
    clients.asks_at = 5.0
    assert Slices(clients, lambda: 5.0).next(None) == SMALL
    assert clients.asks_at is None


def test_what_is_left_over_gets_more_the_longer_it_waited_for_clients() -> None:
    found = [slice_for(5.0, 5.0, 5.0 - waited).least for waited in (0, 0.001, 0.004, 0.1, 60)]
    assert found == pytest.approx([0.0, 0.000_25, 0.001, LONGEST, LONGEST])
    assert slice_for(5.0, 5.0, 6.0).least == 0


def saturate(kinds: int, asking: float) -> tuple[float, float]:
    """Let clients take so many seconds of each turn; return the work's share and their wait.

    Both in relation: the share of all time, the wait to that without any work.
    """
    now, worked, longest, turns = 0.0, 0.0, 0.0, 1_000
    left_at = [0.0] * kinds
    for _ in range(turns):
        begun, now = now, now + asking
        for kind in range(kinds):
            took = max(0.000_1, slice_for(now, now, left_at[kind]).least)
            now, worked = now + took, worked + took
            left_at[kind] = now
        longest = max(longest, now - begun)
    return worked / now, longest / asking


@pytest.mark.parametrize("asking", [0.000_5, 0.002, 0.005, 0.012])
def test_clients_that_ask_without_end_leave_a_load_its_share(asking: float) -> None:
    share, wait = saturate(1, asking)
    assert share >= 0.199
    assert wait <= 1.26
    share, wait = saturate(2, asking)
    assert share >= 0.399
    assert wait <= 1.7


def test_no_turn_is_so_long_that_a_slice_stalls_the_loop() -> None:
    share, _ = saturate(1, 0.1)
    assert share == pytest.approx(LONGEST / (0.1 + LONGEST))
