"""Log lines have the form of structlog's, whatever is in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog
from hypothesis import example, given
from hypothesis import strategies as st

from proxyapp.runtime.logfmt import render, stamp

FIELDS = st.dictionaries(
    st.sampled_from(["user", "peer", "reason", "logger", "timestamp", "level", "event"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()
    .filter(str.isprintable)) | st.text(' ="\\\nab\N{SNOWMAN}'),
)  # fmt: skip
STRUCTLOG = structlog.processors.LogfmtRenderer(
    key_order=["timestamp", "level", "event"], bool_as_flag=False
)


@given(FIELDS)
def test_a_line_is_what_structlog_makes_of_the_event(fields: dict[str, Any]) -> None:
    assert render(None, "info", dict(fields)) == STRUCTLOG(None, "info", dict(fields))


@given(st.text())
@example("a\rb")
@example("\x1b]0;title\x07")
@example("\N{LINE SEPARATOR}\x85\N{RIGHT-TO-LEFT OVERRIDE}\x00\ud800")
def test_a_line_is_one_line_of_what_prints(name: str) -> None:
    line = render(None, "info", {"event": "login refused", "user": name})

    assert line.isprintable()
    assert line.encode().decode() == line


def test_an_escape_tells_what_it_stands_for() -> None:
    line = render(None, "info", {"event": "login", "user": "a\x1b[31m\r\n\N{LINE SEPARATOR}"})

    assert line.endswith(r"user=a\x1b[31m\r\n\u2028")


def test_a_line_bears_the_time_in_utc() -> None:
    before = datetime.now(UTC)
    told = stamp(None, "info", {})["timestamp"]
    assert told.endswith("Z")
    assert before.replace(microsecond=0) <= datetime.fromisoformat(told) <= datetime.now(UTC)
    assert len(told) == len("2026-01-02T03:04:05.000006Z")
