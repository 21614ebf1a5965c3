"""The tables of the audit log. No row is ever changed or deleted: see triggers.py."""

import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, NoReturn, TypeVar
from uuid import UUID, uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext as _

from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import CHANGES, CREDENTIAL_STORED, Kind, Outcome
from lofty_admin.core.visible import isolated

HEAD_ID = 1
_KINDS, _OUTCOMES = dict(Kind.choices), dict(Outcome.choices)
GENESIS = "0" * 64


def actor_in_words(kind: str, name: str) -> str:
    """Return a recorded actor name for a page; job names, which are English, are translated."""
    return _(name) if name and kind == "job" else name


def kind_label(kind: str) -> str:
    """Return the label of a kind, or the raw kind when this version does not know it."""
    return str(_KINDS.get(kind, kind))


def mapping(value: object) -> Mapping[str, Any]:
    """Return `value` or an empty mapping: events of other versions may lack a part."""
    return value if isinstance(value, Mapping) else {}


class AppendOnlyError(Exception):
    """Code tried to change or delete a record of the audit log. Nothing was changed."""


def _refuse(*args: object, **kwargs: object) -> NoReturn:
    raise AppendOnlyError("The audit log is append-only. Add to it with audit.record.record().")


_Row = TypeVar("_Row", bound=models.Model)


class AppendOnlyQuerySet(models.QuerySet[_Row]):
    """A queryset that only reads; methods that write raise AppendOnlyError."""

    update = delete = bulk_update = bulk_create = update_or_create = get_or_create = _refuse
    _raw_delete = _update = _refuse


class AuditEventQuerySet(AppendOnlyQuerySet["AuditEvent"]):
    def for_tenant(self, tenant_id: UUID) -> "AuditEventQuerySet":
        """Filter to the events of one tenant, newest first."""
        return self.filter(tenant_id=tenant_id).order_by("-seq")


class _AppendOnly(models.Model):
    """Rows can be inserted once, and never be saved again or deleted."""

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        if not self._state.adding or force_update or update_fields is not None:
            _refuse()
        super().save(force_insert=True, using=using)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        _refuse()


class AuditEvent(_AppendOnly):
    """One recorded event.

    `body` is the canonical text (RFC 8785) exactly as hashed; `content` is its parsed form. The
    other columns except `seq`, `previous_hash`, `hash` and `key_id` copy values of the body, to
    filter by. No foreign keys: an event outlives the account and the tenant it names.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    seq = models.BigIntegerField(unique=True)
    previous_hash = models.TextField()
    hash = models.TextField()
    key_id = models.TextField()
    body = models.TextField()

    at = models.DateTimeField()
    kind = models.TextField()
    outcome = models.TextField()
    actor_kind = models.TextField()
    actor_id = models.TextField()
    actor_name = models.TextField()
    tenant_id = models.UUIDField(null=True)
    tenant_slug = models.TextField()
    tenant_name = models.TextField()
    subject = models.TextField()
    operation_id = models.UUIDField(null=True)
    request_id = models.TextField()
    ip = models.TextField()
    reason = models.TextField()

    maker = ""  # the user whose change another actor settled: see agentsettings/credit.py

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        ordering = ["-seq"]
        indexes = [
            models.Index("tenant_id", models.F("seq").desc(), name="audit_by_tenant"),
            models.Index("operation_id", name="audit_by_operation"),
            models.Index("request_id", name="audit_by_request"),
            models.Index(
                "tenant_id",
                models.F("seq").desc(),
                name="audit_credentials",
                condition=models.Q(kind__in=CREDENTIAL_STORED),
            ),
            models.Index(
                models.F("seq").desc(),
                name="audit_verifications",
                condition=models.Q(kind=Kind.LOG_VERIFIED),
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["previous_hash"], name="audit_no_fork"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.at:%Y-%m-%d %H:%M:%S} {self.who} {self.what}"

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The whole record, with null for absent values.

        Keys: id, at, kind, outcome, actor, tenant, subject, operation_id, request_id, ip, reason,
        before, after, detail. Empty for a damaged body: pages show what is left, `audit_verify`
        names it.
        """
        try:
            return mapping(json.loads(self.body))
        except (ValueError, RecursionError):
            return {}

    @property
    def detail(self) -> Mapping[str, Any]:
        """What this kind of event records besides before and after; empty if nothing."""
        return mapping(self.content.get("detail"))

    @property
    def changed(self) -> list[str]:
        """The names of the settings the event changed, or tried to; none for other events."""
        names = self.detail.get("changed")
        return [n for n in names if isinstance(n, str)] if isinstance(names, list) else []

    @property
    def actor(self) -> Actor:
        return Actor(self.actor_kind, self.actor_id, self.actor_name)

    @property
    def who(self) -> str:
        """The actor for a page: "Olivia Owner", "reconcile", or a user who isn't signed in."""
        return (
            actor_in_words(self.actor_kind, self.actor_name) or self.actor_id or _("Not signed in")
        )

    @property
    def what(self) -> str:
        """The event's `kind_label`, or whose change it settled, if `maker` was set."""
        if self.maker:
            return _("resolved the change by %(name)s") % {"name": isolated(self.maker)}
        return kind_label(self.kind)

    @property
    def outcome_label(self) -> str:
        return str(_OUTCOMES.get(self.outcome, self.outcome))


