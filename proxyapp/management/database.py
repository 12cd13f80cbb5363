"""Database errors as one line for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import DatabaseError, InterfaceError


@contextmanager
def explained_database_errors() -> Iterator[None]:
    """Turn an error of the database into one that says what to do.

    Raises:
        CommandError: the database cannot be used.
    """
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        words = " ".join(str(error).split())
        raise CommandError(
            f"the database cannot be used: {words}; is it running, and did manage.py migrate run?"
        ) from error
