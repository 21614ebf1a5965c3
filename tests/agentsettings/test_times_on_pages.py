"""Times on pages are in the reader's time zone, with UTC as a tooltip."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from lofty_admin.core.timezones import COOKIE
from lofty_admin.directory.models import Profile
from lofty_admin.tenants.models import Tenant
from tests.support.directory import synced
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_pages import review, save
from tests.support.users import Browsers

ROOT = Path(__file__).resolve().parents[2]
TAG = ROOT / "templates" / "components" / "time.html"  # what the tag itself renders
TEMPLATES = sorted(set((ROOT / "templates").rglob("*.html")) - {TAG})
# A calendar day of the reader is no time: since, until, and the days of the plots.
CALENDAR_DAY = re.compile(r"(?:\b(?:since|until|first|last)|\.date)\|date:")
NAKED = re.compile(
    r"\|(?:date|time)\b|naturaltime|naturalday|timesince|timeuntil|{% now\b|{% localtime|<time\b"
    r"|}} UTC|\)s UTC"
)
# Where Python writes times: the tag itself, hours of a day, a mail, and records in English.
NAKED_IN_PYTHON = re.compile(
    r"naturaltime|naturalday|date_format|time_format|strftime|:%H|timesince"
)
ALLOWED = {
    "core/templatetags/when.py": "the tag",
    "agentsettings/fields.py": "an hour of the day, no moment",
    "accounts/invitations.py": "a mail: it has no reader's zone and says UTC",
    "accounts/models.py": "for developers",
    "audit/log/refusal_limit.py": "a recorded sentence",
    "directory/management/commands/sync_directory.py": "a command, which says UTC",
    "directory/sync.py": "a stored sentence that says UTC",
    "lofty/errors.py": "a sentence that is stored, and says UTC",
    "tenants/management/commands/check_tokens.py": "a command, which says UTC",
}


def naked_times(text: str) -> list[str]:
    return NAKED.findall(CALENDAR_DAY.sub("", text))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_template__a_time__is_written_by_the_one_tag(path: Path) -> None:
    assert naked_times(path.read_text()) == []


def test_guard__a_time_without_the_tag__is_seen() -> None:
    for text in (
        "{{ x.at|date:'H:i' }}",
        "{{ at|naturaltime }}",
        '<time datetime="">',
        "{{ t }} UTC",
    ):
        assert naked_times(text)
    assert not naked_times("{{ x.at|moment }} {{ since|date:'Y-m-d' }} {{ day.date|date:'j M' }}")


def test_python__a_time_in_words__is_written_by_the_one_tag() -> None:
    package = ROOT / "lofty_admin"
    modules = [path for path in package.rglob("*.py") if "sandbox" not in path.parts]
    found = {
        str(path.relative_to(package))
        for path in modules
        if NAKED_IN_PYTHON.search(path.read_text())
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize("name", ["when", "moment", "day", "how_long"])
def test_filter__any_time__is_in_the_readers_zone_with_utc_as_its_title(name: str) -> None:
    at = datetime(2026, 3, 3, 20, 30, 5, tzinfo=UTC)
    template = Template(f"{{% load when %}}{{{{ at|{name} }}}}")
    with timezone.override("Asia/Kolkata"):
        shown = template.render(Context({"at": at}))
        assert template.render(Context({"at": None})) == "?"
    assert 'title="4 Mar 2026, 02:00:05 IST · 2026-03-03 20:30:05 UTC"' in shown
    if name in ("moment", "day"):
        assert ">4 Mar 2026" in shown


PAGES: dict[str, str] = {
    "settings": "/t/acme/settings/",
    "names": "/t/acme/names/",
    "connection": "/t/acme/connection/",
    "history": "/t/acme/history/",
    "receipt": "/t/acme/receipt/",
    "home": "/",
}
CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")


@pytest.fixture
def kolkata(browsers: Browsers, acme: Tenant, lofty: PracticeCustomer) -> Client:
    """The owner in a zone of half hours, who has saved; the tenant's own zone is another."""
    synced(acme)
    Profile.objects.filter(tenant=acme).update(me={"time_zone": "America/Los_Angeles"})
    save(browsers.owner, review(browsers.owner, assistantName=["Bella"]))
    browsers.owner.cookies[COOKIE] = "Asia/Kolkata"
    return browsers.owner


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", PAGES)
def test_page__its_times__are_the_readers_and_all_in_the_tag(kolkata: Client, name: str) -> None:
    page = kolkata.get(PAGES[name]).content.decode()
    titles = re.findall(r'<time datetime="[^"]*" title="([^"]*)">', page)
    assert titles
    assert all(re.search(r" IST · [\d-]+ [\d:]+ UTC$", title) for title in titles)
    rest = re.sub(r"<(time|script|style)\b.*?</\1>", "", page, flags=re.DOTALL)
    assert not CLOCK.findall(re.sub(r"<[^>]+>", " ", rest))


@pytest.mark.django_db(transaction=True)
def test_receipt__its_days__are_the_readers(kolkata: Client) -> None:
    page = kolkata.get(PAGES["receipt"]).content.decode()
    assert "All times: Asia/Kolkata" in page
    assert "America/Los_Angeles" not in page
    today = (datetime.now(UTC) + timedelta(hours=5, minutes=30)).date()
    assert f'value="{today.isoformat()}"' in page


@pytest.mark.django_db(transaction=True)
def test_settings__the_active_hours__are_the_tenants(kolkata: Client) -> None:
    assert "America/Los_Angeles" in kolkata.get(PAGES["settings"]).content.decode()
