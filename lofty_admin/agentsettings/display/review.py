"""The contents of a plan's review: what reaches further, what else changes, and warnings."""

from collections.abc import Mapping
from typing import Any

from lofty_admin.agentsettings.cautions import (
    Known,
    existing_warnings,
    foreign_words,
    new_warnings,
)
from lofty_admin.agentsettings.changes import Values
from lofty_admin.agentsettings.display.rows import rows_of, widening_rows
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.agentsettings.plans import Plan
from lofty_admin.core.visible import visible
from lofty_admin.directory.id_families import foreign_ids
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import Name, names_by_kind, time_zone
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants.models import Tenant

PICKED = {setting.entries: setting for setting in SETTINGS if setting.entries is not None}


def review_context(tenant: Tenant, plan: Plan) -> dict[str, Any]:
    """Return what templates/agentsettings/review.html shows of the changes."""
    widening, changes = plan.widening, plan.changes
    confirmed = {change.name for one in widening for change in one.changes}
    before, after = plan.snapshot.settings.raw, plan.after
    known = known_of(tenant, before, after) if changes else Known()
    return {
        "widening": widening_rows(tenant, widening),
        "rows": rows_of(tenant, [change for change in changes if change.name not in confirmed]),
        "cautions": new_warnings(before, after, known) if changes else (),
        "existing": existing_warnings(before, after, known) if changes else (),
    }


def known_of(tenant: Tenant, before: Values, after: Values) -> Known:
    """Return what the directory knows of the ids in these settings, and the tenant's zone."""
    ids = {kind: [*_ids(before, kind), *_ids(after, kind)] for kind in PICKED}
    names = names_by_kind(tenant, ids)
    foreign = foreign_ids(tenant, {kind: _ids(before, kind) for kind in PICKED})
    return Known(
        zone=time_zone(tenant),
        gone={PICKED[kind].name: _gone(found) for kind, found in names.items()},
        foreign={PICKED[kind].name: foreign_words(PICKED[kind], f) for kind, f in foreign.items()},
        listed={
            PICKED[kind].name: frozenset(i for i, name in names[kind].items() if name.known)
            for kind in foreign
        },
    )


def _gone(found: Mapping[int, Name]) -> dict[int, str]:
    return {i: visible(name.name) for i, name in found.items() if name.gone_since is not None}


def _ids(values: Values, kind: EntryKind) -> list[int]:
    value: JSON = values.get(PICKED[kind].name)
    return [i for i in value if type(i) is int] if isinstance(value, list) else []
