"""A history to look at: transactions through the one door, on objects of one type."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from historylog.verification import Problem

Skill = Callable[..., int]


@pytest.fixture
def skill(db: None) -> Skill:
    """Return a function that creates a skill, or changes one, in a transaction of its own."""
    from proxyapp.services import objects

    def writes(name: str = "", dbid: int = 0, **delta: Any) -> int:
        if dbid:
            return objects.update("skill", dbid, delta, by=None, origin="test").dbid
        given = {"tenantDBID": 1, "name": name, **delta}
        return objects.create("skill", given, by=None, origin="test").dbid

    return writes


@pytest.fixture
def problems(db: None) -> Callable[[], list[Problem]]:
    """Return a function that checks the history as it stands."""
    from historylog.verification import verify
    from proxyapp.models import Revision

    def found() -> list[Problem]:
        position = Revision.objects.get()
        return list(verify(position.number, position.chain))

    return found
