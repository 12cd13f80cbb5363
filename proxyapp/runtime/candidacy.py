"""Whether a master may stand for the lead at all: its tables and its Application object.

Asked once, before anything of the server runs: who is refused has taken no term. A database that
is away is no refusal, since the master waits for it. Knows no election.
"""

from __future__ import annotations

from django.db import DatabaseError, connection, connections

from proxyapp.engine.ownapplication import objection
from proxyapp.models import Application
from proxyapp.runtime.bootstrap import StartError


def check(name: str) -> None:
    """Look whether the database has what a master of this name needs.

    Raises:
        StartError: there are no tables, no such application, or one of another type.
    """
    try:
        if Application._meta.db_table not in connection.introspection.table_names():
            raise StartError("the configuration database has no tables: run manage.py migrate")
        found = Application.objects.filter(name__iexact=name).values_list("name", "type").first()
    except DatabaseError:
        return
    finally:
        connections.close_all()
    if found is None:
        raise StartError(
            f"there is no application '{name}': create it in the administration, or start"
            " with the -app that it has there"
        )
    if reason := objection(*found):
        raise StartError(reason)
