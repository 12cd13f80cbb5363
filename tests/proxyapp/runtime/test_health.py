"""What the query of a health check says."""

from __future__ import annotations

import pytest

from proxyapp.runtime.health import limit_in


@pytest.mark.parametrize(
    ("query", "limit"),
    [("", None), ("other=1", None), ("max-age=0", 0.0), ("a=b&max-age=30.5", 30.5)],
)
def test_the_limit_of_an_age_may_be_named(query: str, limit: float | None) -> None:
    assert limit_in(query) == limit


@pytest.mark.parametrize("value", ["", "-1", "soon", "1e9", "nan", "inf", "1" * 40, "٣"])
def test_what_is_no_number_of_seconds_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="such as /freshz\\?max-age=30"):
        limit_in(f"max-age={value}")
