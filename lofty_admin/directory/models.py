"""The known entries behind each tenant's ids, and the state of reading them from Lofty."""

import uuid
from collections.abc import Iterable
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.audit.context import Actor
from lofty_admin.core.leased_job import OPEN, QUEUED, RUNNING, WAITING, LeasedJob
from lofty_admin.core.text import clean, fold
from lofty_admin.lofty.exchange import LONGEST_WAIT
from lofty_admin.tenants.models import Tenant

TEXT_LENGTH = 300
BETWEEN = " · "  # separates the parts of a detail
# An index row holds at most 2,704 bytes, and a character may take four.
FOLDED_LENGTH = 600


class EntryKind(models.TextChoices):
    """What an id identifies. Lofty lists all kinds except lead sources."""

    AGENT = "agent", _("Agents")
    OFFICE = "office", _("Offices")
    POND = "pond", _("Ponds")
    PIPELINE = "pipeline", _("Pipelines")
    SOURCE = "source", _("Lead sources")


class EntryManager(models.Manager["Entry"]):
    def keep(self, entries: Iterable["Entry"]) -> None:
        """Insert the entries, or update the ones with the same ids; none of them is gone.

        An id that occurs twice counts once, with its last values.
        """
        self.bulk_create(
            {(entry.kind, entry.lofty_id): entry for entry in entries}.values(),
            update_conflicts=True,
            unique_fields=["tenant", "kind", "lofty_id"],
            update_fields=[
                *("name", "detail", "folded", "belongs_to"),
                *("seen_at", "seen_in", "gone_since"),
            ],
        )


def nameless(lofty_id: int) -> str:
    """Return the name of an entry that Lofty lists without one."""
    return gettext("without a name (%(id)s)") % {"id": lofty_id}


