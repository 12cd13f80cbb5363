"""`manage.py importconfig FILE…`: bring the objects of environment files into the configuration."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from confwire.errors import RequestError
from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand
from proxyapp.services.environments import importing
from proxyapp.services.environments.errors import FileError, ValidationFailed
from proxyapp.services.environments.importing import CREATED, SKIPPED, UPDATED, Report

_VERBS = {CREATED: "created", UPDATED: "updated", SKIPPED: "skipped"}


class Command(OneLineCommand):
    """Create, update or skip each object of the files; all of them or, when one is wrong, none."""

    help = (
        "Creates, updates or skips (+ ~ =) each object of environment files, all in one"
        " transaction. Objects refer to each other by name, within the files and beyond."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the files."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument(
            "--validate", action="store_true", help="check the files, write nothing"
        )

    def handle(self, *args: Any, files: list[Path], validate: bool, **options: Any) -> None:
        """Import, or only check."""
        try:
            with explained_database_errors():
                if validate:
                    importing.validate(files)
                    self.stdout.write("Validation succeeded.")
                else:
                    self._tell(importing.import_files(files))
        except (FileError, ValidationFailed, RequestError, CommandError) as error:
            raise CommandError(str(error)) from error

    def _tell(self, report: Report) -> None:
        for warning in report.warnings:
            self.stderr.write(f"Warning: {warning}")
        for line in report.lines:
            self.stdout.write(line)
        counts = (
            f"{count} {'object' if count < 2 else 'objects'} {verb}."
            for sign, verb in _VERBS.items()
            for count in [report.counts[sign]]
        )
        self.stdout.write(f"Completed. {' '.join(counts)}")
