"""One sequence of DBIDs for each object type, on PostgreSQL."""

from __future__ import annotations

from django.db import migrations

from confwire.objects import ObjectType
from proxyapp.models.counters import FIRST, sequence_of


def create(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for type_ in ObjectType:
            schema_editor.execute(
                f"CREATE SEQUENCE IF NOT EXISTS {sequence_of(type_)} AS bigint START {FIRST}"
            )


def drop(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for type_ in ObjectType:
            schema_editor.execute(f"DROP SEQUENCE IF EXISTS {sequence_of(type_)}")


class Migration(migrations.Migration):
    dependencies = [("proxyapp", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
