"""External checks, run in threads beside the loop, each with a deadline.

Accounts that are checked in the same ways share a lane of a few threads, so directories that are
slow or dead hold up those who need them and nobody else. Threads are daemons: a directory that
never answers does not keep the process alive either.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from proxyapp.auth import chain
from proxyapp.auth.verdict import Standing, Verdict
from proxyapp.engine.commands import Authenticate
from proxyapp.engine.events import Authenticated, Event
from proxyapp.engine.trust.ways import Internal, Way

log = structlog.get_logger(__name__)

THREADS = 8
"""Checks of one lane at a time."""
INTERNAL_THREADS = 2
"""They compute, and do not wait: more would only take time from the loop."""
MAX_LANES = 64
IDLE = 60.0
"""Seconds after which a thread without work ends."""

_Job = tuple[Authenticate, float, Callable[[Verdict], None]]


class Authentication:
    """Carries out the checks of a node."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._lanes: dict[tuple[Way, ...], Lane] = {}
        self._waiting: dict[int, asyncio.TimerHandle] = {}
        self._refusals = chain.Refusals()
        self._outcomes = {"accepted": 0, "rejected": 0, "unavailable": 0}

    def check(self, request: Authenticate) -> None:
        """Begin a check; Authenticated is told later, and by its deadline."""
        ticket = request.ticket
        self._waiting[ticket] = self._loop.call_later(
            request.seconds, self._end, ticket, Verdict("unavailable", "no answer in time")
        )

        def judged(verdict: Verdict) -> None:
            self._loop.call_soon_threadsafe(self._end, ticket, verdict)

        lane = self._lane(request.ways)
        lane.put(request, time.monotonic() + request.seconds, judged)

    def status(self) -> dict[str, Any]:
        """Return how many checks wait, and how those ended that have ended."""
        return {"waiting": len(self._waiting), "lanes": len(self._lanes), **self._outcomes}

    def stop(self) -> None:
        """Tell nothing more."""
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()

    def _end(self, ticket: int, verdict: Verdict) -> None:
        timer = self._waiting.pop(ticket, None)
        if timer is None:
            return  # it came after the deadline
        timer.cancel()
        self._outcomes[verdict.outcome] += 1
        self._tell(
            Authenticated(ticket, verdict.outcome, verdict.text, verdict.principal, verdict.data)
        )

    def _lane(self, ways: tuple[Way, ...]) -> Lane:
        lane = self._lanes.pop(ways, None)
        if lane is None:
            if len(self._lanes) >= MAX_LANES:  # settings that were changed leave theirs behind
                self._lanes.pop(next(iter(self._lanes))).retire()
            internal = all(isinstance(way, Internal) for way in ways)
            lane = Lane(INTERNAL_THREADS if internal else THREADS, self._refusals)
        self._lanes[ways] = lane  # the one that was used last is the last to go
        return lane


class Lane:
    """A queue of checks in the same ways, and the threads that work on it while there are any."""

    def __init__(self, most: int, refusals: chain.Refusals) -> None:
        self._most = most
        self._refusals = refusals
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._standings: dict[Way, Standing] = {}
        self._lock = threading.Lock()
        self._threads = self._busy = 0

    def put(self, request: Authenticate, until: float, done: Callable[[Verdict], None]) -> None:
        """Have a check made; `done` is called in a thread."""
        with self._lock:
            self._jobs.put((request, until, done))
            free = self._threads - self._busy
            if self._threads >= self._most or self._jobs.qsize() <= free:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="authentication", daemon=True).start()

    def retire(self) -> None:
        """Let the threads end after the work that is there."""
        with self._lock:
            for _ in range(self._threads):
                self._jobs.put(None)

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE)
            except queue.Empty:
                with self._lock:
                    if self._jobs.empty():
                        self._threads -= 1
                        return
                continue
            if job is None:
                return
            with self._lock:
                self._busy += 1
            try:
                self._judge(*job)
            except RuntimeError:
                return  # the loop has ended, and the process is about to
            finally:
                with self._lock:
                    self._busy -= 1

    def _judge(self, request: Authenticate, until: float, done: Callable[[Verdict], None]) -> None:
        if time.monotonic() >= until:
            return  # nobody waits for it any more
        try:
            verdict = chain.check(request, until, self._standings, self._refusals)
        except Exception:
            log.exception("a login could not be checked", user=request.user)
            verdict = Verdict("unavailable", "the check failed")
        done(verdict)
