"""Measuring side by side: rounds in turn, load in processes of their own, medians of ratios."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from benchmarks.processes import LOAD_CORE, ROOT, pinned


@dataclass(frozen=True, slots=True)
class Options:
    """How thorough a run is."""

    rounds: int
    """How often each contestant has its turn."""
    seconds: float
    """Of one turn, where a turn is a time."""
    objects: int
    """In the store, where the question does not say it."""
    length: float = 300.0
    """Seconds of a run that does everything at once."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of one contestant gave."""

    value: float
    load: float = 0.0
    """The part of its core that the load generator needed; near 1 it was the bottleneck."""


Contestants = dict[str, Callable[[], Turn]]
"""Name -> what takes one turn."""
Found = TypeVar("Found")


def alternate(
    rounds: int, contestants: Mapping[str, Callable[[], Found]]
) -> dict[str, list[Found]]:
    """Let the contestants take turns, so that what else the machine does meets all of them."""
    turns: dict[str, list[Found]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, take in contestants.items():
            turns[name].append(take())
    return turns


def median(turns: Sequence[Turn]) -> float:
    """Return the median of the values."""
    return statistics.median(turn.value for turn in turns)


def ratio(ours: Sequence[Turn], theirs: Sequence[Turn]) -> float:
    """Return the median of the ratios of turns of one round."""
    return statistics.median(a.value / b.value for a, b in zip(ours, theirs, strict=True))


def run_tool(command: Sequence[str]) -> tuple[str, float]:
    """Run a load generator on its core; return its output and the part of the core it used."""
    begun = time.monotonic()
    with subprocess.Popen(
        pinned(LOAD_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        assert child.stdout is not None
        output = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{output[-2000:]}")
    return output, (used.ru_utime + used.ru_stime) / (time.monotonic() - begun)


class Teller:
    """A process that is told what to do, line by line; a context manager."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str] | None = None
    ) -> None:
        self._name = " ".join(command[-3:])
        self._child = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, call: str, **arguments: Any) -> dict[str, Any]:
        """Let it do something; return what came of it."""
        self.start(call, **arguments)
        return self.answer()

    def start(self, call: str, **arguments: Any) -> None:
        """Let it do something; `answer` is to be called later."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps([call, arguments]) + "\n")
        self._child.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """Wait for what was started, and return what came of it."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def suspend(self) -> None:
        """Stop it as it stands, until it is killed."""
        self._child.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a crash would, and wait until it is gone."""
        self._child.kill()
        self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.close()
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        self._child.stdout.close()


class Generator(Teller):
    """A load generator of `benchmarks.generators` in a process on the load's core.

    It is begun with what `begin` of its `Load` takes. Answers have "seconds", and "load": the
    part of the core that was used meanwhile.
    """

    def __init__(self, name: str, **begin: Any) -> None:
        super().__init__(pinned(LOAD_CORE, [sys.executable, "-m", "benchmarks.load", name]))
        try:
            self.begun = self.ask("begin", **begin)
            """What `begin` returned."""
        except BaseException:
            self.__exit__()
            raise
