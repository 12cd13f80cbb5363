"""The demo as a stranger runs it: one command, then a client behind the proxy sees a change."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
LAST_LINE = "Ctrl-C stops both."


def free_ports(count: int) -> list[int]:
    """Return free ports whose next number is free too, since a web port has a status port."""
    with ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            following = held.enter_context(socket.socket())
            try:
                following.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            ports.append(port)
        return ports


@contextmanager
def started(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run a command of this project during the block; stop it as Ctrl-C does."""
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # A process that hangs ends with its last words read, not with the whole run.
    alarm = threading.Timer(100, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=40)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Return what the process printed up to a line that has the text."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"it ended without '{text}':\n{''.join(lines)}")


@pytest.fixture
def ports() -> dict[str, int]:
    return dict(zip(("master", "proxy", "master-web", "proxy-web"), free_ports(4), strict=True))


def demo_arguments(ports: dict[str, int]) -> list[str]:
    given = [f"--{name}-port={number}" for name, number in ports.items()]
    return ["manage.py", "demo", "--agents", "5", *given]


def confctl(words: str, port: int, password: Path) -> list[str]:
    account = f"-host 127.0.0.1 -port {port} -user default -password-file {password}"
    return ["-m", "confwire.cli", *words.split(), *account.split()]


@pytest.mark.slow
def test_a_change_on_the_master_reaches_a_watch_behind_the_proxy(
    ports: dict[str, int], server_environment: dict[str, str]
) -> None:
    with started(demo_arguments(ports), server_environment) as demo:
        guide = read_until(demo, LAST_LINE)
        found = re.search(r"-password-file (\S+)", guide)
        assert found, guide
        password = Path(found[1])
        watch = confctl("watch application", ports["proxy"], password)
        with started(watch, server_environment) as watching:
            read_until(watching, "watching demo_proxy")
            write = confctl(
                "write set application name=default demo/colour=green", ports["master"], password
            )
            subprocess.run([sys.executable, *write], cwd=ROOT, env=server_environment, check=True)
            assert "green" in read_until(watching, "demo/colour")
    assert demo.returncode == 0


def test_a_taken_port_is_named_with_the_option_that_chooses_another(
    ports: dict[str, int], server_environment: dict[str, str]
) -> None:
    with socket.socket() as other:
        other.bind(("", ports["proxy-web"]))
        other.listen()
        run = subprocess.run(
            [sys.executable, *demo_arguments(ports)],
            cwd=ROOT,
            env=server_environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 1
    assert f"port {ports['proxy-web']} is taken: choose another by --proxy-web-port" in run.stderr
