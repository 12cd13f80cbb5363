"""The clock never jumps, and the ticker knows when the loop was late."""

from __future__ import annotations

import asyncio
import time

import pytest

from proxyapp.runtime.clock import Clock, Ticker


def test_the_clock_is_not_moved_with_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    before = clock.now()
    assert abs(before - time.time()) < 1
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= clock.now() - before < 1


@pytest.mark.asyncio
async def test_it_ticks_until_it_is_stopped_and_measures_stalls() -> None:
    ticks = asyncio.Queue[None]()
    ticker = Ticker(0.01, lambda: ticks.put_nowait(None))
    ticker.start()
    async with asyncio.timeout(5):
        await ticks.get()
        await ticks.get()
        ticker.take_worst_stall()
        until = time.monotonic() + 0.05
        while time.monotonic() < until:
            pass  # holds up the loop
        await ticks.get()
    assert ticker.take_worst_stall() > 0.03
    assert ticker.take_worst_stall() == 0.0
    ticker.stop()
    ticker.stop()


@pytest.mark.asyncio
async def test_a_tick_that_fails_is_not_the_last() -> None:
    ticks: list[int] = []
    failures: list[object] = []
    done = asyncio.Event()

    def tick() -> None:
        ticks.append(1)
        if len(ticks) == 1:
            raise KeyError("once")
        done.set()

    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    ticker = Ticker(0.01, tick)
    ticker.start()
    await asyncio.wait_for(done.wait(), 5)
    ticker.stop()
    assert len(failures) == 1
