"""Shared by the tests of the commands: running one as `manage.py` does."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(db: None) -> Run:
    """Return what runs a command and gives its exit code and output."""
    from django.core.management import CommandError, call_command

    def running(name: str, *arguments: Any, **options: Any) -> Ended:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(name, *arguments, stdout=out, stderr=err, **options)
        except SystemExit as exit_:
            return Ended(int(exit_.code or 0), out.getvalue(), err.getvalue())
        except CommandError as error:
            return Ended(error.returncode, out.getvalue(), f"{err.getvalue()}{error}\n")
        return Ended(0, out.getvalue(), err.getvalue())

    return running
