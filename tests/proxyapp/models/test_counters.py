"""DBIDs are unique in their type and begin above those of the system."""

from __future__ import annotations

import pytest

from confwire.objects import ObjectType
from proxyapp.models.counters import FIRST, allocate

pytestmark = pytest.mark.django_db


def test_dbids_are_given_once() -> None:
    given = [
        *allocate(ObjectType.FIELD, 3),
        *allocate(ObjectType.FIELD),
        *allocate(ObjectType.FIELD),
    ]
    assert len(set(given)) == 5
    assert given == sorted(given)
    assert min(given) >= FIRST


def test_types_count_for_themselves() -> None:
    fields = allocate(ObjectType.FIELD, 1000)
    assert allocate(ObjectType.FORMAT)[0] < fields[-1]
