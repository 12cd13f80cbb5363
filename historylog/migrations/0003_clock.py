from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("historylog", "0002_entries"),
    ]

    # All may be NULL: SQLite would make the table anew else, of which a trigger knows the name.
    operations = [
        migrations.AddField(
            model_name="store",
            name="believed",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="store",
            name="looked",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="store",
            name="waited",
            field=models.FloatField(null=True),
        ),
    ]
