"""Start a draft from another page than the form: retry, merge, copy, restore, undo."""

from collections.abc import Callable, Collection, Mapping

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.agentsettings.drafts import Content, create_draft
from lofty_admin.agentsettings.fields import BY_NAME
from lofty_admin.agentsettings.models import Draft
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.audit.models import AuditEvent
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import same
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable
from lofty_admin.tenants.http import SignedInRequest
from lofty_admin.tenants.models import Tenant

NO_TOKEN = gettext_noop("A manager can add one on the Connection page.")


def to_review(draft: Draft | None, page: str, *arguments: object) -> HttpResponse:
    """Redirect to the draft's review; without a draft, back to the `page` that asked for it."""
    if draft is None:
        return redirect(page, *arguments)
    return redirect("agentsettings:draft", draft.tenant.slug, draft.pk)


def new_draft(
    request: SignedInRequest,
    tenant: Tenant,
    content: Content,
    *,
    reason: str = "",
    later_changes: Mapping[str, AuditEvent] | None = None,
) -> Draft | None:
    """Draft a change from another page than the form; None, with a message, if nothing differs."""
    if not content.wanted:
        messages.info(request, _("Nothing to change: Lofty already has these values."))
        return None
    user = request.user
    return create_draft(tenant, user, content, reason=reason, later_changes=later_changes)


def draft_live(
    request: SignedInRequest,
    tenant: Tenant,
    wanted: Mapping[str, JSON],
    *,
    reason: str = "",
    later_changes: Callable[[Collection[str]], Mapping[str, AuditEvent]] = lambda names: {},
    undone: Mapping[str, JSON] | None = None,
) -> Draft | None:
    """Read Lofty and draft setting `wanted` there (retry, restore, undo).

    later_changes: returns, for the names of the settings the draft changes, the newest change of
    each since the state it restores; the review names them. undone: what the change being undone
    had set; a setting that has another value by now is left alone. None, with a message, if Lofty
    cannot be read: the caller returns to the page it came from, which keeps its button.
    """
    try:
        snapshot = read_live(tenant)
    except (LoftyError, ConnectionUnavailable) as error:
        message = _("Nothing was sent, and there is nothing to review yet: %(why)s %(advice)s")
        why = {"why": _(str(error)), "advice": _(getattr(error, "advice", NO_TOKEN))}
        messages.error(request, message % why)
        return None
    if undone is not None:
        wanted = _not_changed_since(request, wanted, undone, snapshot.settings.raw)
        if not wanted:
            return None
    content = Content.of(snapshot, {**snapshot.settings.raw, **wanted})
    later = later_changes(content.wanted.keys())
    return new_draft(request, tenant, content, reason=reason, later_changes=later)


def _not_changed_since(
    request: SignedInRequest,
    wanted: Mapping[str, JSON],
    undone: Mapping[str, JSON],
    live: Mapping[str, JSON],
) -> Mapping[str, JSON]:
    """Return what of `wanted` an undo may restore: never what another user changed since."""
    expected = [undone, wanted]  # as the change left it, or undone already
    left = [n for n in wanted if not any(same(n, one[n], live.get(n)) for one in expected)]
    if left:
        message = _("Not included, because they were changed again since: %(settings)s.")
        labels = ", ".join(str(BY_NAME[name].label) for name in left)
        messages.info(request, message % {"settings": labels})
    return {name: value for name, value in wanted.items() if name not in left}
