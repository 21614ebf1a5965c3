"""Comparing the settings at two points in time."""

import datetime as dt

import pytest

from lofty_admin.agentsettings.models import SettingsSnapshot
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditIndex
from lofty_admin.history.versions import version_at
from lofty_admin.tenants.models import Tenant
from tests.support.documented_settings import EXAMPLE
from tests.support.pages import text_of
from tests.support.users import Browsers

pytestmark = pytest.mark.django_db
URL = "/t/acme/history/compare/"


def on(day: int, hour: int = 12) -> dt.datetime:
    return dt.datetime(2026, 3, day, hour, tzinfo=dt.UTC)


def change(tenant: Tenant, day: int, before: str, after: str | None) -> AuditEvent:
    """A save of that day: the assistant's name, as it was and as it was read back."""
    event = record(
        Kind.SETTINGS_OUTCOME,
        tenant=tenant.ref,
        outcome=Outcome.VERIFIED if after else Outcome.UNKNOWN,
        before={**EXAMPLE, "assistantName": before},
        after={**EXAMPLE, "assistantName": after} if after else None,
        detail={"changed": ["assistantName"], "wanted": {"assistantName": after or "?"}},
    )
    AuditIndex.objects.filter(seq=event.seq).update(at=on(day))
    return event


def name_at(tenant: Tenant, day: int, hour: int = 12) -> tuple[object, str, bool] | None:
    version = version_at(tenant, on(day, hour))
    return (version.values["assistantName"], version.side, version.moved) if version else None


def test_version_at__between_changes__the_newest_reading_up_to_then(acme: Tenant) -> None:
    change(acme, 3, "Anna", "Bella")
    change(acme, 7, "Carla", "Dora")
    assert name_at(acme, 2) == ("Anna", "before", False)
    assert name_at(acme, 3) == ("Bella", "after", True)
    assert name_at(acme, 5) == ("Bella", "after", True)
    assert name_at(acme, 7, 11) == ("Bella", "after", True)
    assert name_at(acme, 9) == ("Dora", "after", False)


def test_version_at__outcome_unknown__what_was_there_before_it(acme: Tenant) -> None:
    change(acme, 3, "Anna", None)
    assert name_at(acme, 4) == ("Anna", "before", False)


def test_version_at__another_tenants_events__do_not_count(acme: Tenant, globex: Tenant) -> None:
    change(globex, 3, "Anna", "Bella")
    assert name_at(acme, 4) is None


def test_compare__two_days__the_settings_that_differ(browsers: Browsers, acme: Tenant) -> None:
    change(acme, 3, "Anna", "Bella")
    change(acme, 7, "Bella", "Dora")
    text = text_of(browsers.viewer.get(f"{URL}?day=2026-03-04&other=2026-03-08"))
    assert "1 setting differs" in text
    assert "Assistant's name Bella Dora" in text
    assert "Go back" not in text
    text = text_of(browsers.owner.get(f"{URL}?day=2026-03-04&other=2026-03-05"))
    assert "No differences" in text
    assert "Restore these settings" in text
    assert "found no differences" in text


def test_compare__with_now__what_was_read_last(browsers: Browsers, acme: Tenant) -> None:
    event = change(acme, 3, "Anna", "Bella")
    SettingsSnapshot.objects.create(
        tenant=acme, raw={**EXAMPLE, "assistantName": "Eve"}, read_at=on(9)
    )
    for query in ("day=2026-03-04", f"event={event.pk}"):
        text = text_of(browsers.owner.get(f"{URL}?{query}"))
        assert "Assistant's name Bella Eve" in text, query
    text = text_of(browsers.owner.get(f"{URL}?event={event.pk}&side=before"))
    assert "Assistant's name Anna Eve" in text


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("day=2026-03-04", "No settings recorded for that date"),
        ("day=x", "Enter a valid date."),
        ("event=x", "Enter a valid UUID."),
        ("event=11111111-1111-4111-8111-111111111111", "No settings recorded for that date"),
        ("day=2026-03-04&side=evil", "Select a valid choice."),
        ("", "Compare dates"),
        ("day=9999-12-31", "Choose a date from 2000 to 2100."),
        ("day=0001-01-01", "Choose a date from 2000 to 2100."),
    ],
)
def test_compare__nothing_known_or_bad_input__says_so(
    browsers: Browsers, query: str, words: str
) -> None:
    page = browsers.owner.get(f"{URL}?{query}")
    assert page.status_code == 200
    assert words in text_of(page)


def test_compare__event_of_another_tenant__is_not_shown(
    browsers: Browsers, acme: Tenant, globex: Tenant
) -> None:
    event = change(globex, 3, "Anna", "Secret name")
    page = browsers.owner.get(f"{URL}?event={event.pk}")
    assert "Secret name" not in text_of(page)
    assert browsers.outsider.get(URL).status_code == 404
