"""What goes wrong in a simulation, and when: made from the seed alone, before anything runs."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

CHANGES = (
    ("commit", 30),
    ("bulk", 3),
    ("bar", 2),
    ("prune", 2),
    ("restore", 1),
    ("new_epoch", 1),
    ("back_up", 2),
)
"""What others do to the database, and how often in relation."""

TROUBLES = (
    ("kill", 4),
    ("kill_briefly", 4),
    ("lose_power", 2),
    ("pause", 4),
    ("pause_briefly", 3),
    ("break_line", 5),
    ("break_link", 4),
    ("silence_line", 2),
    ("cut", 4),
    ("cut_one_way", 2),
    ("cut_briefly", 4),
    ("slow_reader", 5),
    ("drain", 3),
    ("database_away", 2),
    ("jump_clock", 2),
    ("damage_disk", 3),
    ("image_disk", 2),
)
"""What happens to machines, lines and processes."""

LENGTHS = {
    "kill": 11.0,
    "kill_briefly": 1.0,
    "lose_power": 4.0,
    "pause": 12.0,
    "pause_briefly": 1.5,
    "cut": 14.0,
    "cut_one_way": 14.0,
    "cut_briefly": 1.5,
    "slow_reader": 5.0,
    "database_away": 5.0,
}
"""Of what ends again: the longest that it lasts, in seconds."""


class Event(NamedTuple):
    """One thing that happens."""

    at: float
    name: str
    choice: float
    """In [0, 1): to whom."""
    length: float


class Plan(NamedTuple):
    """All that happens from outside."""

    length: float
    events: list[Event]


def make(random: Random) -> Plan:
    """Return a plan: some have much of one trouble, some a little of all."""
    length = random.choice((6.0, 10.0, 16.0))
    events = []
    for _ in range(int(length * random.choice((1, 2, 3)))):
        events.append(_event(_pick(random, CHANGES), random, length))
    favoured = random.sample([name for name, _ in TROUBLES], 4)
    for _ in range(random.choice((0, 4, 8, 12))):
        name = random.choice(favoured) if random.random() < 0.5 else _pick(random, TROUBLES)
        events.append(_event(name, random, length))
    return Plan(length, sorted(events))


def _event(name: str, random: Random, length: float) -> Event:
    lasts = random.random() * LENGTHS.get(name, 0.0)
    return Event(1.0 + random.random() * length, name, random.random(), lasts)


def _pick(random: Random, table: tuple[tuple[str, int], ...]) -> str:
    names, weights = zip(*table, strict=True)
    return str(random.choices(names, weights)[0])
