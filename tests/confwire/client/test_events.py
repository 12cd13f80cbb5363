from __future__ import annotations

import asyncio

import pytest

from confwire.client.events import Events
from confwire.client.failures import ClientClosed, NoAnswer
from confwire.errors import NoPermission

pytestmark = pytest.mark.asyncio


class Numbers(Events[int]):
    """Numbers, as somebody puts them in."""

    def __init__(self, *numbers: int) -> None:
        self.left: list[object] = []
        self.waiting = list(numbers)
        super().__init__(self.left.append)

    def put(self, number: int) -> None:
        self.waiting.append(number)
        self._arrived.set()

    def _next(self) -> int | None:
        return self.waiting.pop(0) if self.waiting else None


async def test_they_come_in_order_and_are_waited_for(start):
    numbers = Numbers(1, 2)
    assert [await anext(numbers), await anext(numbers)] == [1, 2]
    waiting = start(numbers.__anext__())
    await asyncio.sleep(0)
    numbers.put(3)
    assert await waiting == 3


async def test_a_failure_comes_behind_what_waits():
    numbers = Numbers(1)
    numbers.fail(NoPermission())
    assert await anext(numbers) == 1
    with pytest.raises(NoPermission):
        await anext(numbers)
    assert numbers.left == []


async def test_closing_stops_the_iteration_and_is_told_once():
    async with Numbers(1) as numbers:
        numbers.close()
    assert [number async for number in numbers] == [1]
    assert numbers.left == [numbers]
    assert isinstance(numbers.failure, ClientClosed)


async def test_it_is_settled_by_an_answer():
    numbers = Numbers()
    numbers.settled.set()
    await numbers.settle(5.0, "it")
    assert numbers.failure is None


async def test_a_refusal_is_raised():
    numbers = Numbers()
    numbers.fail(NoPermission())
    with pytest.raises(NoPermission):
        await numbers.settle(5.0, "it")


async def test_without_an_answer_it_is_closed():
    numbers = Numbers()
    with pytest.raises(NoAnswer, match=r"^it was not answered within 0 s$"):
        await numbers.settle(0.0, "it")
    assert numbers.left == [numbers]
