"""Run the master: the database's data on its listening ports, and the web site."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from proxyapp.runtime import server
from proxyapp.runtime.arguments import usage


class Command(BaseCommand):
    """`manage.py runmaster`, with the parameters of the origin in their own forms."""

    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Parse in our own way: Django's parser knows no -app NAME, and has its own -v."""
        sys.exit(server.main("master", argv[2:]))

    def print_help(self, prog_name: str, subcommand: str) -> None:
        """Print the parameters."""
        self.stdout.write(usage("master"))

    def handle(self, *args: Any, **options: Any) -> None:
        """Run with the defaults, for programs that call commands."""
        sys.exit(server.main("master", [str(arg) for arg in args]))
