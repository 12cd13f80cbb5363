"""The truth of the simulations agrees with the slow one of the engine's tests."""

from __future__ import annotations

from random import Random

import pytest

from tests.proxyapp.engine.world import PERSONS
from tests.simulation.database import Database
from tests.simulation.estate import Estate
from tests.simulation.truth import Specs, Truth


@pytest.mark.parametrize("seed", range(10))
def test_two_ways_of_working_out_what_is_seen_agree(seed: int) -> None:
    random = Random(seed)
    estate, truth = Estate(random, {}), Truth()
    database = Database(estate.records, truth, lambda: 0.0, 0.0)
    readers = [(person, estate.some_specs()) for person in PERSONS.values()]
    for _ in range(25):
        if changed := (estate.bulk() if random.random() < 0.1 else estate.changes()):
            database.commit(changed)
        moment = truth.present
        assert moment is not None
        for person, given in readers:
            specs = Specs({spec["name"]: spec for spec in given})
            assert moment.view(person, specs) == estate.view(person, given)
