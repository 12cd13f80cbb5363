#!/usr/bin/env python3
"""The command line of the project: runmaster, runproxy, migrate and all other commands."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that the arguments name."""
    os.umask(0o077)  # databases, logs and copies hold verifiers
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "csproxy_site.settings")
    try:
        _execute()
    except KeyboardInterrupt:
        sys.stderr.write("manage.py: interrupted\n")
        sys.exit(130)


def _execute() -> None:
    """Run the command; what cannot be done is one line."""
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import CommandError, execute_from_command_line

    from proxyapp.management.database import explained_database_errors

    try:
        with explained_database_errors():
            execute_from_command_line(sys.argv)
    except (CommandError, ImproperlyConfigured) as error:
        sys.exit(f"manage.py: {error}")


if __name__ == "__main__":
    main()
