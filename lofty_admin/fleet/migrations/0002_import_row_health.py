from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("fleet", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="importrow",
            name="health",
            field=models.CharField(
                choices=[
                    ("unknown", "Not checked yet"),
                    ("works", "Works"),
                    ("dead", "Refused by Lofty"),
                    ("wrong_scheme", "Wrong kind, or dead"),
                    ("scope_missing", "Right missing"),
                    ("forbidden", "Not allowed"),
                    ("no_agent", "No Sales Agent"),
                    ("wrong_agent", "Another Sales Agent"),
                    ("authorise_again", "Authorise again"),
                    ("not_renewed", "Could not be renewed"),
                    ("unreadable", "Cannot be opened"),
                    ("limited", "Calls used up"),
                    ("lofty_down", "Lofty has trouble"),
                ],
                default="unknown",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="importrow",
            name="sales_agent_id",
            field=models.BigIntegerField(null=True),
        ),
    ]
