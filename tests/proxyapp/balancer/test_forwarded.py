"""Whose address X-Forwarded-For tells."""

from __future__ import annotations

import pytest

from proxyapp.balancer.forwarded import client_of
from proxyapp.balancer.networks import Networks

TRUSTED = Networks("10.0.0.1, 10.0.0.2")


@pytest.mark.parametrize(
    ("values", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["1.2.3.4, 198.51.100.7"], "198.51.100.7"),  # what a client made up
        (["198.51.100.7, 10.0.0.2"], "198.51.100.7"),  # two balancers in a row
        (["1.2.3.4", "198.51.100.7"], "198.51.100.7"),
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::7]:4711"], "2001:db8::7"),
        (["2001:db8::7"], "2001:db8::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["unknown"], ""),
        (["198.51.100.7, nonsense"], ""),
        ([""], ""),
        ([], ""),
        (["10.0.0.2"], "10.0.0.2"),
    ],
)
def test_the_last_stranger_in_the_list_is_the_client(values: list[str], client: str) -> None:
    assert client_of("10.0.0.1", values, TRUSTED) == client


def test_a_stranger_is_not_believed() -> None:
    assert client_of("198.51.100.9", ["1.2.3.4"], TRUSTED) == ""
