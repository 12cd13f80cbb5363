#!/usr/bin/env python3
"""The command line of the project: runmaster, runproxy, migrate and all other commands."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    os.umask(0o077)  # databases, logs and copies hold verifiers
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csproxy_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
