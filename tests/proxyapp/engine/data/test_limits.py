from __future__ import annotations

import pytest

from proxyapp.engine.data.limits import Limit, is_shown
from proxyapp.engine.data.rights import RightsTree

TENANT, FOLDER, SKILL = 7, 22, 13


@pytest.fixture
def tree() -> RightsTree:
    """Tenant 1 with folder 501, that with folder 502, and a skill with grants in each."""
    made = RightsTree()
    made.place(TENANT, 1, (FOLDER, 0), ())
    made.place(FOLDER, 501, (TENANT, 1), ())
    made.place(FOLDER, 502, (FOLDER, 501), ())
    made.place(SKILL, 601, (FOLDER, 501), [(3, 101, 1)])
    made.place(SKILL, 602, (FOLDER, 502), [(3, 101, 1)])
    return made


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ((TENANT, 1), [501, 502, 601, 602]),
        ((FOLDER, 501), [501, 502, 601, 602]),
        ((FOLDER, 502), [502, 602]),
        ((SKILL, 601), [601]),
        ((FOLDER, 503), []),
    ],
)
def test_a_limit_holds_objects_with_all_that_lies_in_them(tree, key, shown):
    limit = Limit(frozenset({key}))
    nodes = {
        501: tree.contents((FOLDER, 501)),
        502: tree.contents((FOLDER, 502)),
        601: tree.own((SKILL, 601)),
        602: tree.own((SKILL, 602)),
    }
    assert [dbid for dbid, node in nodes.items() if limit.holds(node)] == shown
    assert [dbid for dbid, node in nodes.items() if is_shown(limit, node)] == shown
    assert all(is_shown(None, node) for node in nodes.values())


def test_limits_of_the_same_objects_are_equal():
    assert Limit(frozenset({(TENANT, 1)})) == Limit(frozenset({(TENANT, 1)}))
    assert Limit(frozenset()) != Limit(frozenset({(TENANT, 1)}))
