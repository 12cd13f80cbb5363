"""What happened in a simulation, for who has to find out why it failed; and how it fails."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from tests.simulation.clock import Clock

_REMEMBERED = 200


class Violation(AssertionError):
    """A guarantee was broken; the text says which one and how."""

    def __init__(self, guarantee: str, text: str) -> None:
        super().__init__(f"{guarantee}: {text}")
        self.guarantee = guarantee


class Story:
    """The last things that happened to the world, and what its servers logged."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: deque[tuple[float, str, str, Mapping[str, object]]] = deque(maxlen=_REMEMBERED)

    def __str__(self) -> str:
        return "\n".join(
            f"{at:8.3f} {who}: {what} {dict(how)}" for at, who, what, how in self._told
        )

    def tell(self, who: str, what: str, how: Mapping[str, object]) -> None:
        """Note something."""
        self._told.append((self._clock.now, who, what, how))
