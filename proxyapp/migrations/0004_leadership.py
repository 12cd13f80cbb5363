from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0003_history_chain"),
    ]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="term",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="revision",
            name="leader",
            field=models.CharField(blank=True, max_length=255),
        ),
        migrations.AddField(
            model_name="revision",
            name="instance",
            field=models.CharField(blank=True, max_length=32),
        ),
        migrations.AddField(
            model_name="revision",
            name="web_port",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
