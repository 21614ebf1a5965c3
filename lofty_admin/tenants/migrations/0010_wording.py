import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0009_connection"),
    ]

    operations = [
        migrations.AlterField(
            model_name="connection",
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
            model_name="group",
            name="slug",
            field=models.CharField(
                error_messages={"unique": "Another group already has this short name."},
                max_length=50,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                        "Use lowercase letters a-z, digits, and single hyphens between them.",
                    )
                ],
                verbose_name="short name",
            ),
        ),
        migrations.AlterField(
            model_name="pendingconnection",
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
            model_name="tenant",
            name="slug",
            field=models.CharField(
                error_messages={"unique": "Another tenant already has this short name."},
                max_length=50,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "\\A[a-z0-9]+(?:-[a-z0-9]+)*\\Z",
                        "Use lowercase letters a-z, digits, and single hyphens between them.",
                    )
                ],
                verbose_name="short name",
            ),
        ),
    ]
