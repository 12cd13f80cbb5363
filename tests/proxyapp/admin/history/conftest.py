"""A past to look at: a skill with a life, and how the pages tell of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from django.test import Client

See = Callable[..., str]


class Skill(NamedTuple):
    """A skill, and the revisions of its life."""

    dbid: int
    created: int
    changed: int
    deleted: int

    @property
    def page(self) -> str:
        """The address of its history."""
        return f"objects/13/{self.dbid}/"


@pytest.fixture
def skill(db: None) -> Skill:
    """Return a skill that was created, changed and deleted."""
    from proxyapp.models import Person
    from proxyapp.services import objects

    who: Any = {"by": Person.objects.get(pk=100), "origin": "desk 10.0.0.7 session abc123"}
    made = objects.create("skill", {"tenantDBID": 1, "name": "<English>"}, **who)
    options = {"state": "disabled", "userProperties": {"a": {"b": "1", "c": "old"}}}
    objects.update("skill", made.dbid, options, **who)
    changed = objects.update("skill", made.dbid, {"userProperties": {"a": {"c": "new"}}}, **who)
    gone = objects.delete("skill", made.dbid, **who)
    assert made.result.revision
    assert changed.result.revision
    assert gone.result.revision
    revisions = (made.result.revision, changed.result.revision, gone.result.revision)
    return Skill(made.dbid, *revisions)


@pytest.fixture
def see(client: Client) -> See:
    """Return a function that opens a page of the history and returns its text."""

    def seen(address: str = "", status: int = 200) -> str:
        response: Any = client.get(f"/admin/history/{address}")
        assert response.status_code == status, address
        body = b"".join(response.streaming_content) if response.streaming else response.content
        text: str = body.decode()
        if not response.streaming:
            assert "<script>" not in text, "inline scripts are forbidden"
            assert " style=" not in text, "inline styles are forbidden"
        return text

    return seen
