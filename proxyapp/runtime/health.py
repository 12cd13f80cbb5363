"""The health checks that a server answers: their paths, and what their queries say."""

from __future__ import annotations

import re
from urllib.parse import parse_qs

PATHS = ("/livez", "/readyz", "/freshz")
"""The process runs; it would serve; what it serves is new enough."""


def limit_in(query: str) -> float | None:
    """Return the seconds of age that a query to /freshz allows, None where it names none.

    Raises ValueError: it is no number of seconds.
    """
    given = parse_qs(query, keep_blank_values=True).get("max-age")
    if given is None:
        return None
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", given[-1]):
        raise ValueError("max-age is a number of seconds, such as /freshz?max-age=30")
    return float(given[-1])
