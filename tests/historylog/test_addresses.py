from __future__ import annotations

import pytest
from django.test import RequestFactory

from historylog.addresses import links_of, query_of


@pytest.mark.parametrize(
    ("asked", "changed", "query"),
    [
        ("?name=a+b&empty=", {}, "name=a+b"),
        ("?name=a", {"after": "3-1"}, "name=a&after=3-1"),
        ("?name=a&after=9&after=8", {"after": "3"}, "name=a&after=3"),
        ("?name=a", {"name": ""}, ""),
    ],
)
def test_a_query_keeps_what_was_asked_but_for_what_changes(asked, changed, query) -> None:
    assert query_of(RequestFactory().get(f"/{asked}"), **changed) == query


@pytest.mark.parametrize(
    ("asked", "mark", "first", "following"),
    [
        ("?name=a", "", "", ""),
        ("?name=a", "7", "", "?name=a&after=7"),
        ("?name=a&after=7", "9", "?name=a", "?name=a&after=9"),
        ("?name=a&after=9", "", "?name=a", ""),
    ],
)
def test_a_list_knows_its_first_and_its_next_page(asked, mark, first, following) -> None:
    links = links_of(RequestFactory().get(f"/{asked}"), mark)
    assert links == {"first": first, "following": following}
