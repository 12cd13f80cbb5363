"""The demo and `confctl` as processes, for tests: started, read line by line, stopped by Ctrl-C."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAST_LINE = "Ctrl-C stops both."
LIMIT = 100.0
"""Seconds after which a process that hangs is killed, so that its last words are seen."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo."""

    process: subprocess.Popen[str]
    ports: dict[str, int]
    password_file: Path
    environment: dict[str, str]

    @contextmanager
    def confctl(self, words: str, port: str) -> Iterator[subprocess.Popen[str]]:
        """Run `confctl` as the administrator on the port of this name during the block."""
        account = ["-user", "default", "-password-file", str(self.password_file)]
        server = ["-host", "127.0.0.1", "-port", str(self.ports[port])]
        command = ["-m", "confwire.cli", *words.split(), *server, *account]
        with _started(command, self.environment, signal.SIGTERM) as process:
            yield process


@contextmanager
def running_demo(
    environment: dict[str, str], ports: dict[str, int] | None = None
) -> Iterator[Demo]:
    """Run the demo with few agents during the block; it has told its guide when that begins.

    Without `ports` free ones are taken.
    """
    ports = ports or free_ports()
    with _started(demo_command(ports), environment, signal.SIGINT) as process:
        guide = read_until(process, LAST_LINE)
        found = re.search(r"-password-file (\S+)", guide)
        assert found, guide
        yield Demo(process, ports, ROOT / found[1], environment)


def demo_command(ports: dict[str, int]) -> list[str]:
    """Return the arguments of a demo on these ports."""
    given = [f"--{name}-port={number}" for name, number in ports.items()]
    return ["manage.py", "demo", "--agents", "5", *given]


def free_ports() -> dict[str, int]:
    """Return free ports for a demo; the next number is free too, for a web's status port."""
    names = ("master", "proxy", "master-web", "proxy-web")
    ports: list[int] = []
    with ExitStack() as held:
        while len(ports) < len(names):
            first = held.enter_context(socket.socket())
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            following = held.enter_context(socket.socket())
            try:
                following.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            ports.append(port)
    return dict(zip(names, ports, strict=True))


@contextmanager
def _started(
    arguments: list[str], environment: dict[str, str], end: signal.Signals
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    alarm = threading.Timer(LIMIT, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        process.send_signal(end)
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
