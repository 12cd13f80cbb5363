"""Exports over HTTP: pieces that go out as they are made, in an event loop or without one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse

from historylog.exporting import CONTENT_TYPES, Pages, export


def exported(
    request: HttpRequest, name: str, form: str, columns: Sequence[str], pages: Pages
) -> StreamingHttpResponse:
    """Return an export as a file to download.

    Args:
        name: of the file, without its ending.
        form: "csv", "json" or "xml".
    """
    pieces = export(form, columns, pages)
    # A loop would take a plain iterator whole before it sends the first piece.
    body = _awaited(pieces) if isinstance(request, ASGIRequest) else pieces
    response = StreamingHttpResponse(body, content_type=CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    response["Cache-Control"] = "no-store"
    return response


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    step = sync_to_async(lambda: next(pieces, b""))
    while piece := await step():
        yield piece
