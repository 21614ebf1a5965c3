"""Store drafts: create and edit them from the form, open, share, discard, and expire them.

A draft never leaves this console; only `services.apply` sends anything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from django.utils.translation import override

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.changes import diff
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import Draft, DraftQuerySet, Operation, draft_expiry
from lofty_admin.agentsettings.plans import Snapshot
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.access.permissions import get_related_or_404
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Tenant


@dataclass(frozen=True)
class Content:
    """What a form holds: the snapshot it was built from, and what differs from that.

    typed: the fields as sent, if some are invalid; `wanted` then has what was valid before.
    """

    snapshot: Snapshot
    wanted: Mapping[str, JSON]
    typed: Mapping[str, list[str]] | None = None

    @classmethod
    def of(cls, snapshot: Snapshot, after: Mapping[str, JSON]) -> "Content":
        """Return the content that leads from the snapshot to `after`."""
        changes = diff(snapshot.settings.raw, after)
        return cls(snapshot, {change.name: change.after for change in changes})

    @property
    def columns(self) -> dict[str, object]:
        return {
            "base": self.snapshot.settings.raw,
            "read_at": self.snapshot.read_at,
            "wanted": dict(self.wanted),
            "typed": None if self.typed is None else dict(self.typed),
        }

    def is_of(self, draft: Draft) -> bool:
        return all(getattr(draft, name) == value for name, value in self.columns.items())


def create_draft(
    tenant: Tenant,
    owner: User,
    content: Content,
    *,
    reason: str = "",
    later_changes: Mapping[str, AuditEvent] | None = None,
) -> Draft:
    """Store a new draft that only `owner` sees."""
    later = {name: str(event.pk) for name, event in (later_changes or {}).items()}
    return Draft.objects.create(
        tenant=tenant, owner=owner, reason=reason, later_changes=later, **content.columns
    )


def save_edits(
    tenant: Tenant, user: User, draft_id: UUID, revision: int, content: Content
) -> tuple[Draft, bool]:
    """Store what the form holds, and return whether it replaced what the form was opened with.

    `draft_id` is the id the form was given, `revision` the one it was opened with; 0 for a form
    that is not a draft yet. If the draft was edited, applied, or discarded since, the form becomes
    a draft of its own: an edit never overwrites another one.
    """
    known = open_drafts(tenant, user).filter(pk=draft_id).first()
    if known is not None and content.is_of(known):
        return known, True  # the same form sent twice
    if known is not None and _replace(known, revision, content):
        return Draft.objects.get(pk=known.pk), True
    is_taken = Operation.objects.filter(pk=draft_id).exists()
    draft, is_new = Draft.objects.get_or_create(
        pk=uuid4() if is_taken else draft_id,
        defaults={"tenant": tenant, "owner": user, **content.columns},
    )
    if is_new:
        return draft, revision == 0 and not is_taken
    reason = known.reason if known else ""
    return create_draft(tenant, user, content, reason=reason), False


def _replace(draft: Draft, revision: int, content: Content) -> bool:
    """Compare and swap: return False if another user edited the draft first."""
    now = timezone.now()
    changed = Draft.objects.filter(pk=draft.pk, revision=revision).update(
        **content.columns,
        revision=revision + 1,
        ticked=[],
        updated_at=now,
        expires_at=draft_expiry(),
    )
    return bool(changed)


def open_drafts(tenant: Tenant, user: User) -> DraftQuerySet:
    """Return the tenant's drafts that `user` may continue: their own and shared ones."""
    found = Draft.objects.open().visible_to(user.pk).filter(tenant=tenant)
    return found.select_related("owner", "tenant")


def own_drafts(user: User, tenants: QuerySet[Tenant]) -> DraftQuerySet:
    """Return the drafts of `user` in any of `tenants`."""
    found = Draft.objects.open().filter(owner=user, tenant__in=tenants.order_by())
    return found.select_related("owner", "tenant")


def find_draft(request: SignedInRequest, tenant: Tenant, draft_id: UUID) -> Draft | None:
    """Return the open draft, or None if there is none that the signed-in user may see.

    A request for a draft of another tenant is recorded as a refusal.
    """
    try:
        get_related_or_404(request, tenant, Draft.objects.only("tenant"), pk=draft_id)
    except Http404:
        return None
    return open_drafts(tenant, request.user).filter(pk=draft_id).first()


def save_note(draft: Draft, user: User, reason: str, ticked: list[str]) -> None:
    """Store the reason and the confirmations that a user entered on the review page."""
    names = [name for name in ticked if name in draft.wanted]
    now = timezone.now()
    fields = {"reason": reason, "ticked": names, "ticked_by": user, "updated_at": now}
    Draft.objects.filter(pk=draft.pk).update(**fields, expires_at=draft_expiry())


def share_draft(draft: Draft) -> None:
    """Let every editor of the tenant open the draft by its address."""
    with transaction.atomic():
        if Draft.objects.filter(pk=draft.pk, shared_at=None).update(shared_at=timezone.now()):
            _record(Kind.DRAFT_SHARED, draft)


def unshare_draft(draft: Draft) -> None:
    """Make the draft visible to its owner only."""
    with transaction.atomic():
        shared = Draft.objects.filter(pk=draft.pk).exclude(shared_at=None)
        if shared.update(shared_at=None):
            _record(Kind.DRAFT_UNSHARED, draft)


def discard_draft(draft: Draft) -> None:
    """Delete the draft. Only a shared one is audited, because no other user knew of the others."""
    with transaction.atomic():
        deleted, _ = Draft.objects.filter(pk=draft.pk).delete()
        if deleted and draft.is_shared:
            _record(Kind.DRAFT_DISCARDED, draft)


def prune_drafts() -> int:
    """Delete the drafts that have expired or became an operation; return how many."""
    kept = Draft.objects.open().values("pk")
    deleted, _ = Draft.objects.exclude(pk__in=kept).delete()
    return deleted


def _record(kind: Kind, draft: Draft) -> None:
    names = [name for name in BY_NAME if name in draft.wanted]
    with override(settings.LANGUAGE_CODE):
        subject = ", ".join(str(BY_NAME[name].label) for name in names)
    owner = draft.owner.name or draft.owner.email
    detail: dict[str, JSON] = {"owner": owner, "changed": list(names)}
    record(
        kind,
        tenant=draft.tenant.ref,
        subject=subject,
        outcome=Outcome.DONE,
        operation_id=draft.pk,  # the id of its save, if there is one: they belong together
        reason=draft.reason,
        detail=detail,
    )
