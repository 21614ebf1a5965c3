"""Validate the lines of a list against each other and against the existing tenants."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext_noop

from lofty_admin.audit.log.secrets import secret_fingerprint
from lofty_admin.core.text import fold
from lofty_admin.fleet.import_csv import Line
from lofty_admin.tenants.models import Connection, Group, Tenant

NO_SUCH_GROUP = gettext_noop("No group has this name, or more than one does.")


def compared(lines: Sequence[Line]) -> list[Line]:
    """Return the lines with more problems and notes, and short names for groups; six queries."""
    prints = [secret_fingerprint(line.token) if line.token else "" for line in lines]
    in_use = Connection.objects.filter(retired_at=None, fingerprint__in=set(prints))
    known = _Known(
        slugs=set(Tenant.objects.values_list("slug", flat=True)),
        names=set(Tenant.objects.values_list("folded", flat=True)),
        prints=set(in_use.values_list("fingerprint", flat=True)),
        groups=_group_table(),
        slugs_here=Counter(line.slug for line in lines if line.slug),
        names_here=Counter(fold(line.name) for line in lines if line.name),
        prints_here=Counter(mark for mark in prints if mark),
    )
    return [known.validate(line, mark) for line, mark in zip(lines, prints, strict=True)]


def _group_table() -> dict[str, str]:
    """Return the groups' short names by short name and, where it is unique, by folded name."""
    groups = list(Group.objects.all())
    names = Counter(group.folded for group in groups)
    table = {group.folded: group.slug for group in groups if names[group.folded] == 1}
    return {**table, **{group.slug: group.slug for group in groups}}


@dataclass(frozen=True)
class _Known:
    """What exists already: in the console, and (`..._here`) in the list itself."""

    slugs: set[str]
    names: set[str]
    prints: set[str]
    groups: Mapping[str, str]
    slugs_here: Counter[str]
    names_here: Counter[str]
    prints_here: Counter[str]

    def validate(self, line: Line, fingerprint: str) -> Line:
        found = [self.groups.get(fold(group)) for group in line.groups]
        return replace(
            line,
            groups=tuple(group for group in found if group) if all(found) else line.groups,
            problems=(*line.problems, *self._problems(line, fingerprint)),
            notes=tuple(self._notes(line)),
        )

    def _problems(self, line: Line, fingerprint: str) -> Iterator[str]:
        if line.slug in self.slugs:
            yield gettext_noop("Another tenant has this short name.")
        if self.slugs_here[line.slug] > 1:
            yield gettext_noop("Another row has the same short name.")
        if fingerprint in self.prints:
            yield gettext_noop("Another tenant uses this token.")
        if self.prints_here[fingerprint] > 1:
            yield gettext_noop("Another row has the same token.")
        missing = [group for group in line.groups if fold(group) not in self.groups]
        if missing:
            yield f"{NO_SUCH_GROUP} {', '.join(missing)}."

    def _notes(self, line: Line) -> Iterator[str]:
        name = fold(line.name)
        if name in self.names:
            yield gettext_noop("Another tenant has this name.")
        if self.names_here[name] > 1:
            yield gettext_noop("Another row has the same name.")
