"""The simulations would see it if the engine broke its promises."""

from __future__ import annotations

import pytest

from tests.simulation.bugs import BUGS
from tests.simulation.story import Violation
from tests.simulation.world import Simulation

SEEDS = 120
"""Within so many simulations each bug must show."""


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str) -> None:
    for seed in range(SEEDS):
        try:
            with BUGS[name].planted():
                Simulation(seed).run()
        except Violation:
            return
    pytest.fail(f"{SEEDS} simulations did not see {name}")
