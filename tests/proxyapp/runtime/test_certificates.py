"""When the certificates of ports are looked at, and what is told of them."""

from __future__ import annotations

import asyncio
import time

import pytest
from structlog.testing import capture_logs

from proxyapp.runtime.certificates import PERIOD, Certificates


class Ports:
    """Counts the looks; tells what it is told to."""

    def __init__(self) -> None:
        self.looks = 0
        self.found: list[str] = []
        self.looked = asyncio.Event()

    async def follow_certificates(self) -> None:
        self.looks += 1
        self.looked.set()

    def complaints(self) -> list[str]:
        return self.found


async def look(ports: Ports, certificates: Certificates) -> None:
    ports.looked.clear()
    certificates.look()
    await ports.looked.wait()
    await asyncio.sleep(0)


@pytest.mark.asyncio
async def test_it_looks_once_a_period() -> None:
    ports = Ports()
    certificates = Certificates(ports)
    begun = time.monotonic()
    certificates.sweep(begun)
    certificates.sweep(begun + PERIOD / 2)
    await ports.looked.wait()
    assert ports.looks == 1
    await asyncio.sleep(0)
    certificates.sweep(begun + 2 * PERIOD)
    await asyncio.sleep(0)
    assert ports.looks == 2


@pytest.mark.asyncio
async def test_an_alarm_stands_as_long_as_its_reason() -> None:
    ports = Ports()
    certificates = Certificates(ports)
    ports.found = ["port 2020: expires in 3 days"]
    with capture_logs() as logs:
        await look(ports, certificates)
        first = time.monotonic()
        await look(ports, certificates)
        (alarm,) = certificates.alarms(first + 60)
        assert alarm["alarm"] == "certificate"
        assert alarm["text"] == "port 2020: expires in 3 days"
        assert alarm["since"] >= 60
        ports.found = []
        await look(ports, certificates)
    assert certificates.alarms(first) == []
    assert [line["event"] for line in logs] == ["alarm", "alarm cleared"]
