"""What `manage.py check` refuses."""

from __future__ import annotations

from typing import Any

import pytest

from proxyapp.checks import check_database, check_iterations


def test_the_databases_of_the_tests_are_taken() -> None:
    assert check_database(None) == []


@pytest.mark.parametrize(("rounds", "expected"), [(4096, []), (1000, ["proxyapp.E002"])])
def test_rounds_that_clients_refuse_are_refused(
    settings: Any, rounds: int, expected: list[str]
) -> None:
    settings.SCRAM_ITERATIONS = rounds
    assert [message.id for message in check_iterations(None)] == expected
