"""Names for ids: look them up, search them, describe how current they are, assign them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Case, IntegerField, QuerySet, Value, When
from django.utils.translation import gettext, gettext_noop

from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.searching import searched
from lofty_admin.core.text import fold, is_wordless, search_words
from lofty_admin.directory.eta import in_words, time_left
from lofty_admin.directory.models import Entry, EntryKind, Profile, Sync, SyncState, nameless
from lofty_admin.tenants.models import Tenant

MOST_FOUND = 50
LONGEST_QUERY = 200
LARGEST_ID = 2**63 - 1
UNKNOWN = gettext_noop("unknown (%(id)s)")


@dataclass(frozen=True)
class Name:
    """An id as users read it. An id without a known name is `unknown (1002)`, with known False.

    detail: distinguishes entries of the same name, may be "". gone_since: when it was first missing
    in Lofty (UTC).
    """

    id: int
    name: str
    detail: str
    known: bool
    gone_since: datetime | None


@dataclass(frozen=True)
class Freshness:
    """How current a tenant's names are.

    synced_at: end of the last complete sync. running: the open sync; left: its time left in words,
    "" when unknown. message: what went wrong.
    """

    synced_at: datetime | None
    running: Sync | None
    left: str
    message: str


def names(tenant: Tenant, kind: EntryKind, ids: Iterable[int]) -> dict[int, Name]:
    """Return a Name for each of `ids`, in their order, known or not. One query."""
    return names_by_kind(tenant, {kind: ids})[kind]


def names_by_kind(
    tenant: Tenant, ids: Mapping[EntryKind, Iterable[int]]
) -> dict[EntryKind, dict[int, Name]]:
    """Return the names for ids of several kinds, like `names`, in a single query."""
    wanted = {kind: list(dict.fromkeys(of_kind)) for kind, of_kind in ids.items()}
    known = {(entry.kind, entry.lofty_id): named(entry) for entry in _entries(tenant, wanted)}
    return {
        kind: {number: known.get((kind, number)) or _unknown(number) for number in numbers}
        for kind, numbers in wanted.items()
    }


def _entries(tenant: Tenant, wanted: Mapping[EntryKind, Iterable[int]]) -> Iterable[Entry]:
    """Return all of them, and entries of another of the kinds that share an id, which is rare."""
    ids = {i for numbers in wanted.values() for i in numbers if abs(i) <= LARGEST_ID}
    entries = Entry.objects.filter(tenant=tenant, kind__in=list(wanted), lofty_id__in=ids)
    return entries.only("kind", "lofty_id", "name", "detail", "gone_since") if ids else ()


def count_gone(tenant: Tenant, kind: EntryKind, ids: Iterable[int]) -> int:
    """Return how many of these are no longer in Lofty."""
    in_range = [number for number in ids if -LARGEST_ID <= number <= LARGEST_ID]
    entries = Entry.objects.filter(tenant=tenant, kind=kind, lofty_id__in=in_range)
    return entries.exclude(gone_since=None).count()


def search(tenant: Tenant, kind: EntryKind, text: str, limit: int = MOST_FOUND) -> list[Name]:
    """Return entries with every word of `text` somewhere in their name, email, office, or id.

    Ignores accents and case. The exact id comes first, then names that begin with `text`, then
    names with a word that does, then the rest; entries no longer in Lofty come last. At most 50. ""
    returns all, a text without a letter or digit nothing.
    """
    limit = max(0, min(limit, MOST_FOUND))
    typed = searched(text, LONGEST_QUERY)
    if is_wordless(typed):
        return []
    wanted = fold(typed)
    entries = Entry.objects.filter(tenant=tenant, kind=kind)
    found = [] if wanted.isdecimal() else _beginning_with(entries, wanted, limit)
    if len(found) < limit:
        return list(names(tenant, kind, _ranked(entries, wanted, limit)).values())
    return found


def matching(found: Iterable[Name], text: str) -> list[Name]:
    """Return those with every word of `text` somewhere in their name, email, office, or id."""
    words = search_words(searched(text, LONGEST_QUERY))
    if not words:
        return [] if is_wordless(text) else list(found)
    return [name for name in found if _has_words(name, words)]


def _has_words(name: Name, words: Iterable[str]) -> bool:
    text = fold(f"{name.name} {name.detail} {name.id}")
    return all(word in text for word in words)


def freshness(tenant: Tenant) -> Freshness:
    """Return how current the tenant's names are, and what a user should know about that."""
    syncs = Sync.objects.filter(tenant=tenant)
    newest = syncs.first()
    if newest is None or newest.state == SyncState.DONE:
        done = newest
    else:
        done = syncs.filter(state=SyncState.DONE).first()
    running = newest if newest and newest.is_open else None
    return Freshness(
        synced_at=done.finished_at if done else None,
        running=running,
        left=in_words(time_left(running)) if running else "",
        message=newest.message if newest else "",
    )


