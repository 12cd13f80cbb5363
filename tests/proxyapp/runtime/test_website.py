"""What a web process hears from its node."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from proxyapp.runtime.website import hear


@pytest.fixture
def database() -> Iterator[dict[str, object]]:
    database = settings.DATABASES["default"]
    before = dict(database)
    yield database
    database.update(before)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_connections_go_where_the_node_said_last_however_the_pipe_cuts_it(database, pipe) -> None:
    out, into = pipe
    heard = bytearray()
    former = database["HOST"]
    os.write(into, b'{"HOST":"db1","PO')
    hear(out, heard)
    assert database["HOST"] == former
    os.write(into, b'RT":"5432"}\n{"HOST":"db2","PORT":"5433"}\n{"HOST"')
    hear(out, heard)
    assert (database["HOST"], database["PORT"]) == ("db2", "5433")
    assert heard == b'{"HOST"'
