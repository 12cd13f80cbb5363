"""Remove from the history what its options no longer keep, now instead of in half an hour."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand
from proxyapp.services import recording, retention


class Command(OneLineCommand):
    """`manage.py prunehistory`."""

    help = "Remove the history that audit-expiration and audit-max-records no longer keep."

    def add_arguments(self, parser: Any) -> None:
        """Add whose options count."""
        parser.add_argument(
            "-app", metavar="NAME", default="", help="the master's Application object (confserv)"
        )
        parser.add_argument(
            "-trust-clock",
            action="store_true",
            help="the clock of this machine is right, though it is days from where it was",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove it; writers go on meanwhile."""
        recording.serve_as(options["app"])
        with explained_database_errors():
            pruned = retention.prune(timezone.now(), believe=options["trust_clock"])
        self.stdout.write(
            f"{pruned.transactions} transactions with {pruned.records} changes and"
            f" {pruned.entries} entries were removed; "
            f"the history reaches back to revision {pruned.floor}."
        )
        if pruned.judged is not None:
            self.stdout.write(
                f"Ages were judged as of {pruned.judged:%Y-%m-%d %H:%M} UTC: the clock of this"
                " machine has jumped ahead since. If it is right, run this again with -trust-clock."
            )
