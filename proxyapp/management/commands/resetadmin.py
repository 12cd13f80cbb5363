"""`manage.py resetadmin`: a new password for person `default`, the first administrator.

Its second factor is taken away.
"""

from __future__ import annotations

import secrets
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from confwire.errors import RequestError
from proxyapp.management.oneline import OneLineCommand, reason_of
from proxyapp.models import Person
from proxyapp.services import secondfactors
from proxyapp.services.accounts import set_password
from proxyapp.services.seed import DEFAULT_PERSON


class Command(OneLineCommand):
    """Give person `default` a new password, taken from a file or made and printed once."""

    help = (
        "Gives the administrator `default` a new password and prints it once; takes its second"
        " factor of the web login away."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file of the password."""
        parser.add_argument(
            "--password-file",
            type=Path,
            metavar="FILE",
            help="take the first line of this file instead of making a password",
        )

    def handle(self, *args: Any, password_file: Path | None, **options: Any) -> None:
        """Set the password."""
        person = Person.objects.filter(pk=DEFAULT_PERSON).first()
        if person is None:
            raise CommandError("the database is empty: run manage.py migrate")
        password = _read(password_file) if password_file else secrets.token_urlsafe(12)
        try:
            set_password(person, password, by=None, origin="resetadmin")
        except RequestError as error:
            raise CommandError(str(error)) from error
        secondfactors.remove(None, person, by="resetadmin")
        if password_file is None:
            self.stdout.write(f"user name: {person.user_name}\npassword:  {password}")


def _read(path: Path) -> str:
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {reason_of(error)}") from error
    if not lines or not lines[0]:
        raise CommandError(f"{path} is empty: put the password into its first line")
    return lines[0]
