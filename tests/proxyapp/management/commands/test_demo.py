"""The demo as a stranger runs it: one command, then a client behind the proxy sees a change."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from tests.demo import ROOT, demo_command, free_ports, read_until, running_demo


@pytest.mark.slow
def test_a_change_on_the_master_reaches_a_watch_behind_the_proxy(
    server_environment: dict[str, str],
) -> None:
    with (
        running_demo(server_environment) as demo,
        demo.confctl("watch application", "proxy") as watch,
    ):
        read_until(watch, "watching demo_proxy")
        with demo.confctl("write set application name=default a/colour=green", "master"):
            assert "green" in read_until(watch, "a/colour")
    assert demo.process.returncode == 0


@pytest.mark.slow
def test_the_next_demo_goes_on_with_the_same_data(server_environment: dict[str, str]) -> None:
    with running_demo(server_environment) as demo:
        first = demo.password_file.read_text()
        with demo.confctl("write set application name=default a/colour=green", "master") as write:
            written = read_until(write, "updated application").split()[-1]
    with running_demo(server_environment, demo.ports) as demo:
        assert demo.password_file.read_text() == first
        with demo.confctl("status", "proxy") as status:
            read_until(status, f"revision        {written}\n")  # the start changed nothing
        with demo.confctl("read application name=default -json", "proxy") as read:
            assert '"colour":"green"' in read_until(read, "default").replace(" ", "")


def test_a_taken_port_is_named_with_the_option_that_chooses_another(
    server_environment: dict[str, str],
) -> None:
    ports = free_ports()
    with socket.create_server(("", ports["proxy-web"])):
        run = subprocess.run(
            [sys.executable, *demo_command(ports)],
            cwd=ROOT,
            env=server_environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 1
    assert f"port {ports['proxy-web']} is taken: choose another by --proxy-web-port" in run.stderr
