"""Split what is known about a connection off its row: health, token refresh, and rate limit."""

import django.db.models.deletion
from django.db import migrations, models

COPY = """
INSERT INTO tenants_connectionhealth (connection_id, status, note, since, checked_at,
    found_agent_id, last_good_at, failing_since, last_failure_at, last_failure)
SELECT id, health, health_note, health_since, checked_at,
    found_agent_id, last_good_at, failing_since, last_failure_at, last_failure
FROM tenants_credential;
INSERT INTO tenants_tokenrefresh (connection_id, refreshed_at, fence, lease_until, not_before,
    failures, problem, authorise_again_since)
SELECT id, renewed_at, renewal_fence, renewal_lease_until, renewal_not_before,
    renewal_failures, renewal_problem, authorise_again_since
FROM tenants_credential;
INSERT INTO tenants_ratelimit (connection_id, "limit", remaining, resets_at, claimed_until)
SELECT id, budget_limit, budget_remaining, budget_reset_at, budget_claimed_until
FROM tenants_credential;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0010_wording"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConnectionHealth",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="health",
                        serialize=False,
                        to="tenants.connection",
                    ),
                ),
                (
                    "status",
                    models.CharField(
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
                ("note", models.CharField(blank=True, max_length=300)),
                ("since", models.DateTimeField(null=True)),
                ("checked_at", models.DateTimeField(null=True)),
                ("found_agent_id", models.BigIntegerField(null=True)),
                ("last_good_at", models.DateTimeField(null=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("last_failure_at", models.DateTimeField(null=True)),
                ("last_failure", models.CharField(blank=True, max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="RateLimit",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="rate_limit",
                        serialize=False,
                        to="tenants.connection",
                    ),
                ),
                ("limit", models.PositiveIntegerField(null=True)),
                ("remaining", models.PositiveIntegerField(null=True)),
                ("resets_at", models.DateTimeField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="TokenRefresh",
            fields=[
                (
                    "connection",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="token_refresh",
                        serialize=False,
                        to="tenants.connection",
                    ),
                ),
                ("refreshed_at", models.DateTimeField(null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("not_before", models.DateTimeField(null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("problem", models.CharField(blank=True, max_length=300)),
                ("authorise_again_since", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RunSQL(COPY, migrations.RunSQL.noop),
        migrations.RemoveField(
            model_name="connection",
            name="authorise_again_since",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="budget_claimed_until",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="budget_limit",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="budget_remaining",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="budget_reset_at",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="checked_at",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="failing_since",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="found_agent_id",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="health",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="health_note",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="health_since",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="last_failure",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="last_failure_at",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="last_good_at",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewal_failures",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewal_fence",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewal_lease_until",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewal_not_before",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewal_problem",
        ),
        migrations.RemoveField(
            model_name="connection",
            name="renewed_at",
        ),
    ]
