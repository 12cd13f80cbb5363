"""Seal all secret options with the present key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from proxyapp.management.oneline import OneLineCommand
from proxyapp.services import rotation


class Command(OneLineCommand):
    """`manage.py rotatesecrets`."""

    help = (
        "Seal the secret options of all objects with the present CSPROXY_SECRET_KEY; former keys"
        " stand in CSPROXY_FORMER_SECRET_KEYS until this has run."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal them; servers take the changes in as any others.

        Raises:
            CommandError: some secrets cannot be read.
        """
        found = rotation.rotate()
        self.stdout.write(f"Sealed anew: {found.secrets} secrets of {found.objects} objects.")
        if found.second_factors:
            self.stdout.write(f"Sealed anew: {found.second_factors} second factors of persons.")
        if found.unreadable:
            lines = "\n".join(found.unreadable)
            raise CommandError(
                f"{len(found.unreadable)} secrets were sealed with a key that is not known here:"
                f" name it in CSPROXY_FORMER_SECRET_KEYS, or give them anew:\n{lines}"
            )
