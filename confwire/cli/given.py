"""Documents and deltas that confctl is given, in files or on standard input."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from confwire.cli.accounts import Failure, reason_of


def bytes_of(name: str) -> bytes:
    """Return what a file holds, or with "-" standard input; raises Failure."""
    if name == "-" and sys.stdin is None:
        raise Failure("standard input is closed: give it what is to be read")
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise Failure(f"cannot read {name}: {reason_of(error)}") from None


def json_object(name: str, data: bytes) -> dict[str, Any]:
    """Return the JSON object in what was read from there; raises Failure."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        source = "standard input" if name == "-" else name
        raise Failure(f"{source} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise Failure(f"{name} is not a JSON object")
    return found
