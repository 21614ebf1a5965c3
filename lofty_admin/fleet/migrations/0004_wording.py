from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("fleet", "0003_names_are_meant"),
    ]

    operations = [
        migrations.AlterField(
            model_name="import",
            name="state",
            field=models.CharField(
                choices=[
                    ("read", "Not started"),
                    ("queued", "Queued"),
                    ("running", "Being added"),
                    ("waiting", "Paused"),
                    ("done", "Done"),
                ],
                default="read",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="importrow",
            name="health",
            field=models.CharField(
                choices=[
                    ("unknown", "Not checked yet"),
                    ("works", "Works"),
                    ("dead", "Refused by Lofty"),
                    ("wrong_scheme", "Wrong type or revoked"),
                    ("scope_missing", "Missing permission"),
                    ("forbidden", "Not allowed"),
                    ("no_agent", "No Sales Agent"),
                    ("wrong_agent", "Another Sales Agent"),
                    ("authorise_again", "Reconnect needed"),
                    ("not_renewed", "Could not be renewed"),
                    ("unreadable", "Can't be decrypted"),
                    ("limited", "API calls used up"),
                    ("lofty_down", "Lofty unavailable"),
                ],
                default="unknown",
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="importrow",
            name="state",
            field=models.CharField(
                choices=[
                    ("bad", "Can't be added"),
                    ("ready", "Not tried"),
                    ("checked", "Not added"),
                    ("added", "Added"),
                    ("failed", "Failed"),
                ],
                max_length=10,
            ),
        ),
    ]
