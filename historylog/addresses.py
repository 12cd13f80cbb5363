"""The addresses of a list's pages: the query that was asked, with other values in it."""

from __future__ import annotations

from django.http import HttpRequest


def query_of(request: HttpRequest, **changed: str) -> str:
    """Return the query of an address with other values; an empty one goes."""
    query = request.GET.copy()
    for name, value in changed.items():
        query.pop(name, None)
        if value:
            query[name] = value
    for name in [name for name, value in query.items() if not value]:
        query.pop(name)
    return query.urlencode()


def links_of(request: HttpRequest, mark: str) -> dict[str, str]:
    """Return where the pages of a list are: the first one and the next one.

    Args:
        mark: where the next one begins; empty where there is none.
    """
    first = f"?{query_of(request, after='')}" if request.GET.get("after") else ""
    following = f"?{query_of(request, after=mark)}" if mark else ""
    return {"first": first, "following": following}
