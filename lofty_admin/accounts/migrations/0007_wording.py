from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_unsent_form"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={
                "ordering": ["folded"],
                "verbose_name": "user",
                "verbose_name_plural": "users",
            },
        ),
        migrations.AlterField(
            model_name="invitation",
            name="ending",
            field=models.CharField(
                blank=True,
                choices=[
                    ("accepted", "was already used"),
                    ("withdrawn", "was withdrawn"),
                    ("replaced", "was replaced by a newer one"),
                    ("not_needed", "is no longer needed"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterConstraint(
            model_name="user",
            name="one_person_per_email",
            constraint=models.UniqueConstraint(
                fields=("email_canonical",),
                name="one_person_per_email",
                violation_error_message="Another user already has this e-mail address.",
            ),
        ),
    ]
