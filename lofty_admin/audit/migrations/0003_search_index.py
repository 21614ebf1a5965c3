"""Add the search index of the log: see search/index.py. It is filled after migrating."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_checkpoints"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditChoice",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("scope", models.UUIDField()),
                ("dimension", models.TextField()),
                ("value", models.TextField()),
                ("label", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="AuditIndex",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("tenant_id", models.UUIDField(null=True)),
                ("kind", models.TextField()),
                ("outcome", models.TextField()),
                ("actor", models.TextField()),
                (
                    "terms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("words", django.contrib.postgres.search.SearchVectorField()),
            ],
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(models.F("request_id"), name="audit_by_request"),
        ),
        migrations.AddConstraint(
            model_name="auditchoice",
            constraint=models.UniqueConstraint(
                fields=("scope", "dimension", "value"), name="audit_choice_once"
            ),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(models.F("at"), name="audit_index_at"),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(models.F("tenant_id"), models.F("seq"), name="audit_index_tenant"),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(models.F("kind"), models.F("seq"), name="audit_index_kind"),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(models.F("outcome"), models.F("seq"), name="audit_index_outcome"),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=models.Index(models.F("actor"), models.F("seq"), name="audit_index_actor"),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=django.contrib.postgres.indexes.GinIndex(
                fastupdate=False, fields=["terms"], name="audit_index_terms"
            ),
        ),
        migrations.AddIndex(
            model_name="auditindex",
            index=django.contrib.postgres.indexes.GinIndex(
                fastupdate=False, fields=["words"], name="audit_index_words"
            ),
        ),
    ]
