"""A load generator process: `python -m benchmarks.load NAME`, told what to do on its stdin.

Each line is `[call, arguments]`; the call is a method of the `Load` of the generator, and its
result is printed as a line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import resource
import sys
import time
from typing import Any

import uvloop


def allow_many_sockets() -> None:
    """Lift the limit of open files as far as it goes."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def serve(load: Any) -> None:
    """Carry out calls until the parent closes the pipe."""
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        call, arguments = json.loads(line)
        begun, used = time.monotonic(), time.process_time()
        answer = await getattr(load, call)(**arguments) or {}
        seconds = time.monotonic() - begun
        answer |= {"seconds": seconds, "load": (time.process_time() - used) / seconds}
        print(json.dumps(answer), flush=True)
        if call == "begin":
            # What lives now lives until the end: the collector need not look at it again.
            gc.collect()
            gc.freeze()


def main() -> None:
    """Run the generator that the command line names."""
    allow_many_sockets()
    module = importlib.import_module(f"benchmarks.generators.{sys.argv[1]}")
    uvloop.run(serve(module.Load()))


if __name__ == "__main__":
    main()
