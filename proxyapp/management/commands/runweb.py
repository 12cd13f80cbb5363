"""The web process of a server; `runmaster` and `runproxy` start it, people do not."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """`manage.py runweb`, started by a node process with a socket that it has opened."""

    help = "Serve the web site of a server. Started by runmaster and runproxy."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what the node process tells."""
        parser.add_argument("--role", choices=["master", "proxy"], required=True)
        parser.add_argument("--application", required=True)
        parser.add_argument("--listen-fd", type=int, required=True)
        parser.add_argument("--status-port", type=int, required=True)
        parser.add_argument("--instance", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve until the node process ends."""
        from proxyapp.runtime import website

        website.run(
            options["role"],
            options["application"],
            options["listen_fd"],
            options["status_port"],
            options["instance"],
        )
