"""Work of one turn made small, so that little data takes many turns and others come in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from proxyapp.engine import intake
from proxyapp.engine.data import store
from proxyapp.engine.links import copying, replication
from proxyapp.engine.notifying import parcels, sights
from proxyapp.engine.reading import gathering, requests
from proxyapp.engine.sessions import follower

_SIZES: tuple[tuple[object, str, tuple[int, ...]], ...] = (
    (gathering, "ROWS_A_TURN", (3, 10)),
    (replication, "ROWS_A_TURN", (3, 10)),
    (replication, "PACKET", (400, 2_000)),
    (replication, "_ENTRIES_A_TURN", (1, 5)),
    (copying, "ROWS_A_TURN", (5, 20)),
    (intake, "_LOOKED_AT_A_TURN", (5, 20)),
    (intake, "_STAGED_A_TURN", (3, 10)),
    (intake, "_FEW", (4, 16)),
    (intake, "ROWS_AT_ONCE", (40, 200, 4_000)),
    (sights, "ROWS_AT_ONCE", (40, 200, 4_000)),
    (requests, "BYTES_A_TURN", (300, 2_000)),
    (parcels, "_CHANGES_A_TURN", (2, 10)),
    (follower, "_ENTRIES_A_TURN", (1, 5)),
)


_OF_LIMITS: tuple[tuple[object, str, tuple[int, ...]], ...] = (
    (sights, "PLACES_AT_ONCE", (5, 100, 10_000)),
    (intake, "_RENEWED_A_TURN", (1, 3, 100)),
)
"""Those that matter where site limits change."""

_TYPES = ("accessGroup", "agentGroup", "application", "folder", "host", "person", "skill", "tenant")


@contextmanager
def small_turns(random: Random, limits: Random) -> Iterator[None]:
    """Let a turn do little, or in some runs as much as ever; and know only the types in use."""
    sizes_of = (*((random, *item) for item in _SIZES), *((limits, *item) for item in _OF_LIMITS))
    kept = [(module, name, getattr(module, name)) for _, module, name, _ in sizes_of]
    kept.append((store, "OBJECTS", store.OBJECTS))
    small = random.random() < 0.8
    try:
        # A store makes tables for every type, which takes as long as all that is in them here.
        known = store.OBJECTS.items()
        store.OBJECTS = {type_: info for type_, info in known if info.name in _TYPES}
        for chance, module, name, sizes in sizes_of:
            size = chance.choice(sizes)
            if small:
                setattr(module, name, size)
        yield
    finally:
        for module, name, size in kept:
            setattr(module, name, size)
