"""Drafts of changes, the operations they become, and the settings last read."""

import hashlib
import json
import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from lofty_admin.agentsettings.changes import Change, Difference, Values, diff, differences
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.hours import in_short
from lofty_admin.agentsettings.plans import Plan, Snapshot
from lofty_admin.core import clocks
from lofty_admin.core.searching import FoldedField
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES, Settings, same
from lofty_admin.tenants.models import Tenant

LONGEST_LEASE = timedelta(minutes=10)  # far longer than a save or a check may take


class State(models.TextChoices):
    """The state of an operation. Until it is settled, it holds the tenant's single slot in flight.

    UNKNOWN is settled only by a user, when the outcome can no longer be determined.
    """

    PREPARED = "prepared", _("Being prepared")
    SENT = "sent", _("Being sent")
    UNKNOWN = "unknown", _("Unknown")
    VERIFIED = "verified", _("Verified")
    NOT_APPLIED = "not_applied", _("Not applied")
    REJECTED = "rejected", _("Rejected")
    NOT_SENT = "not_sent", _("Not sent")


OPEN = (State.PREPARED, State.SENT, State.UNKNOWN)
CLOSED = (State.VERIFIED, State.NOT_APPLIED, State.REJECTED, State.NOT_SENT)
# In PREPARED nothing has left this machine; from SENT on it may have, so there is no way back.
NEXT: dict[State, frozenset[State]] = {
    State.PREPARED: frozenset({State.SENT, State.NOT_SENT}),
    State.SENT: frozenset(
        {State.UNKNOWN, State.VERIFIED, State.NOT_APPLIED, State.REJECTED, State.NOT_SENT}
    ),
    State.UNKNOWN: frozenset({State.UNKNOWN, State.VERIFIED, State.NOT_APPLIED, State.REJECTED}),
    **{state: frozenset() for state in CLOSED},
}


def exact_text(value: JSON) -> str:
    """Return JSON as ASCII text, identical for equal values, whatever the order of their names."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True)


class ExactJSONField(models.TextField):  # type: ignore[type-arg] # generic only in the stubs
    """JSON stored as ASCII text: NUL, lone surrogates, and big numbers survive unchanged.

    PostgreSQL's own json types refuse the first two and jsonb changes the last.
    """

    if TYPE_CHECKING:
        _pyi_private_set_type: Any
        _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, *args: object) -> JSON:
        return None if value is None else json.loads(value)

    def to_python(self, value: object) -> object:
        return value

    def get_prep_value(self, value: JSON) -> str | None:
        return None if value is None else exact_text(value)


class Reply(models.TextChoices):
    """Lofty's answer to the PUT. Only a read-back shows whether the change was made."""

    NONE = "", _("no response")
    ACCEPTED = "accepted", _("accepted")
    REJECTED = "rejected", _("rejected")


