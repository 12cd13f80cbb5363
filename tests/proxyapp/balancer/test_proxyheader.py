"""The PROXY protocol, version 2: every header, whole, cut and broken."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxyapp.balancer.proxyheader import (
    MAX_LENGTH,
    SIGNATURE,
    MalformedHeader,
    begins,
    missing,
    source_of,
)


def header(payload: bytes, command: int = 0x21, family: int = 0x11) -> bytes:
    return SIGNATURE + struct.pack("!BBH", command, family, len(payload)) + payload


def ipv4(source: str = "198.51.100.7", port: int = 4711, more: bytes = b"") -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton("10.0.0.1")
    return header(ends + struct.pack("!HH", port, 2020) + more)


def ipv6(source: str = "2001:db8::7", port: int = 4711) -> bytes:
    ends = [socket.inet_pton(socket.AF_INET6, host) for host in (source, "::1")]
    return header(b"".join(ends) + struct.pack("!HH", port, 2020), family=0x21)


@pytest.mark.parametrize(
    ("data", "source"),
    [
        (ipv4(), "198.51.100.7:4711"),
        (ipv4(more=b"\x03\0\x04abcd"), "198.51.100.7:4711"),
        (ipv6(), "[2001:db8::7]:4711"),
        (ipv6("::ffff:198.51.100.7"), "198.51.100.7:4711"),
        (header(b"", command=0x20, family=0), ""),
        (header(ipv4()[16:], command=0x20), ""),
        (header(b"", family=0), ""),
        (header(bytes(216), family=0x31), ""),
    ],
)
def test_a_header_tells_the_client_or_that_the_balancer_speaks_itself(
    data: bytes, source: str
) -> None:
    assert begins(data)
    assert missing(data) == 0
    assert source_of(data) == source


def test_it_is_read_to_its_last_byte_and_no_further() -> None:
    data, have = ipv4(more=bytes(100)), b"\r"
    steps = []
    while count := missing(have):
        steps.append(count)
        have = data[: len(have) + count]
    assert (steps, have) == ([15, 112], data)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1", b"\x16\x03\x01", b"", b"PROXY TCP4 "])
def test_other_beginnings_are_none_of_it(data: bytes) -> None:
    assert not begins(data)


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE[:11] + b"X" + ipv4()[12:],
        b"\r\n\r\nGET",
        header(ipv4()[16:], command=0x11),
        header(bytes(MAX_LENGTH + 1)),
    ],
)
def test_a_broken_beginning_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedHeader):
        missing(data)


@pytest.mark.parametrize(
    "data", [header(ipv4()[16:], command=0x22), header(b"short"), header(bytes(20), family=0x21)]
)
def test_broken_addresses_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedHeader):
        source_of(data)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(noise: bytes) -> None:
    for data in (SIGNATURE + noise, noise, header(noise, noise[0] if noise else 0x21)):
        try:
            if missing(data) <= 0 and len(data) >= 16:
                source_of(data)
        except MalformedHeader:
            pass