def profile(tenant: Tenant) -> Profile | None:
    """Return the token's owner and the quota, with their age; None before the first sync."""
    return Profile.objects.filter(tenant=tenant).first()


def time_zone(tenant: Tenant) -> str:
    """Return the time zone of the token's owner as Lofty names it, "America/Los_Angeles"; or ""."""
    return zone_of(profile(tenant))


def zone_of(known: Profile | None) -> str:
    """Return the time zone of a profile that was loaded already; "" if unknown."""
    return str(known.me.get("time_zone") or "") if known else ""


def give_name(tenant: Tenant, lofty_id: int, name: str) -> Name:
    """Name a lead source, which Lofty does not list. Replaces an earlier name and is recorded."""
    entry = Entry.build(tenant, EntryKind.SOURCE, lofty_id, name)
    with transaction.atomic():
        ours = Entry.objects.filter(tenant=tenant, kind=EntryKind.SOURCE, lofty_id=lofty_id)
        before = ours.select_for_update().values_list("name", flat=True).first()
        if before == entry.name:
            return named(entry)
        Entry.objects.keep([entry])
        record(
            Kind.NAME_GIVEN,
            tenant=tenant.ref,
            subject=f"lead source {lofty_id}",
            outcome=Outcome.DONE,
            before=before,
            after=entry.name,
        )
    return named(entry)


def named(entry: Entry) -> Name:
    return Name(entry.lofty_id, str(entry), entry.detail, True, entry.gone_since)


def named_row(lofty_id: int, name: str, detail: str) -> Name:
    """Build a Name from the columns of an entry still in Lofty, for many rows at once."""
    return Name(lofty_id, name or nameless(lofty_id), detail, known=True, gone_since=None)


# Most searches end with the first query, which reads no more than it returns. The second reads the
# tenant's part of the index, and selects only columns the index has.
def _beginning_with(entries: QuerySet[Entry], wanted: str, limit: int) -> list[Name]:
    present = entries.filter(folded__startswith=wanted, gone_since=None).order_by("folded")
    return [named_row(*row) for row in present.values_list("lofty_id", "name", "detail")[:limit]]


def _ranked(entries: QuerySet[Entry], wanted: str, limit: int) -> list[int]:
    for word in search_words(wanted):
        entries = entries.filter(folded__contains=word)
    itself = [When(lofty_id=number, then=Value(-1)) for number in _as_id(wanted)]
    rank = Case(
        *itself,
        When(gone_since__isnull=False, then=Value(3)),
        When(folded__startswith=wanted, then=Value(0)),
        When(folded__contains=f" {wanted}", then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    return list(entries.order_by(rank, "folded").values_list("lofty_id", flat=True)[:limit])


def _as_id(text: str) -> list[int]:
    number = int(text) if text.isdecimal() and len(text) < 20 else 0
    return [number] if 0 < number <= LARGEST_ID else []


def unknown(entry_id: object) -> str:
    """Return the text shown for an id without a name."""
    return gettext(UNKNOWN) % {"id": entry_id}


def _unknown(number: int) -> Name:
    return Name(number, unknown(number), "", False, None)
