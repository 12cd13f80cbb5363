"""What the protocol cannot take is refused, whichever way it is wrong; each run tries the same."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzing.target import OPEN, PROXY, Target, seeds
from tests.proxyapp.engine.bench import STEADY

EXAMPLES = [json.loads(seed[1:]) for seed in seeds()[::4]]
WORDS = ["skill", "person", "folder", "name", "dbid", "e1", "bob", "eve", "default", "PLAIN",
         "SCRAM-SHA-256", "KERBEROS", "client", "proxy", "peer", "\0", "я", "日本", "\ud800",
         "x" * 3_000, ""]  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([None, True, 0, -1, 1, 601, 650, 2**31, 2**63, -(2**64), 1e308, 0.5, *WORDS]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def near_messages(draw: Any) -> bytes:
    """An example of the protocol's page with some of its values exchanged."""
    message = copy.deepcopy(draw(st.sampled_from(EXAMPLES)))
    for _ in range(draw(st.integers(0, 3))):
        at = message
        while isinstance(at, (dict, list)) and at:
            keys = list(at) if isinstance(at, dict) else list(range(len(at)))
            key = draw(st.sampled_from(keys))
            if not isinstance(at[key], (dict, list)) or draw(st.booleans()):
                at[key] = draw(VALUES)
                break
            at = at[key]
    return json.dumps(message).encode()


@pytest.fixture(scope="module")
def target() -> Target:
    return Target()


@settings(STEADY, max_examples=400)
@given(
    kind=st.integers(0, OPEN | PROXY),
    messages=st.lists(near_messages() | st.binary(max_size=40), min_size=1, max_size=5),
)
def test_nothing_that_a_line_can_send_breaks_or_tells_anything(
    target: Target, kind: int, messages: list[bytes]
) -> None:
    target.take(bytes([kind]) + b"\n".join(messages))


def test_every_example_is_taken_by_every_line(target: Target) -> None:
    kinds = set()
    for seed in seeds():
        kinds |= {json.loads(answer)["message"] for answer in target.take(seed)}
    assert kinds >= {"challenge", "objectsRead", "briefInfo", "error", "serverInfo"}


@pytest.mark.parametrize("planted", [b"only-for-the-witness", b'{"not": "json"'])
def test_what_is_told_of_others_or_in_no_form_is_found(planted: bytes, monkeypatch: Any) -> None:
    fresh = Target()
    client = fresh._servers.line(OPEN)
    monkeypatch.setattr(fresh._servers, "line", lambda kind: client)
    monkeypatch.setattr(client, "send", lambda *messages: client.raw.append(planted))
    with pytest.raises((AssertionError, ValueError)):
        fresh.take(b"\x01x")


def test_a_request_that_fails_is_found(monkeypatch: Any) -> None:
    def fail(tree: int) -> str:
        raise ZeroDivisionError(tree)

    monkeypatch.setattr("proxyapp.engine.sessions.answering.tree_text", fail)
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        Target().take(b'\x01{"message":"readServerInfo","ref":1}')
