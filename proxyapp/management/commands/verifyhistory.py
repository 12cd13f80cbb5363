"""Check that the history is what was written: nothing changed, missing, inserted or moved."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from historylog.verification import last_signed, newest, verify
from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand
from proxyapp.models import Revision


class Command(OneLineCommand):
    """`manage.py verifyhistory`."""

    help = "Check the hash chain and the signed checkpoints of the history."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each problem; fail when there is one."""
        with explained_database_errors():
            # In this order: what is committed meanwhile is not looked at.
            last_kept = newest()
            position = Revision.objects.get()
            found = 0
            for problem in verify(position.number, position.chain, last_kept):
                found += 1
                self.stdout.write(f"revision {problem.revision}: {problem.text}")
            signed = last_signed()
        if found:
            raise CommandError(f"the history is not what was written: {found} problems")
        self.stdout.write(
            f"The history is what was written, up to revision {position.number}; "
            f"it is signed up to revision {signed}."
        )
