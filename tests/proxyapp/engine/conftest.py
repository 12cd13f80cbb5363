"""What all tests of the engine begin with."""

from __future__ import annotations

import pytest

from tests.proxyapp.engine.bench import Bench, Proxy, master
from tests.proxyapp.engine.copybench import Copied


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


@pytest.fixture
def copied(bench: Bench) -> Copied:
    """A proxy with a live link that keeps a local copy."""
    made = Copied(bench)
    made.begin()
    made.dial()
    return made