class AuditIndex(models.Model):
    """The search index: one narrow row for each event, built from its body by index.py.

    It is neither record nor proof: it can be rebuilt at any time, and pages show events from
    AuditEvent. actor: kind and id separated by a colon. terms: every filter value, as index.py
    writes it, for several filters at once. words: folded words of reason, subject, names and
    Lofty's message.
    """

    seq = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    tenant_id = models.UUIDField(null=True)
    kind = models.TextField()
    outcome = models.TextField()
    actor = models.TextField()
    terms = ArrayField(models.TextField())
    words = SearchVectorField()

    class Meta:
        indexes = [
            models.Index("at", name="audit_index_at"),
            models.Index("tenant_id", "seq", name="audit_index_tenant"),
            models.Index(
                fields=["at"],
                include=["seq", "tenant_id", "kind", "outcome", "actor"],
                condition=models.Q(kind__in=CHANGES),
                name="audit_index_outcomes",
            ),
            GinIndex(fields=["terms", "words"], name="audit_index_search", fastupdate=False),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class AuditChoice(models.Model):
    """A value that occurs in the events of a tenant, so that filters offer only existing values.

    scope: the tenant, or EVERYWHERE for the log as a whole. dimension: "actor", "kind", "outcome"
    or "setting". label: the newest name of an actor, else "".
    """

    EVERYWHERE = UUID(int=0)

    scope = models.UUIDField()
    dimension = models.TextField()
    value = models.TextField()
    label = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["scope", "dimension", "value"], name="audit_choice_once"
            ),
        ]

    def __str__(self) -> str:
        return self.label or self.value


class AuditWord(models.Model):
    """A word that occurs in the events of a kind and outcome.

    A search for the beginning of a word uses it to search for whole words, and to stop at once when
    no word begins that way.
    """

    pk = models.CompositePrimaryKey("word", "kind", "outcome")
    word = models.TextField(db_collation="C")  # for prefix searches
    kind = models.TextField()
    outcome = models.TextField()

    def __str__(self) -> str:
        return self.word


class AuditHead(models.Model):
    """The one row every writer locks: the length of the log and the hash of its last record.

    `log_id` names this log, so that another log's valid chain does not pass for it.
    """

    id = models.SmallIntegerField(primary_key=True, default=HEAD_ID)
    log_id = models.UUIDField(default=uuid4)
    seq = models.BigIntegerField(default=0)
    hash = models.TextField(default=GENESIS)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=HEAD_ID), name="audit_one_head"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} records"


class AuditCheckpoint(_AppendOnly):
    """A signed statement of the log's length: see proof/checkpoints.py.

    `line` is the checkpoint, exactly as delivered to the sink; the other columns are copies.
    Verification never trusts this table: its rows are kept for delivery, and as the link to the
    next checkpoint.
    """

    at = models.DateTimeField()
    size = models.BigIntegerField()
    previous_hash = models.TextField(unique=True)
    hash = models.TextField(unique=True)
    line = models.TextField()

    objects = AppendOnlyQuerySet["AuditCheckpoint"].as_manager()

    def __str__(self) -> str:
        return f"{self.size} records at {self.at:%Y-%m-%d %H:%M:%S}"


class AuditDelivery(models.Model):
    """The one row that holds the last delivered checkpoint, and the last delivery error."""

    ONLY = 1

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    up_to = models.BigIntegerField(default=0)
    failure = models.TextField(blank=True)
    failed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="audit_one_delivery"),
        ]

    def __str__(self) -> str:
        return f"delivered up to checkpoint {self.up_to}"

    @classmethod
    def lock(cls) -> "AuditDelivery":
        """Lock the row until the end of the transaction: one checkpoint is made at a time."""
        return cls.objects.select_for_update().get_or_create(pk=cls.ONLY)[0]

    @classmethod
    def waiting(cls) -> models.QuerySet[AuditCheckpoint]:
        """Return the checkpoints not delivered yet, oldest first."""
        row = cls.objects.filter(pk=cls.ONLY).first()
        return AuditCheckpoint.objects.filter(pk__gt=row.up_to if row else 0).order_by("pk")


class RefusalCount(models.Model):
    """How often one source caused one kind of refusal in one minute: see refusal_limit.py.

    recorded: how many of them have an event of their own. subjects: different ones, in order.
    """

    source = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    minute = models.DateTimeField()
    count = models.PositiveIntegerField()
    recorded = models.PositiveIntegerField()
    ip = models.CharField(max_length=45)
    who = models.CharField(max_length=200)
    subjects = ArrayField(models.CharField(max_length=200))
    last_subject = models.CharField(max_length=200)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "minute"], name="refusal_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} of {self.kind} by {self.source}"
