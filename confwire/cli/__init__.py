"""`confctl`, the command line of the client: read, watch, write, status.

It runs anywhere with Python and talks to any server of the environment.
"""

from __future__ import annotations

from confwire.cli.program import main

__all__ = ["main"]
