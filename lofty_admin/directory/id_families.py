"""Detect whether ids stored in Lofty's settings are of the kind that the directory lists.

Lofty identifies an agent by a short member number in one place and by a long user id in another.
Which of them the settings hold is not documented, so names must not be shown as if they matched.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db.models import Max, Min

from lofty_admin.directory.models import Entry, EntryKind, Sync, SyncState
from lofty_admin.directory.names import LARGEST_ID
from lofty_admin.directory.sync import completely_listed
from lofty_admin.tenants.models import Tenant

MOST_DIFFERENT = 4  # digits: ids of one kind grow, but not by this much


@dataclass(frozen=True)
class Foreign:
    """Ids in a stored list that do not look like those of the directory.

    count: how many they are. is_all: no id of the list is in the directory.
    """

    count: int
    is_all: bool


def foreign_ids(
    tenant: Tenant, lists: Mapping[EntryKind, Collection[int]]
) -> dict[EntryKind, Foreign]:
    """Return the lists of stored ids that do not match the tenant's directory, by kind.

    Considers only kinds that the last sync listed completely; sources are never listed.
    """
    positive = {
        kind: {i for i in ids if 0 < i <= LARGEST_ID}
        for kind, ids in lists.items()
        if kind != EntryKind.SOURCE
    }
    doubtful = {
        kind: left for kind, ids in positive.items() if (left := _unlisted(tenant, kind, ids))
    }
    whole = _listed_completely(tenant) if doubtful else frozenset()
    found = {
        kind: _foreign(tenant, kind, ids, len(positive[kind]))
        for kind, ids in doubtful.items()
        if kind in whole
    }
    return {kind: foreign for kind, foreign in found.items() if foreign is not None}


def _unlisted(tenant: Tenant, kind: EntryKind, ids: set[int]) -> set[int]:
    entries = Entry.objects.filter(tenant=tenant, kind=kind, lofty_id__in=ids)
    return ids - set(entries.values_list("lofty_id", flat=True)) if ids else set()


def _listed_completely(tenant: Tenant) -> frozenset[str]:
    done = Sync.objects.filter(tenant=tenant, state=SyncState.DONE).first()
    return completely_listed(done) if done else frozenset()


def _foreign(tenant: Tenant, kind: EntryKind, unlisted: set[int], count: int) -> Foreign | None:
    entries = Entry.objects.filter(tenant=tenant, kind=kind, lofty_id__gt=0)
    ends = entries.aggregate(least=Min("lofty_id"), most=Max("lofty_id"))
    if ends["least"] is None:
        return None
    if len(unlisted) == count:
        return Foreign(count, is_all=True)
    shortest = len(str(ends["least"])) - MOST_DIFFERENT
    longest = len(str(ends["most"])) + MOST_DIFFERENT
    strange = [i for i in unlisted if not shortest < len(str(i)) < longest]
    return Foreign(len(strange), is_all=False) if strange else None
