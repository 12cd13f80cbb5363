"""Work that can wait goes on in small slices while clients ask, and in large ones else."""

from __future__ import annotations

from math import inf

import pytest

from proxyapp.runtime.slices import LARGE, RECENTLY, SMALL, Slices


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


def test_without_clients_slices_are_large(clients) -> None:
    assert Slices(clients).next(5.0) is LARGE


def test_slices_are_small_for_a_moment_after_each_message(clients) -> None:
    slices = Slices(clients)
    clients.asked_at = 5.0
    found = [slices.next(5.0 + after * RECENTLY) for after in (0, 0.5, 0.99, 1.01, 10)]
    assert found == [SMALL, SMALL, SMALL, LARGE, LARGE]
    clients.asked_at = 8.0
    assert slices.next(8.0) is SMALL


def test_who_asks_in_this_turn_is_answered_before_and_counts(clients) -> None:
    clients.asks_at = 5.0
    assert Slices(clients).next(5.0) is SMALL
    assert clients.asks_at is None
