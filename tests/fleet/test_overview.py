"""The top of the home page: what it counts, for whom, and what it links to."""

import re
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import State
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.core.timezones import zone_named
from lofty_admin.fleet.changes import DAYS, LISTED, OUTCOMES, changes
from lofty_admin.tenants.models import Tenant
from tests.support.fleet import SUBJECT, change, listed, read, saved
from tests.support.users import Browsers, signed_in


def overview(client: Client, query: str = "") -> str:
    """The text above the search, with what the pictures are called."""
    html = client.get(reverse("fleet:home") + query).content.decode()
    top = html.partition('aria-label="Overview"')[2].partition('role="search"')[0]
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", top)))


@pytest.fixture
def busy(acme: Tenant, globex: Tenant) -> None:
    """Acme: two changes today, one a week ago. Globex: three today, by three people."""
    saved(acme)
    saved(acme, Outcome.UNKNOWN, by="Emil Editor")
    saved(acme, Outcome.REJECTED, days_ago=7)
    for name in ("Gus Globex", "Gus Globex", "Gerda Globex", "Gil Globex"):
        saved(globex, by=name)
    saved(globex, None, kind=Kind.SETTINGS_SEEN_CHANGED)
    read(globex, textChannel=False, websiteChannel=False)
    by_gus = {"actor_id": "of Gus Globex", "actor_name": "Gus Globex"}
    change(globex, minutes_ago=0, state=State.UNKNOWN, settled_at=None, **by_gus)


def test_overview__member__counts_of_own_tenants_only(browsers: Browsers, busy: None) -> None:
    for client in (browsers.owner, browsers.viewer):
        text = overview(client)
        assert "2 changes by Emil Editor and Olivia Owner" in text
        assert "3 in 14 days" in text
        assert "Verified: 1, Not sent: 0, Rejected: 1, Not applied: 0, Unknown: 1" in text
        assert "Globex" not in text
        assert "made directly in Lofty" not in text
        assert "Nothing to resolve" in text
        assert "1 tenant settings not read yet" in text
    text = overview(browsers.outsider)
    assert "5 changes by Gus Globex, Gerda Globex and 1 other" in text
    assert "1 made directly in Lofty" in text
    assert "1 change to resolve" in text
    assert "1 with all channels off" in text
    assert "Acme" not in text
    assert "All read" in text


def test_overview__superuser__everything_and_each_link_finds_it(
    superuser: User, acme: Tenant, busy: None
) -> None:
    client = signed_in(superuser)
    text = overview(client)
    assert "7 changes by" in text
    assert "8 in 14 days" in text
    assert listed(superuser, "?change=unknown") == ["Globex Homes"]
    assert listed(superuser, "?channel=none") == ["Globex Homes"]
    assert listed(superuser, "?channel=unread") == ["Acme Realty"]
    html = client.get("/").content.decode()
    links = {unescape(link) for link in re.findall(r'href="(/audit/\?[^"]*)"', html)}
    assert len(links) == DAYS + 5  # each day, what was seen, all of today, three outcomes
    for link in links:
        assert client.get(link).status_code == 200
        assert "no event that you may see" not in client.get(link).content.decode()


def test_overview__changed_today__user_tenant_settings_outcome_and_link(
    superuser: User, acme: Tenant
) -> None:
    events = [saved(acme, by=f"Person {n}") for n in range(LISTED + 1)]
    html = signed_in(superuser).get("/").content.decode()
    listed_today = html.partition('id="changed-today"')[2].partition("</section>")[0]
    for text in ("Person 5", "Acme Realty", SUBJECT, "Verified"):
        assert text in listed_today
    assert reverse("history:event_anywhere", args=[events[-1].pk]) in listed_today
    assert "Person 0" not in listed_today


def test_overview__unknown_first__listed_once_with_its_last_outcome(
    superuser: User, acme: Tenant
) -> None:
    for n in range(LISTED):
        unknown = saved(acme, Outcome.UNKNOWN, by=f"Person {n}")
        record(
            Kind.SETTINGS_OUTCOME,
            tenant=acme.ref,
            outcome=Outcome.VERIFIED,
            subject=SUBJECT,
            operation_id=unknown.operation_id,
            before={},
            after={},
        )
    html = signed_in(superuser).get("/").content.decode()
    listed_today = html.partition('id="changed-today"')[2].partition("</section>")[0]
    assert listed_today.count("Verified") == LISTED
    assert "Unknown" not in listed_today


def test_overview__changed_without_a_known_user__says_so(browsers: Browsers, acme: Tenant) -> None:
    saved(acme, by="")
    assert "1 change by Not signed in" in overview(browsers.owner)


def test_overview__nothing_changed__a_sentence_instead_of_plots(browsers: Browsers) -> None:
    html = browsers.owner.get("/").content.decode()
    assert "No changes in the last 14 days" in html
    assert "<figure" not in html
    assert 'id="changed-today"' not in html


def test_overview__changes_only_before_today__plots_and_none_today(
    browsers: Browsers, acme: Tenant
) -> None:
    saved(acme, days_ago=3)
    saved(acme, days_ago=DAYS + 1)
    text = overview(browsers.owner)
    assert "No settings were changed today" in text
    assert "No changes yet" in text
    assert "1 in 14 days" in text


def test_overview__list_alone__is_asked_for_without_it(browsers: Browsers, busy: None) -> None:
    answer = browsers.owner.get("/", headers={"HX-Target": "found"})
    assert b"14 days" not in answer.content


@pytest.mark.parametrize(
    "zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "localtime", "no/zone"]
)
def test_overview__any_zone_a_browser_names__days_of_it(
    browsers: Browsers, acme: Tenant, zone: str
) -> None:
    saved(acme)
    browsers.owner.cookies["zone"] = zone
    text = overview(browsers.owner)
    assert "1 change by Olivia Owner" in text
    assert f"Days in {zone if zone_named(zone) else 'UTC'}" in text


def test_changes__every_outcome_of_a_save__has_its_place(superuser: User, acme: Tenant) -> None:
    for outcome in OUTCOMES:
        saved(acme, outcome)
    summary = changes(None, timezone.get_default_timezone())
    assert summary.totals == [1] * len(OUTCOMES)
    assert summary.today.words == ", ".join(f"1 {one.label.lower()}" for one in OUTCOMES)
    assert {*Outcome} - {*OUTCOMES} == {Outcome.DONE, Outcome.REFUSED}


def test_overview__hostile_names__shown_as_text(superuser: User, acme: Tenant) -> None:
    saved(acme, by="<img src=x onerror=alert(1)>")
    assert "<img" not in signed_in(superuser).get("/").content.decode()
