"""Compare two tenants' settings, read live, and find what can be copied."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext, gettext_noop

from lofty_admin.agentsettings.changes import Change, Values
from lofty_admin.agentsettings.display.naming import NameTable, name_table, words
from lofty_admin.agentsettings.fields import SETTINGS, Setting
from lofty_admin.agentsettings.name_resolution import (
    Books,
    CopyCandidate,
    DirectoryEntry,
    DirectoryNames,
    offers,
    own_settings,
)
from lofty_admin.agentsettings.plans import Plan, Snapshot
from lofty_admin.agentsettings.snapshots import read_live
from lofty_admin.core.visible import visible
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.lofty.errors import LoftyError
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import means_all
from lofty_admin.tenants.credentials.api_client import ConnectionUnavailable
from lofty_admin.tenants.models import Tenant

EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class ReadFailed(Exception):
    """The settings of one of the two could not be read; nothing was sent. `of`: whose."""

    def __init__(self, of: Tenant, error: LoftyError | ConnectionUnavailable) -> None:
        super().__init__(str(error))
        self.of, self.error = of, error

    @property
    def advice(self) -> str:
        without = gettext_noop("A manager can add one on its Connection page.")
        return str(getattr(self.error, "advice", without))


@dataclass(frozen=True)
class Line:
    """A CopyCandidate in words: the value there, the value here, and the one after copying."""

    offer: CopyCandidate
    theirs: str
    now: str
    wanted: str
    theirs_count: int
    now_count: int
    wanted_count: int

    @property
    def missing(self) -> list[str]:
        return [f"{visible(one.name)}: {gettext(one.why)}" for one in self.offer.missing]

    @property
    def gone(self) -> list[str]:
        return [visible(one.name) for one in self.offer.gone]


@dataclass(frozen=True)
class Comparison:
    """Two tenants' settings: `there` and `here` as they were just read."""

    there: Tenant
    here: Tenant
    theirs: Values
    snapshot: Snapshot

    @cached_property
    def offers(self) -> tuple[CopyCandidate, ...]:
        now = self.snapshot.settings.raw
        return offers(self.theirs, now, _books(self.there, self.here, self.theirs))

    @cached_property
    def plan(self) -> Plan:
        """Return a plan of everything that can be copied; a user ticks what goes to the review."""
        wanted = {offer.name: offer.wanted for offer in self.offers if not offer.refusal}
        return Plan.new(self.snapshot, {**self.snapshot.settings.raw, **wanted})

    @property
    def lines(self) -> list[Line]:
        return list(self._lines(self.offers))

    @property
    def own_lines(self) -> list[Line]:
        return list(self._lines(own_settings(self.theirs, self.snapshot.settings.raw)))

    def _lines(self, made: Iterable[CopyCandidate]) -> Iterator[Line]:
        made = list(made)
        there = name_table(self.there, [Change(o.setting, o.theirs, None) for o in made])
        here = name_table(self.here, [Change(o.setting, o.now, o.wanted) for o in made])
        return (_line(offer, there, here) for offer in made)


def compare(there: Tenant, here: Tenant) -> Comparison:
    """Read both settings with one GET each. Raises ReadFailed; nothing is sent in any case."""
    snapshot = _read(here)
    return Comparison(there, here, _read(there).settings.raw, snapshot)


def _read(tenant: Tenant) -> Snapshot:
    try:
        return read_live(tenant)
    except (LoftyError, ConnectionUnavailable) as error:
        raise ReadFailed(tenant, error) from None


def _books(there: Tenant, here: Tenant, theirs: Values) -> Books:
    """Return both directories, of the kinds whose entries occur in a list of theirs."""
    kinds = {
        setting.entries
        for setting in SETTINGS
        if setting.entries is not None and _is_picked(setting, theirs.get(setting.name))
    }
    return {kind: (_book(there, kind), _book(here, kind)) for kind in kinds}


def _is_picked(setting: Setting, value: JSON) -> bool:
    return isinstance(value, list) and bool(value) and not means_all(setting.name, value)


def _book(tenant: Tenant, kind: EntryKind) -> DirectoryNames:
    rows = Entry.objects.filter(tenant=tenant, kind=kind).values_list(
        "lofty_id", "name", "detail", "gone_since"
    )
    return DirectoryNames(
        DirectoryEntry(
            number, name, _email(name, detail) if kind == EntryKind.AGENT else "", bool(gone)
        )
        for number, name, detail, gone in rows.iterator()
    )


def _email(name: str, detail: str) -> str:
    """Return an agent's email as a sync stores it: first in the detail, or in place of the name."""
    first = detail.split(" · ")[0]
    return next((text for text in (first, name) if EMAIL.fullmatch(text)), "")


def _line(offer: CopyCandidate, there: NameTable, here: NameTable) -> Line:
    setting = offer.setting
    return Line(
        offer,
        theirs=words(setting, offer.theirs, there),
        now=words(setting, offer.now, here),
        wanted="" if offer.refusal else words(setting, offer.wanted, here),
        theirs_count=_count(setting, offer.theirs),
        now_count=_count(setting, offer.now),
        wanted_count=_count(setting, offer.wanted),
    )


def _count(setting: Setting, value: JSON) -> int:
    return len(value) if isinstance(value, list) and _is_picked(setting, value) else 0
