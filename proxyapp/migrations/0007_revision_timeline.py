from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("proxyapp", "0006_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="revision",
            name="timeline",
            field=models.CharField(blank=True, max_length=32),
        ),
    ]
