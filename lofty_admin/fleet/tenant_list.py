"""The tenants the home page lists, their order, and the contents of each row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from django.db.models import (
    Exists,
    Expression,
    F,
    OrderBy,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.fields.json import KeyTextTransform

from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.core.text import is_wordless, search_words
from lofty_admin.fleet.connection_status import meaning, with_token, worst_first
from lofty_admin.tenants.models import Connection, Group, Tenant

CHANNELS: Mapping[str, Q] = {
    "text": Q(last_known__text_channel=True),
    "email": Q(last_known__email_channel=True),
    "website": Q(last_known__website_channel=True),
    "none": Q(
        last_known__text_channel=False,
        last_known__email_channel=False,
        last_known__website_channel=False,
    ),
    "unread": Q(last_known=None),
}
_IN_DOUBT = Operation.objects.filter(tenant=OuterRef("pk"), state=State.UNKNOWN, settled_at=None)
LAST_CHANGE: Mapping[str, Q] = {"unknown": Q(Exists(_IN_DOUBT))}
_NEWEST_SENT = (
    Operation.objects.filter(tenant=OuterRef("pk"), sent_at__isnull=False)
    .order_by("-sent_at")
    .values("sent_at")[:1]
)
# Column -> what it is sorted by. Times are sorted newest first.
SORTS: Mapping[str, Sequence[Expression | F | Subquery]] = {
    "name": [F("folded")],
    "token": [worst_first(), F("in_use__health__failing_since")],
    "agent": [F("last_known__agent_folded")],
    "channels": [
        F("last_known__text_channel"),
        F("last_known__email_channel"),
        F("last_known__website_channel"),
    ],
    "hours": [F("last_known__start_hour"), F("last_known__end_hour")],
    "change": [Subquery(_NEWEST_SENT)],
    "read": [F("last_known__read_at")],
}
DEFAULT_SORT = "name"
# The columns a row needs: none of the secrets.
_OF_CONNECTION = ("tenant", "lofty_user", "expires_at", "health")


@dataclass(frozen=True)
class Wanted:
    """The query in the address.

    "" is no filter; `status` "" means active; `sort` may begin with "-", for the reverse order.
    """

    q: str = ""
    status: str = ""
    token: str = ""
    group: str = ""
    manual: str = ""
    channel: str = ""
    change: str = ""
    sort: str = DEFAULT_SORT

    @property
    def narrows(self) -> bool:
        return replace(self, sort=DEFAULT_SORT) != Wanted()


@dataclass(frozen=True)
class Row:
    """A tenant, its token in use, its settings as last read, and its newest sent change, if any.

    groups: their names. zone: the time zone of the hours, as Lofty names it; "" if unknown.
    """

    tenant: Tenant
    groups: Sequence[str]
    connection: Connection | None
    known: SettingsSnapshot | None
    change: Operation | None
    zone: str


def find(tenants: QuerySet[Tenant], wanted: Wanted) -> QuerySet[Tenant]:
    """Filter and sort `tenants` as `wanted`."""
    # By id, because the access rules in `tenants` must neither repeat rows nor mix with these
    # joins.
    found = with_token(Tenant.objects.filter(pk__in=tenants.order_by().values("pk")))
    if wanted.status != "all":
        found = found.filter(status=wanted.status or Tenant.Status.ACTIVE)
    if wanted.token:
        found = found.filter(meaning(wanted.token))
    if wanted.group:
        found = found.filter(groups__slug=wanted.group)
    if wanted.manual:
        found = found.filter(manual_only=wanted.manual == "yes")
    if wanted.channel:
        found = found.filter(CHANNELS[wanted.channel])
    if wanted.change:
        found = found.filter(LAST_CHANGE[wanted.change])
    return _mentioning(found, wanted.q).order_by(*_order(wanted.sort), "folded", "slug")


def rows(tenants: QuerySet[Tenant]) -> list[Row]:
    """Return the page's rows; the number of queries does not depend on how many there are."""
    page = list(
        tenants.annotate(zone=KeyTextTransform("time_zone", "profile__me"))
        .select_related("last_known")
        .defer("last_known__raw")
    )
    groups, connections, changes = _groups(page), _connections(page), _last_changes(page)
    return [
        Row(
            tenant=one,
            groups=groups.get(one.id, ()),
            connection=connections.get(one.id),
            known=getattr(one, "last_known", None),
            change=changes.get(one.id),
            zone=one.zone or "",
        )
        for one in page
    ]


def _groups(tenants: Iterable[Tenant]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    pairs = Group.tenants.through.objects.filter(tenant__in=tenants).order_by("group__folded")
    for tenant_id, name in pairs.values_list("tenant_id", "group__name"):
        found.setdefault(tenant_id, []).append(name)
    return found


def _connections(tenants: Iterable[Tenant]) -> dict[UUID, Connection]:
    in_use = Connection.objects.filter(tenant__in=tenants, retired_at=None)
    shown = in_use.select_related("health").only(*_OF_CONNECTION)
    return {connection.tenant_id: connection for connection in shown}


def _last_changes(tenants: Iterable[Tenant]) -> dict[UUID, Operation]:
    newest = (
        Operation.objects.filter(tenant__in=tenants, sent_at__isnull=False)
        .order_by("tenant_id", "-sent_at")
        .distinct("tenant_id")
        .only("tenant_id", "state", "actor_name", "sent_at")
    )
    return {operation.tenant_id: operation for operation in newest}


def _order(sort: str) -> list[OrderBy]:
    """Return the order; unknown values come last in both directions."""
    keys = SORTS[sort.removeprefix("-")]
    down = sort.startswith("-")
    return [OrderBy(key, descending=down, nulls_last=True) for key in keys]


def _mentioning(tenants: QuerySet[Tenant], text: str) -> QuerySet[Tenant]:
    """Return tenants with every word of `text` in their name, short name, note, agent, or owner."""
    if is_wordless(text):
        return tenants.none()
    for word in search_words(text):
        owner = Connection.objects.filter(
            tenant=OuterRef("pk"), retired_at=None, owner_folded__contains=word
        )
        agent = SettingsSnapshot.objects.filter(tenant=OuterRef("pk"), agent_folded__contains=word)
        here = Q(folded__contains=word) | Q(slug__contains=word) | Q(note_folded__contains=word)
        tenants = tenants.filter(here | Q(Exists(owner)) | Q(Exists(agent)))
    return tenants
