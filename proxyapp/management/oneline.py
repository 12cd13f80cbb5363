"""What a command of manage.py cannot do is one line, as of manage.py itself."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, SystemCheckError


def reason_of(error: OSError | UnicodeDecodeError) -> str:
    """Return why a file cannot be read, in lower case and without the file's name."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return (error.strerror or str(error)).lower()


class OneLineCommand(BaseCommand):
    """A command whose errors are told as "manage.py: text", with their exit code."""

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as from a terminal; `--traceback` tells where an error comes from."""
        self._at_terminal = "--traceback" not in argv
        super().run_from_argv(argv)

    _at_terminal = False

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run; who calls this from code gets the CommandError."""
        try:
            return super().execute(*args, **options)
        except CommandError as error:
            if not self._at_terminal or isinstance(error, SystemCheckError):
                raise
            self.stderr.write(f"manage.py: {error}")
            sys.exit(error.returncode)
