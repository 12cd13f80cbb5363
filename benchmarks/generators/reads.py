"""Point reads of random objects by authenticated sessions, in closed loops."""

from __future__ import annotations

import json
import random
from typing import Any

from benchmarks.generators import closed_loop
from benchmarks.generators.session import Account, frame, messages, open_sessions


class Load:
    """Sessions that read by DBID or by name."""

    async def begin(
        self, port: int, user: str, password: str, sessions: int, first: int, names: list[str]
    ) -> dict[str, Any]:
        """Log in. The objects are those from DBID `first` on, with these names."""
        self._names = names
        order = list(range(len(names)))
        random.Random(1).shuffle(order)
        self._requests = {
            "dbid": [_request({"dbid": first + number}) for number in order],
            "name": [_request({"name": names[number]}) for number in order],
        }
        self._transports = await open_sessions(port, Account(user, password), sessions)
        return {}

    async def run(self, key: str, depth: int, seconds: float) -> dict[str, Any]:
        """Read for some seconds with so many requests in flight on each connection."""
        requests = self._requests[key]
        apart = len(requests) // len(self._transports)
        loops = [
            closed_loop.Loop(transport, requests, number * apart)
            for number, transport in enumerate(self._transports)
        ]
        answer, _ = next(messages(await closed_loop.probe(loops)))
        read = json.loads(answer)
        if read["message"] != "objectsRead" or read["count"] != 1:
            raise ValueError(f"no object came: {read}")
        return await closed_loop.run(loops, depth, seconds)


def _request(conditions: dict[str, int | str]) -> bytes:
    return frame({"message": "readObjects", "ref": 1, "objectType": "skill", "filter": conditions})
