from __future__ import annotations

import pytest

from confwire.errors import TooManyAttempts
from proxyapp.balancer.networks import networks
from proxyapp.engine.trust.throttle import ADDRESSES, Throttle, host_of, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7:4000", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7"),
        ("[2001:db8::1]:4000", "2001:db8::/64"),
        ("2001:db8::ffff", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("127.0.0.1:4000", ""),
        ("[::1]:4000", ""),
        ("", ""),
        ("unknown", ""),
    ],
)
def test_what_is_counted_for_an_address(address, network):
    assert network_of(address) == network


def test_a_bucket_fills_up_again_within_a_minute():
    throttle = Throttle()
    for _ in range(6):
        throttle.check("192.0.2.7:1", 6, 100.0)
        throttle.failed("192.0.2.7:2", 6, 100.0)
    with pytest.raises(TooManyAttempts) as refused:
        throttle.check("192.0.2.7:3", 6, 100.0)
    assert refused.value.data["retryAfter"] == 10
    throttle.check("192.0.2.7:3", 6, 110.0)
    throttle.check("192.0.2.8:3", 6, 100.0)
    throttle.check("192.0.2.7:3", 0, 100.0)


def test_only_so_many_addresses_are_remembered():
    throttle = Throttle()
    for number in range(ADDRESSES + 10):
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        throttle.failed(address, 5, 1.0)
        throttle.begin(address)
        throttle.end(address)
    assert len(throttle._taken) == ADDRESSES
    assert throttle._pending == {}


def test_the_networks_of_an_option_are_asked_by_the_host_of_an_address():
    option = networks("192.0.2.1, 10.0.0.0/8, nonsense")
    assert host_of("10.1.2.3:80") in option
    assert host_of("[::ffff:10.1.2.3]:80") in option
    assert host_of("11.1.2.3:80") not in option
    assert host_of("nobody") not in networks("0.0.0.0/0")
