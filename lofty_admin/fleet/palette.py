"""What the palette finds: tenants, pages, and actions that the user may use.

PAGES and ACTIONS are the whole table; a test compares it with the URLconf.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db.models import Case, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation
from lofty_admin.core.searching import searched
from lofty_admin.core.text import clean, fold, is_wordless, search_words
from lofty_admin.fleet.tenant_list import Wanted
from lofty_admin.fleet.tenant_list import find as find_tenants
from lofty_admin.tenants.access.permissions import role_of, visible_tenants
from lofty_admin.tenants.models import Pin, Role, Tenant, Visit
from lofty_admin.tenants.recents import is_pinned

MOST_TENANTS = 8
LONGEST_SLUG = 50
MOST_IN_FLIGHT = 5
ANYBODY, SUPERUSER = "anybody", "superuser"


@dataclass(frozen=True)
class Entry:
    """A page or an action.

    `needs`: if a Role, it is required in the current tenant, whose short name is then in the
    address. `also`: other words for it. `does`: something in the browser that needs no address.
    `tab`: the tab of the tenant's header that the page is.
    """

    view: str
    label: str | Promise
    needs: Role | str
    also: str = ""
    part: str = ""
    posts: bool = False
    does: str = ""
    tab: str = ""


PAGES: Sequence[Entry] = (
    Entry(
        "agentsettings:settings",
        _("Settings"),
        Role.VIEWER,
        "agent form hours channels leads phone",
        tab="settings",
    ),
    Entry("history:list", _("History"), Role.VIEWER, "log audit changes events", tab="history"),
    Entry(
        "directory:names",
        _("Names"),
        Role.VIEWER,
        "directory agents offices ponds pipelines sources ids",
        tab="names",
    ),
    Entry(
        "tenants:connection",
        _("Connection"),
        Role.MANAGER,
        "token key connect oauth replace paste",
        tab="connection",
    ),
    Entry(
        "tenants:members", _("People"), Role.MANAGER, "roles rights access members", tab="people"
    ),
    Entry(
        "tenants:edit",
        _("Tenant"),
        Role.MANAGER,
        "name note groups manual only archive rename",
        tab="edit",
    ),
    Entry("history:compare", _("Compare dates"), Role.VIEWER, "settings on a day versions then"),
    Entry("history:receipt", _("Printable receipt"), Role.VIEWER, "print proof report paper"),
    Entry("fleet:home", _("All tenants"), ANYBODY, "home start list fleet"),
    Entry("history:list_all", _("History of all tenants"), ANYBODY, "log audit changes events"),
    Entry("mfa_index", _("Your sign-in"), ANYBODY, "security second step passkey app sessions"),
    Entry("account_change_password", _("Change your password"), ANYBODY, "security sign-in"),
    Entry("mfa_view_recovery_codes", _("Your recovery codes"), ANYBODY, "security second step"),
    Entry("tenants:groups", _("Groups of tenants"), SUPERUSER, "plan region"),
    Entry("tenants:users", _("People of all tenants"), SUPERUSER, "users everyone roles rights"),
    Entry("audit:verification", _("Verify history"), SUPERUSER, "intact chain checkpoint"),
)
ACTIONS: Sequence[Entry] = (
    Entry(
        "tenants:connection",
        _("Connect, replace, or paste the token"),
        Role.MANAGER,
        "connection oauth key",
    ),
    Entry(
        "tenants:connection_test",
        _("Test the token now"),
        Role.MANAGER,
        "check connection",
        posts=True,
    ),
    Entry(
        "agentsettings:copy",
        _("Copy settings from another tenant"),
        Role.EDITOR,
        "clone template compare same",
    ),
    Entry("directory:refresh", _("Sync names"), Role.EDITOR, "sync refresh read", posts=True),
    Entry("history:list", _("Export the history"), Role.VIEWER, "csv json download", part="export"),
    Entry("tenants:pin", _("Pin this tenant"), Role.VIEWER, "star favourite keep", posts=True),
    Entry("tenants:unpin", _("Unpin this tenant"), Role.VIEWER, "star favourite", posts=True),
    Entry(
        "history:list_all",
        _("Export the history of all tenants"),
        ANYBODY,
        "csv json",
        part="export",
    ),
    Entry("tenants:add", _("Add a tenant"), SUPERUSER, "new customer"),
    Entry("fleet:import", _("Import CSV"), SUPERUSER, "add many tenants from a list upload"),
    Entry("tenants:user_invite", _("Invite a user"), SUPERUSER, "add person user mail"),
    Entry("mfa_activate_totp", _("Set up an authenticator app"), ANYBODY, "second step code"),
    Entry("mfa_add_webauthn", _("Add a passkey"), ANYBODY, "second step key"),
    Entry("", _("Switch between light and dark"), ANYBODY, "theme colours", does="theme"),
    Entry("", _("Keyboard shortcuts"), ANYBODY, "keys help", does="shortcuts"),
    Entry("account_logout", _("Sign out"), ANYBODY, "log out leave", posts=True),
)


@dataclass(frozen=True)
class Item:
    """One line of the palette. `posts`: a button that sends a form to `url`, otherwise a link."""

    label: str
    url: str = ""
    detail: str = ""
    mark: str = ""
    posts: bool = False
    does: str = ""


@dataclass(frozen=True)
class Group:
    title: str
    items: Sequence[Item]


@dataclass(frozen=True)
class Place:
    """The user, and the tenant of the current page if the user may see one."""

    user: User
    tenant: Tenant | None
    role: Role | None
    pinned: bool = False

    @classmethod
    def of(cls, user: User, slug: str) -> "Place":
        tenant = (
            visible_tenants(user).filter(slug=clean(slug, LONGEST_SLUG)).first() if slug else None
        )
        if tenant is None:
            return cls(user, None, None)
        return cls(user, tenant, role_of(user, tenant), is_pinned(user, tenant))

    def reaches(self, entry: Entry) -> bool:
        if entry.needs == SUPERUSER:
            return self.user.is_superuser
        if not isinstance(entry.needs, Role):
            return True
        if self.tenant is None or self.role is None or self.role < entry.needs:
            return False
        return not (self.tenant.is_archived and entry.posts and entry.needs > Role.VIEWER)


def find(place: Place, text: str) -> tuple[list[Group], bool]:
    """Return the groups with results for `text`, and whether more tenants match than are shown."""
    if is_wordless(text):
        return [], False
    tenants = list(_tenants(place, text)[: MOST_TENANTS + 1])
    wanted, here = search_words(text), place.tenant
    of_tenant = [entry for entry in PAGES if isinstance(entry.needs, Role)]
    of_console = [entry for entry in PAGES if not isinstance(entry.needs, Role)]
    groups = [
        Group(gettext("Tenants"), [_tenant_item(one) for one in tenants[:MOST_TENANTS]]),
        Group(gettext("Changes in flight"), list(_in_flight(place, wanted))),
        Group(_pages_of(here), _items(place, of_tenant, wanted)),
        Group(gettext("Pages"), _items(place, of_console, wanted)),
        Group(gettext("Actions"), _items(place, ACTIONS, wanted)),
    ]
    return [group for group in groups if group.items], len(tenants) > MOST_TENANTS


def _pages_of(here: Tenant | None) -> str:
    return gettext("Pages of %(name)s") % {"name": here.name} if here else ""


# --- Tenants --------------------------------------------------------------------------------------
def _tenants(place: Place, text: str) -> QuerySet[Tenant]:
    """Return tenants, best match first; among equals pinned ones, recent ones, then by name.

    Without a text, the current tenant is left out.
    """
    visible = visible_tenants(place.user)
    if not text and place.tenant:
        visible = visible.exclude(pk=place.tenant.pk)
    found = find_tenants(visible, Wanted(q=text, status="all" if text else ""))
    mine = {"user": place.user, "tenant": OuterRef("pk")}
    return found.annotate(
        match=_match(text),
        pinned=Subquery(Pin.objects.filter(**mine).values("pk")[:1]),
        visited=Subquery(Visit.objects.filter(**mine).values("at")[:1]),
    ).order_by(
        "match",
        F("pinned").asc(nulls_last=True),
        F("visited").desc(nulls_last=True),
        "folded",
        "slug",
    )


def _match(typed: str) -> Case:
    """Rank matches: 0 is the name, 1 begins with it, 2 has a word that does, 3 anything else."""
    text = fold(searched(typed))
    ranks = {
        0: Q(folded=text) | Q(slug=text),
        1: Q(folded__startswith=text) | Q(slug__startswith=text),
        2: Q(folded__contains=f" {text}") | Q(slug__contains=f"-{text}"),
    }
    cases = [When(condition, then=Value(rank)) for rank, condition in ranks.items()]
    return Case(*cases, default=Value(3), output_field=IntegerField())


def _tenant_item(tenant: Tenant) -> Item:
    pinned, visited = getattr(tenant, "pinned", None), getattr(tenant, "visited", None)
    mark = "pinned" if pinned else "recent" if visited else ""
    archived = gettext("%(slug)s, archived") % {"slug": tenant.slug}
    detail = archived if tenant.is_archived else tenant.slug
    return Item(tenant.name, reverse("agentsettings:settings", args=[tenant.slug]), detail, mark)


# --- Pages and actions ----------------------------------------------------------------------------
def _items(place: Place, entries: Sequence[Entry], wanted: Sequence[str]) -> list[Item]:
    """Return allowed entries whose label, other words, or tenant have every word of the text."""
    pointless = "tenants:pin" if place.pinned else "tenants:unpin"
    return [
        _item(place, entry)
        for entry in entries
        if place.reaches(entry) and entry.view != pointless and _says(place, entry, wanted)
    ]


def _says(place: Place, entry: Entry, wanted: Sequence[str]) -> bool:
    of = place.tenant.name if place.tenant and isinstance(entry.needs, Role) else ""
    text = f" {fold(f'{entry.label} {entry.also} {of}')}"
    return all(f" {word}" in text for word in wanted)


def _item(place: Place, entry: Entry) -> Item:
    of = place.tenant if isinstance(entry.needs, Role) else None
    detail = of.name if of and entry in ACTIONS else ""  # a page's heading already has the name
    item = Item(str(entry.label), detail=detail, posts=entry.posts, does=entry.does)
    if not entry.view:
        return item
    url = reverse(entry.view, args=[of.slug] if of else [])
    return replace(item, url=f"{url}#{entry.part}" if entry.part else url)


def _in_flight(place: Place, wanted: Sequence[str]) -> Iterator[Item]:
    """Yield changes whose outcome is open, of any tenant the user may see."""
    found = Operation.objects.filter(settled_at=None, tenant__in=visible_tenants(place.user))
    for operation in found.select_related("tenant")[:MOST_IN_FLIGHT]:
        label = gettext("See the change of %(name)s") % {"name": operation.tenant.name}
        said = fold(f"{label} in flight review waiting unknown")
        if all(word in said for word in wanted):
            url = reverse("agentsettings:operation", args=[operation.tenant.slug, operation.pk])
            yield Item(label, url, operation.get_state_display())


# --- The tenant before and after ------------------------------------------------------------------
TABS: Mapping[str, Entry] = {entry.tab: entry for entry in PAGES if entry.tab}


def neighbor_of(place: Place, *, forward: bool) -> Tenant | None:
    """Return the next or previous active tenant by name; after the last comes the first.

    Returns None if there is no other.
    """
    here = place.tenant
    if here is None:
        return None
    others = visible_tenants(place.user).filter(status=Tenant.Status.ACTIVE).exclude(pk=here.pk)
    order = ("folded", "slug") if forward else ("-folded", "-slug")
    way, name = ("gt" if forward else "lt"), here.folded
    further = Q(**{f"folded__{way}": name}) | Q(folded=name, **{f"slug__{way}": here.slug})
    return others.filter(further).order_by(*order).first() or others.order_by(*order).first()


def same_page(place: Place, tab: str) -> str:
    """Return the place's page of this kind, or the tenant's first page if it is not allowed."""
    entry = TABS.get(tab)
    slug = place.tenant.slug if place.tenant else ""
    return reverse(entry.view if entry and place.reaches(entry) else "tenants:tenant", args=[slug])
