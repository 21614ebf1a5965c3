"""Add, change, and archive tenants. A change and its audit record commit together."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.text import fold
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.credentials.token_store import record_connection, store_connection
from lofty_admin.tenants.credentials.token_verification import CheckedToken, questions_about
from lofty_admin.tenants.errors import ChangeNotAllowed, ConfirmationRequired, locked
from lofty_admin.tenants.models import Connection, Group, Tenant


class AddTenantError(ChangeNotAllowed):
    """One of several tenants was refused, so none was added; `place` is its index, from 0.

    may_be_meant: whether it can be added by itself, by a user who confirms its unexpected token.
    """

    def __init__(self, place: int, words: str, *, may_be_meant: bool = False) -> None:
        self.place, self.may_be_meant = place, may_be_meant
        super().__init__(words)


@dataclass(frozen=True)
class NewTenant:
    """A tenant to add. name_is_meant: a user confirmed that it may have another tenant's name."""

    slug: str
    name: str
    note: str = ""
    checked: CheckedToken | None = None
    groups: tuple[Group, ...] = ()
    name_is_meant: bool = False


@dataclass(frozen=True)
class _Added:
    """A tenant and connection that are in the database already but not yet in the audit log."""

    tenant: Tenant
    connection: Connection | None
    described: dict[str, JSON]


def suggest_slug(name: str) -> str:
    """Return a short name made from `name`, or "" if there is none. It may be taken."""
    return slugify(name).replace("_", "-")[:50].strip("-")


def add_tenant(
    *,
    slug: str,
    name: str,
    note: str = "",
    checked: CheckedToken | None = None,
    meant: bool = False,
) -> Tenant:
    """Add a tenant, with its first connection if there is one.

    Raises ValidationError for an invalid or taken short name or an empty name, and
    ConfirmationRequired when the token is unexpected or another tenant has this name, and the
    change is not confirmed by `meant`.
    """
    new = NewTenant(slug=slug, name=name, note=note, checked=checked)
    with transaction.atomic():
        added = _insert(new, meant=meant)
        _record_added(added)
    return added.tenant


def add_tenants(new: Iterable[NewTenant]) -> list[Tenant]:
    """Add all of the tenants, in their order, or none.

    Raises AddTenantError, which has the index, for what `add_tenant` refuses.
    """
    with transaction.atomic():
        added = [_insert_or_say(place, one) for place, one in enumerate(new)]
        # Record last: every other writer of the audit log waits from here until the commit.
        for one in added:
            _record_added(one)
    return [one.tenant for one in added]


def _insert_or_say(place: int, new: NewTenant) -> _Added:
    try:
        return _insert(new)
    except ValidationError as error:
        words = " ".join(error.messages)
    except ConfirmationRequired as error:
        raise AddTenantError(place, str(error), may_be_meant=True) from None
    except ChangeNotAllowed as error:
        words = str(error)
    raise AddTenantError(place, words)


def _insert(new: NewTenant, *, meant: bool = False) -> _Added:
    tenant = Tenant(slug=new.slug, name=new.name.strip(), note=new.note.strip())
    _clean(tenant)
    questions = [] if new.name_is_meant else _name_question(tenant)
    questions += questions_about(tenant, new.checked) if new.checked else ()
    if questions and not meant:
        raise ConfirmationRequired(questions)
    tenant.save(force_insert=True)
    if new.groups:
        tenant.groups.set(new.groups)
    connection = store_connection(tenant, new.checked) if new.checked else None
    return _Added(tenant, connection, _described(tenant))


def _clean(tenant: Tenant) -> None:
    """Raise ValidationError for what cannot be stored, and for an invisible name."""
    tenant.full_clean()
    if not fold(tenant.name):
        raise ValidationError({"name": _("A name needs at least one visible character.")})


def _name_question(tenant: Tenant, among: QuerySet[Tenant] | None = None) -> list[str]:
    """Return a question if a name of `among`, by default of all tenants, looks like this one."""
    others = Tenant.objects.all() if among is None else among
    other = others.filter(folded=fold(tenant.name)).exclude(pk=tenant.pk).first()
    if other is None:
        return []
    words = _("Another tenant already has this name: %(name)s (%(slug)s).")
    return [words % {"name": other.name, "slug": other.slug}]


def _record_added(added: _Added) -> None:
    ref = added.tenant.ref
    record(Kind.TENANT_ADDED, tenant=ref, outcome=Outcome.DONE, after=added.described)
    if added.connection:
        record_connection(Kind.CREDENTIAL_ADDED, added.tenant, after=added.connection)


def change_tenant(
    tenant: Tenant,
    *,
    name: str,
    note: str,
    manual_only: bool | None = None,
    groups: Collection[Group] | None = None,
    meant: bool = False,
    among: QuerySet[Tenant] | None = None,
) -> bool:
    """Change a tenant's own data; None leaves a field as it is. None of it is stored at Lofty.

    Returns False, and records nothing, when nothing changes. Raises ConfirmationRequired when the
    new name looks like that of one of `among` (the tenants the user may see; None for all) and the
    change is not confirmed by `meant`, and ValidationError for a name without visible characters.
    """
    with transaction.atomic():
        row = locked(tenant)
        before = _described(row)
        row.name, row.note = name.strip(), note.strip()
        row.manual_only = row.manual_only if manual_only is None else manual_only
        _clean(row)
        questions = [] if row.name == before["name"] else _name_question(row, among)
        if questions and not meant:
            raise ConfirmationRequired(questions)
        if groups is not None:
            row.groups.set(groups)
        if _described(row) == before:
            return False
        row.save(update_fields=["name", "folded", "note", "note_folded", "manual_only"])
        record(
            Kind.TENANT_CHANGED,
            tenant=row.ref,
            outcome=Outcome.DONE,
            before=before,
            after=_described(row),
        )
    return True


def archive_tenant(tenant: Tenant) -> None:
    """Archive the tenant: refuse changes until `restore_tenant`. Nothing is deleted."""
    with transaction.atomic():
        row = locked(tenant)
        Tenant.objects.filter(pk=row.pk).update(status=Tenant.Status.ARCHIVED)
        record(Kind.TENANT_ARCHIVED, tenant=row.ref, outcome=Outcome.DONE)


def restore_tenant(tenant: Tenant) -> None:
    """Undo `archive_tenant`. Raises ChangeNotAllowed when the tenant is not archived."""
    with transaction.atomic():
        row = Tenant.objects.select_for_update().get(pk=tenant.pk)
        if not row.is_archived:
            raise ChangeNotAllowed(_("%(name)s is not archived.") % {"name": row.name})
        Tenant.objects.filter(pk=row.pk).update(status=Tenant.Status.ACTIVE)
        record(Kind.TENANT_RESTORED, tenant=row.ref, outcome=Outcome.DONE)


def _described(tenant: Tenant) -> dict[str, JSON]:
    return {
        "slug": tenant.slug,
        "name": tenant.name,
        "note": tenant.note,
        "manual_only": tenant.manual_only,
        "groups": sorted(tenant.groups.values_list("slug", flat=True)),
    }
