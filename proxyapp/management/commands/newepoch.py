"""Begin a new epoch: to be run after the database was restored from a backup."""

from __future__ import annotations

from typing import Any

from proxyapp.management.oneline import OneLineCommand
from proxyapp.services import epochs


class Command(OneLineCommand):
    """`manage.py newepoch`."""

    help = "Begin a new epoch after a restore: every server and client reads the data anew."

    def handle(self, *args: Any, **options: Any) -> None:
        """Begin it; running masters notice within a second."""
        self.stdout.write(f"The new epoch is {epochs.begin()}.")
