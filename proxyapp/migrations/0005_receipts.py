from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0004_leadership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Receipt",
            fields=[
                (
                    "key",
                    models.CharField(max_length=96, primary_key=True, serialize=False),
                ),
                ("digest", models.CharField(max_length=32)),
                ("dbid", models.BigIntegerField()),
                ("at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
