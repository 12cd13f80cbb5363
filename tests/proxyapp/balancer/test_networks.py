"""Which addresses belong to trusted balancers."""

from __future__ import annotations

import pytest

from proxyapp.balancer.networks import Networks


@pytest.mark.parametrize(
    ("host", "trusted"),
    [
        ("10.1.0.5", True),
        ("10.1.0.6", False),
        ("::ffff:10.1.0.5", True),
        ("10.2.0.77", True),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("fe80::1", False),
        ("", False),
        ("unix", False),
    ],
)
def test_addresses_and_networks_are_trusted(host: str, trusted: bool) -> None:
    networks = Networks("10.1.0.5, 10.2.0.0/24 ,fd00::/8,")
    assert (host in networks) is trusted
    assert not networks.complaints


def test_nobody_is_trusted_by_default() -> None:
    networks = Networks("")
    assert not networks
    assert "127.0.0.1" not in networks


def test_what_is_no_network_is_told_and_the_others_count() -> None:
    networks = Networks("balancer.example, 10.0.0.1/33, 10.0.0.7")
    assert len(networks.complaints) == 2
    assert "balancer.example" in networks.complaints[0]
    assert "10.0.0.7" in networks


def test_a_network_may_be_named_by_one_of_its_addresses() -> None:
    assert "10.2.3.200" in Networks("10.2.3.4/24")
