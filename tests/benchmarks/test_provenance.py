"""What results say of where they come from."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest

from benchmarks import provenance


@pytest.fixture(autouse=True)
def another_run() -> Iterator[None]:
    yield
    provenance.begin()


def test_a_run_knows_its_time_and_its_commit() -> None:
    provenance.begin()
    facts = provenance.facts()
    assert set(facts) == {"commit", "date", "peers"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\dZ", facts["date"])
    assert re.fullmatch(r"([0-9a-f]{12}( with changes)?)?", facts["commit"])


def test_each_run_has_its_own_peers() -> None:
    provenance.begin()
    provenance.took_part("a peer", "3.4.23")
    assert provenance.facts()["peers"] == {"a peer": "3.4.23"}
    provenance.begin()
    assert provenance.facts()["peers"] == {}


def test_a_program_tells_its_version() -> None:
    said = provenance.version_of([sys.executable, "-c", "print('Server v=7.0.15 bits=64')"])
    assert said == "7.0.15"
    assert provenance.version_of([sys.executable, "-c", "print('none')"]) == ""