class Operation(models.Model):
    """One save of one tenant's settings, from the click to its proof.

    before: the settings Lofty had right before the PUT (or, when nothing was sent, those the form
    was built from). wanted: the body of the PUT. changed: the names of the settings the user
    changed. after: the newest reading since then, or None; after_read_at: when that was.
    explanation: what happened, in a sentence or two. fence: increases when another process takes
    over; an outcome is only accepted from the holder. actor_id, actor_name: the user who made the
    change, whoever settles it. seen_old_at: when a read-back first did not show the change.
    """

    id = models.UUIDField(primary_key=True)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="operations")
    state = models.CharField(max_length=12, choices=State, default=State.PREPARED)
    base = ExactJSONField()
    before = ExactJSONField(null=True)
    wanted = ExactJSONField()
    changed = ExactJSONField()
    after = ExactJSONField(null=True)
    reason = models.TextField(blank=True)
    actor_id = models.CharField(max_length=64, blank=True, default="")
    actor_name = models.CharField(max_length=300)
    request_id = models.CharField(max_length=64)
    explanation = models.TextField(blank=True)
    advice = models.TextField(blank=True)
    answer = ExactJSONField(null=True)
    reply = models.CharField(max_length=8, choices=Reply, blank=True, default=Reply.NONE)
    after_read_at = models.DateTimeField(null=True)
    moved = models.BooleanField(default=False)
    needs_person = models.BooleanField(default=False)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    seen_old_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Operation"]]

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(
                "tenant",
                models.F("sent_at").desc(),
                name="operation_newest_sent",
                condition=models.Q(sent_at__isnull=False),
            ),
            models.Index("settled_at", name="operation_settled"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(settled_at=None),
                name="one_operation_in_flight_per_tenant",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=State.values), name="operation_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(sent_at=None, state__in=[State.PREPARED, State.NOT_SENT])
                | models.Q(sent_at__isnull=False) & ~models.Q(state=State.PREPARED),
                name="operation_sent_has_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(settled_at=None, state__in=OPEN)
                | models.Q(settled_at__isnull=False, state__in=(*CLOSED, State.UNKNOWN)),
                name="operation_settled_has_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_state_display()}"

    @property
    def is_open(self) -> bool:
        return self.settled_at is None

    @property
    def is_held(self) -> bool:
        """Return whether a process is still working on it."""
        is_held = clocks.is_held(self.lease_until, timezone.now(), LONGEST_LEASE)
        return self.state in (State.PREPARED, State.SENT) and is_held

    @property
    def shown_state(self) -> State:
        """Return the state to show: a save whose process stopped is no longer "being sent"."""
        if self.is_open and not self.is_held:
            return State.NOT_SENT if self.state == State.PREPARED else State.UNKNOWN
        return State(self.state)

    @property
    def renews(self) -> bool:
        """Return whether its page polls: it may change without the reader."""
        return self.is_open and not self.needs_person

    @property
    def shown_key(self) -> str:
        """Return a key that changes whenever its page would show something else."""
        return f"{self.shown_state}-{self.fence}-{self.needs_person:d}"

    @property
    def looks_again_at(self) -> datetime | None:
        """Return when the console checks by itself; None if only the minutely job does."""
        if not self.is_open or self.needs_person:
            return None
        if self.is_held:
            return self.lease_until
        at = self.seen_old_at and self.seen_old_at + quiet_time()
        return at if at and at > timezone.now() else None

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return what the user intended to change, compared to what Lofty had."""
        return diff(self.before or self.base, {**(self.before or self.base), **self.intended})

    @property
    def intended(self) -> Values:
        """Return only the settings the user changed, with their intended values."""
        return {name: self.wanted[name] for name in self.changed}

    @property
    def reading(self) -> str:
        """Return a short digest of `after`: a decision only applies to what the page showed."""
        if self.after is None:
            return ""
        return hashlib.sha256(exact_text(self.after).encode()).hexdigest()[:16]

    @property
    def also_different(self) -> tuple[Difference, ...]:
        """Return what a read-back found changed beyond the user's change."""
        if self.before is None or not self.after:
            return ()
        return differences(self.before, self.after, without=self.changed)

    @property
    def undoing(self) -> Values:
        """Return the former values of what this change did in Lofty; empty when it did nothing.

        A setting that does not have the requested value was not changed by this, so undoing it
        would revert another user. What was not set cannot be sent, so it cannot be restored.
        """
        if self.state not in (State.VERIFIED, State.NOT_APPLIED) or not self.after:
            return {}
        before, after, intended = self.before or {}, self.after, self.intended
        return {
            name: before[name]
            for name in self.changed
            if name in before
            and IS_TYPE[TYPES[name]](before[name])
            and same(name, intended[name], after.get(name))
            and not same(name, before[name], intended[name])
        }


def quiet_time() -> timedelta:
    """Return how long Lofty must show no trace of a change before it counts as not applied."""
    seconds: int = settings.ENVIRONMENT.settle_quiet_seconds
    return timedelta(seconds=seconds)


