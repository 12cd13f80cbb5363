"""How the other ends of sockets are named and judged."""

from __future__ import annotations

import pytest

from proxyapp.runtime.peers import format_address, is_loopback, new_nonce


def test_addresses_are_written_as_people_write_them() -> None:
    assert format_address(("::ffff:10.0.0.1", 5, 0, 0)) == "10.0.0.1:5"
    assert format_address(("fe80::1", 5, 0, 0)) == "[fe80::1]:5"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False)],
)
def test_loopback_is_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_nonces_differ_and_have_eighteen_bytes() -> None:
    nonces = {new_nonce() for _ in range(100)}
    assert len(nonces) == 100
    assert {len(nonce) for nonce in nonces} == {24}
