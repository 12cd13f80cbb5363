import datetime

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from historylog.models.appending import drop_sqlite, sqlite_refusing
from historylog.models.entries import BELOW_FLOOR

REFUSED = [
    ("historylog_entryrecord", "UPDATE", ""),
    ("historylog_entryrecord", "DELETE", BELOW_FLOOR),
]


def refuse(apps, schema_editor):
    # A later change of the table makes SQLite build it anew, without its triggers.
    if schema_editor.connection.vendor == "sqlite":
        for refused in REFUSED:
            schema_editor.execute(sqlite_refusing(*refused))


def allow(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for table, operation, _ in REFUSED:
            schema_editor.execute(drop_sqlite(table, operation))


class Migration(migrations.Migration):
    dependencies = [
        ("historylog", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Source",
            fields=[
                ("name", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("taken", models.BigIntegerField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Store",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=32)),
                ("last", models.BigIntegerField(default=0)),
                ("forwarded", models.BigIntegerField(default=0)),
                (
                    "floor",
                    models.DateTimeField(
                        default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.UTC)
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="EntryRecord",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("store", models.CharField(max_length=32)),
                ("number", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("kind", models.CharField(max_length=20)),
                ("server", models.CharField(blank=True, max_length=255)),
                ("session", models.CharField(blank=True, max_length=64)),
                ("application", models.CharField(blank=True, max_length=255)),
                ("application_type", models.CharField(blank=True, max_length=64)),
                ("user", models.CharField(blank=True, max_length=255)),
                ("peer", models.CharField(blank=True, max_length=255)),
                ("forwarded", models.CharField(blank=True, max_length=255)),
                ("port", models.CharField(blank=True, max_length=255)),
                ("epoch", models.CharField(blank=True, max_length=32)),
                ("revision", models.BigIntegerField(default=0)),
                ("reason", models.CharField(blank=True, max_length=255)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["session", "at"], name="entry_session"),
                    models.Index(fields=["application", "at"], name="entry_application"),
                    models.Index(fields=["user", "at"], name="entry_user"),
                    models.Index(fields=["server", "at"], name="entry_server"),
                    models.Index(fields=["kind", "at"], name="entry_kind"),
                    models.Index(fields=["at"], name="entry_at"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("store", "number"), name="entry_once")
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entryrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="no_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'the history is append-only: manage.py prunehistory removes what is too old';",
                    hash="c26d9ec7b5f28effe8c2685b6595d0d189bae5e6",
                    operation="UPDATE",
                    pgid="pgtrigger_no_update_97893",
                    table="historylog_entryrecord",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entryrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="no_truncate",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'the history is append-only: manage.py prunehistory removes what is too old';",
                    hash="12cc79852d3fb82b03319aef4c638da6c3be9c8e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_no_truncate_78ef0",
                    table="historylog_entryrecord",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entryrecord",
            trigger=pgtrigger.compiler.Trigger(
                name="no_delete",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="IF OLD.at < (SELECT floor FROM historylog_store WHERE id = 1) THEN RETURN OLD; END IF; RAISE EXCEPTION 'the history is append-only: manage.py prunehistory removes what is too old';",
                    hash="f26ca3f5fddcb6fa810028d23da33d1d723f35aa",
                    operation="DELETE",
                    pgid="pgtrigger_no_delete_b39b3",
                    table="historylog_entryrecord",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunPython(refuse, allow),
    ]