DRAFT_LIFETIME = timedelta(days=7)


def draft_expiry() -> datetime:
    return timezone.now() + DRAFT_LIFETIME


class DraftQuerySet(models.QuerySet["Draft"]):
    def open(self) -> "DraftQuerySet":
        """Return drafts that were neither applied nor have expired."""
        applied = Operation.objects.filter(pk=models.OuterRef("pk"))
        return self.filter(~models.Exists(applied), expires_at__gt=timezone.now())

    def visible_to(self, user_id: int) -> "DraftQuerySet":
        """Return the user's own drafts and shared ones. The caller checks the role."""
        return self.filter(models.Q(owner_id=user_id) | models.Q(shared_at__isnull=False))


class Draft(models.Model):
    """A change of one tenant's settings that was not sent: what the review page shows.

    id: also the id of the operation that applying it creates, so it is applied at most once. base,
    read_at: the snapshot it was built from. wanted: setting name -> new value. typed: the form as
    it was sent, by field, while some of its values are invalid; else None. later_changes: setting
    name -> id of the event that changed it after the state a draft restores. ticked: the
    confirmations of the user `ticked_by`; emptied when the draft's values change. revision: counts
    the edits, so that a page that shows an older one cannot apply or replace it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="drafts")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts"
    )
    base = ExactJSONField()
    read_at = models.DateTimeField()
    wanted = ExactJSONField()
    typed = ExactJSONField(null=True)
    later_changes = ExactJSONField(default=dict)
    reason = models.TextField(blank=True, default="")
    ticked = ArrayField(models.CharField(max_length=50), default=list)
    ticked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    revision = models.PositiveIntegerField(default=1)
    shared_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(default=draft_expiry, db_index=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"{self.tenant}: draft of {self.owner}"

    @property
    def snapshot(self) -> Snapshot:
        return Snapshot(Settings.parse(self.base), self.read_at)

    @property
    def plan(self) -> Plan:
        return Plan(self.id, self.snapshot, self.wanted)

    @property
    def is_shared(self) -> bool:
        return self.shared_at is not None

    @property
    def count(self) -> int:
        """Return how many settings it changes."""
        return len(self.wanted)


class SettingsSnapshot(models.Model):
    """The settings as Lofty last returned them: shown, with their age, when Lofty cannot be read.

    The other columns copy parts of `raw`, for lists of many tenants (see snapshots.summary_fields).
    Null: Lofty returned nothing, or something unexpected. active_days: empty means every day.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="last_known")
    raw = ExactJSONField()
    read_at = models.DateTimeField()
    agent_name = models.CharField(max_length=200, blank=True, default="")
    agent_folded = FoldedField(of=("agent_name",))
    text_channel = models.BooleanField(null=True)
    email_channel = models.BooleanField(null=True)
    website_channel = models.BooleanField(null=True)
    start_hour = models.SmallIntegerField(null=True)
    end_hour = models.SmallIntegerField(null=True)
    active_days = ArrayField(models.SmallIntegerField(), null=True)

    class Meta:
        db_table = "agentsettings_lastknown"  # its name in earlier versions

    def __str__(self) -> str:
        return f"{self.tenant} at {self.read_at:%Y-%m-%d %H:%M}"

    @property
    def channels(self) -> tuple[str, ...]:
        """Return the channels that are on, as the settings page names them."""
        on = {
            "textChannel": self.text_channel,
            "emailChannel": self.email_channel,
            "websiteChannel": self.website_channel,
        }
        return tuple(BY_NAME[name].label for name, value in on.items() if value)

    @property
    def hours(self) -> str:
        """Return hours and days such as "Mon–Fri 8 AM–8 PM"; "" when they are unknown."""
        return in_short(self.start_hour, self.end_hour, self.active_days)
