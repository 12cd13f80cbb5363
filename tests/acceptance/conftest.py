"""A site of real processes for each test of a promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import Site


@pytest.fixture
def site(server_environment: dict[str, str], tmp_path: Path) -> Iterator[Site]:
    site = Site(server_environment, tmp_path)
    yield site
    site.end()
