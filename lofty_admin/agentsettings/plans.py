"""The snapshot a form was built from, and a plan: what to change against that snapshot.

A snapshot travels with its form, signed and bound to its tenant, so that the browser can neither
alter it nor move it to another tenant. It never expires: Lofty is read again before anything is
sent. A reviewed plan is stored as a draft (drafts.py); only the offer of a comparison with another
tenant travels signed, and no save accepts that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.core import signing
from django.utils.translation import gettext as _

from lofty_admin.agentsettings.changes import Change, diff
from lofty_admin.agentsettings.widening import Widening, widenings
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.models import Tenant


class Tampered(Exception):
    """A snapshot or offer that this console did not sign for this tenant."""


@dataclass(frozen=True)
class Snapshot:
    """The settings as Lofty had them at `read_at` (UTC)."""

    settings: Settings
    read_at: datetime

    def signed(self, tenant: Tenant) -> str:
        return _sign(tenant, "snapshot", self._as_json())

    @classmethod
    def opened(cls, tenant: Tenant, signed: str) -> "Snapshot":
        """Return the signed snapshot. Raises Tampered."""
        return cls._from_json(_open(tenant, "snapshot", signed))

    def _as_json(self) -> dict[str, JSON]:
        return {"raw": self.settings.raw, "read_at": self.read_at.isoformat()}

    @classmethod
    def _from_json(cls, data: Mapping[str, JSON]) -> "Snapshot":
        return cls(Settings.parse(data["raw"]), datetime.fromisoformat(str(data["read_at"])))


@dataclass(frozen=True)
class Plan:
    """What a user wants to change, against the snapshot they saw. One operation id, one save.

    wanted maps the name of each changed setting to its new value.
    """

    operation_id: UUID
    snapshot: Snapshot
    wanted: Mapping[str, JSON]

    @classmethod
    def new(cls, snapshot: Snapshot, after: Mapping[str, JSON]) -> "Plan":
        """Return the plan that leads from the snapshot to `after`."""
        changes = diff(snapshot.settings.raw, after)
        return cls(uuid4(), snapshot, {change.name: change.after for change in changes})

    @property
    def changes(self) -> tuple[Change, ...]:
        return diff(self.snapshot.settings.raw, self.after)

    @property
    def after(self) -> dict[str, JSON]:
        """Return all settings as they would be."""
        return {**self.snapshot.settings.raw, **self.wanted}

    @property
    def widening(self) -> tuple[Widening, ...]:
        return widenings(self.snapshot.settings.raw, self.after)

    def signed_as_offer(self, tenant: Tenant) -> str:
        """Return the plan signed as an offer, for the form of a comparison with another tenant."""
        data: dict[str, JSON] = {"snapshot": self.snapshot._as_json(), "wanted": self.wanted}
        return _sign(tenant, "offer", data)

    @classmethod
    def opened_offer(cls, tenant: Tenant, signed: str) -> "Plan":
        """Return the signed offer. Raises Tampered."""
        data = _open(tenant, "offer", signed)
        return cls(uuid4(), Snapshot._from_json(data["snapshot"]), dict(data["wanted"]))


def _salt(tenant: Tenant, what: str) -> str:
    return f"agentsettings.{what}:{tenant.id}"


def _sign(tenant: Tenant, what: str, data: Mapping[str, JSON]) -> str:
    return signing.dumps(data, salt=_salt(tenant, what), compress=True)


def _open(tenant: Tenant, what: str, signed: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = signing.loads(signed, salt=_salt(tenant, what))
    except signing.BadSignature:
        raise Tampered(
            _("This form wasn't created by this console for this tenant, or it arrived incomplete.")
        ) from None
    return data
