"""Sends that do nothing else: `python -m benchmarks.sending CLIENTS SIZE CHANGES`.

A child process reads; the parent sends SIZE bytes to each of CLIENTS, CHANGES times. Prints the
seconds of processor time of one change: what this kernel leaves to any server that tells so many.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import sys
import time

from benchmarks.processes import LOAD_CORE, SERVER_CORE

_PAUSE = 0.005


def measure(clients: int, size: int, changes: int) -> float:
    """Return the median of what one change costs, in seconds of processor time."""
    with socket.create_server(("127.0.0.1", 0), backlog=clients) as listening:
        told, telling = os.pipe()
        if not os.fork():
            os.sched_setaffinity(0, {LOAD_CORE})
            _read(listening.getsockname()[1], clients, size, telling)
            os._exit(0)
        os.sched_setaffinity(0, {SERVER_CORE})
        sockets = [listening.accept()[0] for _ in range(clients)]
    message, used = bytes(size), []
    for _ in range(changes):
        before = time.process_time()
        for client in sockets:
            client.send(message)
        used.append(time.process_time() - before)
        os.read(told, 1)
        time.sleep(_PAUSE)  # as between the changes of `fanout`, whose answers take that long
    for client in sockets:
        client.close()
    os.wait()
    return statistics.median(used[changes // 2 :])


def _read(port: int, clients: int, size: int, telling: int) -> None:
    """Say when all have everything, until the sockets are closed."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(clients)]
    poll = select.epoll()
    by_number = {client.fileno(): client for client in sockets}
    for number in by_number:
        poll.register(number, select.EPOLLIN)
    got = 0
    while True:
        for number, _ in poll.poll():
            data = by_number[number].recv(65536)
            if not data:
                return
            got += len(data)
            if got == clients * size:
                got = 0
                os.write(telling, b".")


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