class Entry(models.Model):
    """One id of Lofty and its name. Never deleted: what Lofty no longer lists keeps its name.

    detail: distinguishes entries of the same name (email and office of an agent, parent of an
    office). folded: name, detail, and id as searched. belongs_to: the id of an agent's office or of
    an office's parent; 0 (or Lofty's -1) if it has none, None until that was read. seen_at: when
    Lofty last listed it (or, for a lead source, when it was named); seen_in: the sync that saw it.
    gone_since: when a complete listing first lacked it.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="directory")
    kind = models.CharField(max_length=10, choices=EntryKind)
    lofty_id = models.BigIntegerField()
    name = models.CharField(max_length=TEXT_LENGTH, blank=True)
    detail = models.CharField(max_length=TEXT_LENGTH, blank=True)
    folded = models.CharField(max_length=FOLDED_LENGTH, db_collation="C")
    belongs_to = models.BigIntegerField(null=True)
    seen_at = models.DateTimeField()
    seen_in = models.UUIDField(null=True)
    gone_since = models.DateTimeField(null=True)

    objects: ClassVar[EntryManager] = EntryManager()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "lofty_id"], name="entry_once"),
            models.CheckConstraint(
                condition=models.Q(kind__in=EntryKind.values), name="entry_kind_known"
            ),
        ]
        # In collation "C" one index serves both LIKE 'x%' and the order of the answer; thanks to
        # its included columns, a search for a part of a word reads only matching rows.
        indexes = [
            models.Index(
                fields=["tenant", "kind", "folded"],
                include=["gone_since", "lofty_id"],
                name="entry_find",
            ),
            models.Index(fields=["tenant", "kind", "belongs_to"], name="entry_belongs_to"),
        ]

    def __str__(self) -> str:
        return self.name or nameless(self.lofty_id)

    @classmethod
    def build(
        cls,
        tenant: Tenant,
        kind: EntryKind,
        lofty_id: int,
        name: str | None,
        detail: str = "",
        belongs_to: int | None = None,
    ) -> "Entry":
        """Build an unsaved entry. Texts are cut and cleaned to what can be stored and searched."""
        name, detail = clean(name, TEXT_LENGTH), clean(detail, TEXT_LENGTH)
        room = FOLDED_LENGTH - len(str(lofty_id)) - 1
        folded = f"{fold(f'{name} {detail}')[:room]} {lofty_id}"
        return cls(
            tenant=tenant,
            kind=kind,
            lofty_id=lofty_id,
            name=name,
            detail=detail,
            folded=folded,
            belongs_to=belongs_to,
            seen_at=timezone.now(),
        )


class SyncState(models.TextChoices):
    """The state of a sync. The first three are open: a tenant has at most one open sync."""

    QUEUED = QUEUED, _("Queued")
    RUNNING = RUNNING, _("Reading from Lofty")
    WAITING = WAITING, _("Waiting to continue")
    DONE = "done", _("Done")
    FAILED = "failed", _("Failed")


class Step(models.TextChoices):
    """The parts a sync reads, in this order."""

    ME = "me", _("Owner")
    QUOTA = "quota", _("Quota")
    OFFICES = "offices", _("Offices")
    PONDS = "ponds", _("Ponds")
    PIPELINES = "pipelines", _("Pipelines")
    AGENTS = "agents", _("Agents")
    END = "end", _("End")

    @property
    def next(self) -> "Step":
        steps = list(Step)
        return steps[min(steps.index(self) + 1, len(steps) - 1)]


AT_AGENTS = (Step.AGENTS, Step.END)


class Sync(LeasedJob):
    """One run that reads a tenant's names from Lofty, committed page by page.

    For the list being read, pipelines or agents: position is the rows read so far, where it
    resumes; pages is how many calls returned them, and seconds how long these took; total is how
    many rows Lofty reports; steady means that every page reported the same total.

    whole: the kinds whose listing was complete; only entries of these can be marked as gone.
    page_sizes: see LoftyClient. attempts: starts since the last progress. notes: what Lofty refused
    on the way. message: what a user should know, "" when all is well.
    """

    MAX_PAUSE = LONGEST_WAIT

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="syncs")
    state = models.CharField(max_length=10, choices=SyncState, default=SyncState.QUEUED)
    step = models.CharField(max_length=10, choices=Step, default=Step.ME)
    position = models.PositiveIntegerField(default=0)
    pages = models.PositiveIntegerField(default=0)
    seconds = models.FloatField(default=0)
    total = models.PositiveIntegerField(null=True)
    steady = models.BooleanField(default=True)
    whole = models.JSONField(default=list)
    page_sizes = models.JSONField(default=dict)
    attempts = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=list)
    message = models.TextField(blank=True)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.CharField(max_length=100)
    actor_name = models.CharField(max_length=300)
    request_id = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[models.Manager["Sync"]]

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=models.Q(state__in=OPEN),
                name="one_open_sync_per_tenant",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=SyncState.values), name="sync_state_known"
            ),
        ]
        indexes = [models.Index(fields=["tenant", "-started_at"], name="sync_newest")]

    def __str__(self) -> str:
        return f"{self.tenant}: {self.get_state_display()}"

    @property
    def agents(self) -> int | None:
        """Return how many agents Lofty reports; None until it did."""
        return self.total if self.step in AT_AGENTS else None

    @property
    def done(self) -> int:
        """Return the agents read so far, never above `agents`."""
        read = self.position if self.step in AT_AGENTS else 0
        return read if self.agents is None else min(read, self.agents)

    @property
    def percent(self) -> int | None:
        """Return the agents read, 0-100 percent; None while their number is unknown."""
        return None if not self.agents else self.done * 100 // self.agents

    @property
    def actor(self) -> Actor:
        """Return who requested the sync."""
        return Actor(self.actor_kind, self.actor_id, self.actor_name)


class Profile(models.Model):
    """The token's owner and how many Sales Agents are left, as Lofty last reported.

    me: `lofty.client.Member` as a dict. quota: `lofty.client.Quota` as a dict, None if not
    reported.
    """

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="profile")
    me = models.JSONField(default=dict)
    quota = models.JSONField(null=True)
    fetched_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.tenant} at {self.fetched_at:%Y-%m-%d %H:%M}"
