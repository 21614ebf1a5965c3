"""Translate one tenant's settings for another tenant: match entries by name, never by id.

Pure functions. "There" is the tenant that is copied from, "here" the one that would be changed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from lofty_admin.agentsettings.changes import Values, reaches_all
from lofty_admin.agentsettings.fields import SETTINGS, Setting
from lofty_admin.core.text import fold
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import unknown
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import IS_TYPE, TYPES, means_all, same

NO_NAME_THERE = gettext_noop("has no name there")
NO_MATCH = gettext_noop("no match here")
MANY_HERE = gettext_noop("several with this name here")
MANY_THERE = gettext_noop("several with this name there")


@dataclass(frozen=True)
class DirectoryEntry:
    """One entry of a tenant's directory.

    email: only of agents, "" if unknown. gone: no longer in Lofty.
    """

    id: int
    name: str
    email: str = ""
    gone: bool = False


@dataclass(frozen=True)
class Missing:
    """An entry of there that is not copied, by its name, and why (to be translated)."""

    name: str
    why: str


@dataclass(frozen=True)
class Match:
    """The matches.

    found: entries of here, each once, in the order of there. missing: entries without a match.
    """

    found: tuple[DirectoryEntry, ...]
    missing: tuple[Missing, ...]


class DirectoryNames:
    """The entries of one kind of one tenant. Ids below 1 identify no entry (-1 means all)."""

    def __init__(self, entries: Iterable[DirectoryEntry] = ()) -> None:
        self.by_id = {entry.id: entry for entry in entries if entry.id > 0}
        self._by_email: dict[str, list[DirectoryEntry]] = {}
        self._by_name: dict[str, list[DirectoryEntry]] = {}
        for entry in self.by_id.values():
            self._by_email.setdefault(fold(entry.email), []).append(entry)
            self._by_name.setdefault(fold(entry.name), []).append(entry)

    def with_email(self, email: str) -> list[DirectoryEntry]:
        return _in_lofty_first(self._by_email.get(fold(email), [])) if fold(email) else []

    def named(self, name: str) -> list[DirectoryEntry]:
        return _in_lofty_first(self._by_name.get(fold(name), [])) if fold(name) else []


def _in_lofty_first(entries: list[DirectoryEntry]) -> list[DirectoryEntry]:
    """Return the entries Lofty still has; only if there are none, the others."""
    return [entry for entry in entries if not entry.gone] or entries


def match(ids: Iterable[JSON], there: DirectoryNames, here: DirectoryNames) -> Match:
    """Match these entries of there with entries of here. Whatever is not certain is missing."""
    found: dict[int, DirectoryEntry] = {}
    missing = []
    for number in ids:
        twin = _twin_of(number, there, here)
        if isinstance(twin, Missing):
            missing.append(twin)
        else:
            found[twin.id] = twin
    return Match(tuple(found.values()), tuple(missing))


def _twin_of(number: JSON, there: DirectoryNames, here: DirectoryNames) -> DirectoryEntry | Missing:
    entry = there.by_id.get(number) if type(number) is int else None
    if entry is None or not fold(entry.name):
        return Missing(unknown(number), NO_NAME_THERE)
    if twins := here.with_email(entry.email):
        return twins[0] if len(twins) == 1 else Missing(entry.name, MANY_HERE)
    # Two email addresses are two people, even with the same name.
    twins = [one for one in here.named(entry.name) if not (entry.email and one.email)]
    if not twins:
        return Missing(entry.name, NO_MATCH)
    if len(twins) > 1:
        return Missing(entry.name, MANY_HERE)
    namesakes = {one.id for one in there.named(entry.name)} | {entry.id}
    return twins[0] if len(namesakes) == 1 else Missing(entry.name, MANY_THERE)


@dataclass(frozen=True)
class CopyCandidate:
    """One setting that differs.

    wanted: its value for here; None, with a refusal, if there is none that could be copied. gone:
    entries of `wanted` that are no longer in Lofty.
    """

    setting: Setting
    theirs: JSON
    now: JSON
    wanted: JSON = None
    missing: tuple[Missing, ...] = ()
    gone: tuple[DirectoryEntry, ...] = ()
    refusal: str = ""

    @property
    def name(self) -> str:
        return self.setting.name


Books = Mapping[EntryKind, tuple[DirectoryNames, DirectoryNames]]  # of there and of here


def offers(theirs: Values, now: Values, books: Books) -> tuple[CopyCandidate, ...]:
    """Return what could be copied, and what differs but cannot, in the order of the page.

    Leaves out the settings that are specific to each customer.
    """
    made = (_offer(s, theirs.get(s.name), now.get(s.name), books) for s in SETTINGS if not s.own)
    return tuple(offer for offer in made if _differs(offer))


def own_settings(theirs: Values, now: Values) -> tuple[CopyCandidate, ...]:
    """Return the settings that are never copied, where they differ."""
    return tuple(
        CopyCandidate(s, theirs.get(s.name), now.get(s.name), refusal=s.own)
        for s in SETTINGS
        if s.own and not same(s.name, theirs.get(s.name), now.get(s.name))
    )


def _differs(offer: CopyCandidate) -> bool:
    if offer.missing:
        return True
    value = offer.theirs if offer.refusal else offer.wanted
    return not _alike(offer.name, value, offer.now)


def _alike(name: str, one: JSON, other: JSON) -> bool:
    return same(name, one, other) or (reaches_all(name, one) and reaches_all(name, other))


def _offer(setting: Setting, theirs: JSON, now: JSON, books: Books) -> CopyCandidate:
    if theirs is None:
        return CopyCandidate(setting, theirs, now, refusal=_("Not set there."))
    if not IS_TYPE[TYPES[setting.name]](theirs):
        return CopyCandidate(
            setting, theirs, now, refusal=_("The value there can't be read by this console.")
        )
    if setting.is_list and isinstance(theirs, list):
        return _list_offer(setting, theirs, now, books)
    return CopyCandidate(setting, theirs, now, theirs)


def _list_offer(setting: Setting, theirs: list[JSON], now: JSON, books: Books) -> CopyCandidate:
    """Return the candidate for a list.

    An empty list may mean everyone, so it is only copied from a list that is empty there, or all.
    """
    if means_all(setting.name, theirs):
        return CopyCandidate(setting, theirs, now, [-1] if setting.is_access_list else [])
    found = _match_list(setting, theirs, books)
    wanted: list[JSON] = [entry.id for entry in found.found]
    gone = tuple(entry for entry in found.found if entry.gone)
    if theirs and not wanted:
        refusal = _("No entry has a match here, and an empty list would mean “%(meaning)s”.") % {
            "meaning": setting.none_label if setting.is_access_list else setting.all_label
        }
        return CopyCandidate(setting, theirs, now, missing=found.missing, refusal=refusal)
    if found.missing and _alike(setting.name, wanted, now):
        refusal = _("All entries with a match are already set here.")
        return CopyCandidate(setting, theirs, now, missing=found.missing, refusal=refusal)
    return CopyCandidate(setting, theirs, now, wanted, found.missing, gone)


def _match_list(setting: Setting, theirs: list[JSON], books: Books) -> Match:
    if setting.entries is not None:
        return match(theirs, *books.get(setting.entries, (DirectoryNames(), DirectoryNames())))
    # Days and lead types are the same for all tenants, as far as Lofty documents them.
    labels = {str(key): label for key, label in (setting.choices or {}).items()}
    items = list(dict.fromkeys(map(str, theirs)))
    found = [DirectoryEntry(int(key), label) for key, label in labels.items() if key in items]
    strange = [Missing(unknown(i), NO_NAME_THERE) for i in items if i not in labels]
    return Match(tuple(found), tuple(strange))
