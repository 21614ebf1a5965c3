"""Snapshots and offers that travel through the browser are signed and bound to their tenant."""

from datetime import UTC, datetime

import pytest
from hypothesis import given

from lofty_admin.agentsettings.plans import Plan, Snapshot, Tampered
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.lofty.schema import Settings
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.setting_values import any_values

ACME, GLOBEX = Tenant(slug="acme"), Tenant(slug="globex")
READ_AT = datetime(2026, 11, 1, 12, tzinfo=UTC)


def plan(raw: dict[str, JSON], after: dict[str, JSON]) -> Plan:
    return Plan.new(Snapshot(Settings.parse(raw), READ_AT), after)


@given(any_values(), any_values())
def test_offer__signed_and_opened__is_the_same(a: dict[str, JSON], b: dict[str, JSON]) -> None:
    made = plan(a, b)
    opened = Plan.opened_offer(ACME, made.signed_as_offer(ACME))
    assert opened.wanted == made.wanted
    assert opened.snapshot.settings.raw == a
    assert opened.snapshot.read_at == READ_AT


@pytest.mark.parametrize("text", ["\x00", "\ud800", "1e400", "9" * 5000, "😀"])
def test_snapshot__with_unusual_text__comes_back_exactly(text: str) -> None:
    snapshot = Snapshot(Settings.parse({**EXAMPLE, "assistantName": text}), READ_AT)
    assert Snapshot.opened(ACME, snapshot.signed(ACME)).settings.get("assistantName") == text


def test_snapshot__of_another_tenant__is_refused() -> None:
    signed = Snapshot(Settings.parse(EXAMPLE), READ_AT).signed(ACME)
    with pytest.raises(Tampered):
        Snapshot.opened(GLOBEX, signed)


@pytest.mark.parametrize(
    "alter", [lambda s: s[:-1], lambda s: "x" + s, lambda s: "", lambda s: s[5:]]
)
def test_offer__altered_or_cut__is_refused(alter: object) -> None:
    signed = plan(EXAMPLE, {**EXAMPLE, "assistantName": "Bella"}).signed_as_offer(ACME)
    with pytest.raises(Tampered):
        Plan.opened_offer(ACME, alter(signed))  # type: ignore[operator]


def test_offer__a_snapshot_in_its_place__is_refused() -> None:
    with pytest.raises(Tampered):
        Plan.opened_offer(ACME, Snapshot(Settings.parse(EXAMPLE), READ_AT).signed(ACME))


def test_offer__of_a_very_large_tenant__fits_the_upload_limit() -> None:
    ids = [844510972070000 + i for i in range(5000)]
    large = {**EXAMPLE, "agentIds": ids, "leadPondIds": ids}
    assert len(plan(large, {**large, "agentIds": ids[1:]}).signed_as_offer(ACME)) < 400_000
