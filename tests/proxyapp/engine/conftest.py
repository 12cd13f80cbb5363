"""What all tests of the engine begin with."""

from __future__ import annotations

import pytest

from tests.proxyapp.engine.bench import Bench, Proxy, master


@pytest.fixture
def bench() -> Bench:
    """A loaded master."""
    return master()


@pytest.fixture
def proxy(bench: Bench) -> Proxy:
    """A proxy with a live link to the master of the bench."""
    made = Proxy(bench)
    made.start()
    assert made.link == "live"
    return made
