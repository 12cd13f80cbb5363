"""`manage.py exportconfig`: the objects of the configuration as an environment file."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from confwire.objects import BY_NAME, BY_PLURAL, ObjectInfo
from proxyapp.management.database import explained_database_errors
from proxyapp.management.oneline import OneLineCommand, reason_of
from proxyapp.runtime import files
from proxyapp.services.environments.exporting import export


class Command(OneLineCommand):
    """Write all objects, sorted by name; no passwords, secrets or permissions are among them."""

    help = (
        "Writes the configuration as an environment file, which importconfig reads. Passwords,"
        " secrets and permissions are not in it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the types and the file."""
        parser.add_argument(
            "--types", nargs="+", type=_info, default=(), metavar="TYPE",
            help="only objects of these types, such as applications or persons",
        )  # fmt: skip
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="write this file, not the standard output"
        )

    def handle(
        self, *args: Any, types: list[ObjectInfo], output: Path | None, **options: Any
    ) -> None:
        """Write the file; at its place only when it is whole."""
        with explained_database_errors():
            if output is None:
                self._print(export(types))
                return
            try:
                files.write(output, export(types))
            except OSError as error:
                raise CommandError(f"{output} cannot be written: {reason_of(error)}") from error

    def _print(self, parts: Iterable[bytes]) -> None:
        try:
            for part in parts:
                self.stdout.write(part.decode(), ending="")
            self.stdout.flush()
        except BrokenPipeError:
            # Whoever reads has enough. What is left in the buffer goes nowhere, silently.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _info(text: str) -> ObjectInfo:
    info = BY_PLURAL.get(text) or BY_NAME.get(text)
    if info is None:
        raise ArgumentTypeError(f"there is no object type {text}; types are {', '.join(BY_PLURAL)}")
    return info
