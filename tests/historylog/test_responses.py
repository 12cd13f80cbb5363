"""An export goes out piece by piece, with and without an event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from django.core.handlers.asgi import ASGIRequest
from django.test import AsyncRequestFactory, RequestFactory

from historylog.exporting import Row
from historylog.responses import exported


def pages(read: list[int]) -> Iterator[tuple[list[Row], str]]:
    for number in range(3):
        read.append(number)
        yield [{"n": number}], "" if number == 2 else str(number)


def test_it_is_a_file_to_download() -> None:
    response = exported(RequestFactory().get("/"), "changes", "csv", ["n"], pages([]))
    assert response["Content-Disposition"] == 'attachment; filename="changes.csv"'
    assert b"".join(response).split() == [b"n", b"0", b"1", b"2"]


def test_in_a_loop_no_piece_is_made_before_it_is_wanted() -> None:
    request = AsyncRequestFactory().get("/")
    assert isinstance(request, ASGIRequest)
    read: list[int] = []

    async def take_one() -> bytes:
        response = exported(request, "changes", "csv", ["n"], pages(read))
        assert response.is_async
        async for piece in response:
            return bytes(piece)
        return b""

    assert asyncio.run(take_one()).split() == [b"n", b"0"]
    assert read == [0]
