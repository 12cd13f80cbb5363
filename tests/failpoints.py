"""Runs manage.py in a process that kills itself, as with `kill -9`, at a named step.

    python tests/failpoints.py FUSE POINT COMMAND [ARGUMENT…]

POINT is "before" or "after", the function in the form `module:name`, and perhaps words that must
be in its arguments, and "#2" for its second call. Nothing happens before the file FUSE exists.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any


class Failpoint:
    """A step at which the process ends."""

    def __init__(self, fuse: Path, text: str) -> None:
        self._fuse = fuse
        self.when, self.place, *rest = text.split()
        calls = [word for word in rest if word.startswith("#")]
        self._words = [word.encode() for word in rest if word not in calls]
        self._call = int(calls[0][1:]) if calls else 1
        self._calls = count(1)

    def set(self) -> None:
        """Put it around its function."""
        module, _, name = self.place.partition(":")
        owner: Any = importlib.import_module(module)
        *above, name = name.split(".")
        for part in above:
            owner = getattr(owner, part)
        setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def plain(*arguments: Any, **options: Any) -> Any:
            ends = self._is_meant(arguments)
            if ends and self.when == "before":
                _end()
            result = function(*arguments, **options)
            if ends:
                _end()
            return result

        @wraps(function)
        async def coroutine(*arguments: Any, **options: Any) -> Any:
            ends = self._is_meant(arguments)
            if ends and self.when == "before":
                _end()
            result = await function(*arguments, **options)
            if ends:
                _end()
            return result

        return coroutine if asyncio.iscoroutinefunction(function) else plain

    def _is_meant(self, arguments: tuple[Any, ...]) -> bool:
        if not self._fuse.exists():
            return False
        text = repr(arguments).encode() if self._words else b""
        return all(word in text for word in self._words) and next(self._calls) == self._call


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the command that the arguments name."""
    sys.path[0] = str(Path(__file__).parents[1])
    os.umask(0o077)
    os.environ["DJANGO_SETTINGS_MODULE"] = "csproxy_site.settings"
    fuse, point, *words = sys.argv[1:]
    import django
    from django.core.management import execute_from_command_line

    django.setup()
    Failpoint(Path(fuse), point).set()
    execute_from_command_line(["manage.py", *words])


if __name__ == "__main__":
    main()
