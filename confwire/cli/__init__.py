"""`confctl`, the command line of the client: read, watch, write, status.

It runs anywhere with Python and talks to any server of the environment.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> int:
    """Run `confctl` with the process's arguments; return its exit code.

    Ctrl-C ends it without a traceback also while its modules are being imported.
    """
    try:
        from confwire.cli import program

        return program.main()
    except KeyboardInterrupt:
        return 130
