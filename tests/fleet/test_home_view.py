"""The home page: which tenants it lists, for whom, in which order, and with how many queries."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection as database
from django.db.migrations.loader import MigrationLoader
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings.models import Operation, SettingsSnapshot, State
from lofty_admin.agentsettings.snapshots import summary_fields
from lofty_admin.directory.models import Profile
from lofty_admin.fleet.connection_status import MEANING, ConnectionSummary
from lofty_admin.fleet.forms import SORT_LABELS
from lofty_admin.fleet.tenant_list import SORTS
from lofty_admin.fleet.views import PAGE_LENGTH
from lofty_admin.lofty.client import Scheme
from lofty_admin.lofty.json_strict import JSON
from lofty_admin.tenants import services
from lofty_admin.tenants.credentials import token_store, token_verification
from lofty_admin.tenants.groups import add_group
from lofty_admin.tenants.models import Connection, ConnectionHealth, Group, Tenant
from tests.support.fleet import change, home, listed, read
from tests.support.users import signed_in

COPIED = (
    "agent_name",
    "text_channel",
    "email_channel",
    "website_channel",
    "start_hour",
    "end_hour",
)


@pytest.fixture
def fleet(superuser: User, globex: Tenant, connection: Connection) -> None:
    """Acme works; Globex has no token; Hooli's was never used, and it is archived."""
    services.change_tenant(globex, name="Globex Homes", note="A VIP", manual_only=True)
    unchecked = token_verification.unchecked_token(Scheme.OAUTH, "some-token")
    hooli = services.add_tenant(slug="hooli", name="Hooli", checked=unchecked)
    services.archive_tenant(hooli)
    west = add_group(slug="west", name="West coast")
    west.tenants.add(globex, hooli)
    read(Tenant.objects.get(slug="acme"), assistantName="Bella", startActiveHour=9)
    read(
        globex, 90, assistantName="Adam", textChannel=False, websiteChannel=False, startActiveHour=7
    )
    read(hooli, 2, assistantName="Zoe", emailChannel=True)
    change(Tenant.objects.get(slug="acme"), 5)
    change(globex, 1)


def test_home__member__own_tenants_only(owner: User, globex: Tenant) -> None:
    html = home(owner)
    assert "Acme Realty" in html
    assert "Globex" not in html


def test_home__superuser__all(superuser: User, acme: Tenant, globex: Tenant) -> None:
    assert listed(superuser) == ["Acme Realty", "Globex Homes"]


@pytest.mark.parametrize("query", ["?q=globex", "?group=west", "?status=all&sort=-read", "?page=2"])
def test_home__outsider__no_query_shows_what_is_not_theirs(
    fleet: None, owner: User, query: str
) -> None:
    html = home(owner, query)
    assert "Globex" not in html
    assert "West coast" not in html
    assert "has no token" not in html


def test_home__no_tenants__explains_the_first_steps(superuser: User) -> None:
    assert "Add your first tenant" in home(superuser)
    superuser.is_superuser = False
    superuser.save()
    html = home(superuser)
    assert "You don't have access to any tenants yet" in html
    assert superuser.email in html


def test_home__all_archived__says_where_they_are(superuser: User, acme: Tenant) -> None:
    services.archive_tenant(acme)
    assert "All tenants you can see are archived" in home(superuser)
    assert listed(superuser, "?status=all") == ["Acme Realty"]


def test_home__row__token_agent_channels_hours_change_and_age(
    fleet: None, superuser: User, acme: Tenant, connection: Connection
) -> None:
    html = home(superuser, "?q=acme")
    operation = Operation.objects.get(tenant=acme)
    for text in ("Works", connection.owner_name, "Bella", "Text messages", "Website chat"):
        assert text in html
    assert "9 AM–8 PM" in html
    assert "4\xa0minutes ago" in html
    assert "Olivia Owner" in html
    assert reverse("agentsettings:operation", args=["acme", operation.pk]) in html
    assert "Not read yet" not in html


def test_home__never_read_never_changed__says_so(superuser: User, acme: Tenant) -> None:
    assert "Not read yet" in home(superuser)


def test_home__newest_change__is_what_was_sent_last(superuser: User, acme: Tenant) -> None:
    change(acme, 50, actor_name="Earlier Edith")
    change(acme, 40, actor_name="Later Liam", state=State.NOT_APPLIED)
    change(acme, 1, actor_name="Nothing Ned", state=State.NOT_SENT, sent_at=None)
    html = home(superuser).partition('role="search"')[2]  # the list, below the overview
    assert "Later Liam" in html
    assert "Not applied" in html
    assert "Edith" not in html
    assert "Ned" not in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", ["Acme Realty", "Globex Homes"]),
        ("?q=GLOB", ["Globex Homes"]),
        ("?q=realty+ACME", ["Acme Realty"]),
        ("?q=vip", ["Globex Homes"]),
        ("?q=adam", ["Globex Homes"]),
        ("?q=nothing", []),
        ("?token=none", ["Globex Homes"]),
        ("?token=works", ["Acme Realty"]),
        ("?token=failing", []),
        ("?status=archived", ["Hooli"]),
        ("?status=all", ["Acme Realty", "Globex Homes", "Hooli"]),
        ("?status=all&token=unused", ["Hooli"]),
        ("?group=west", ["Globex Homes"]),
        ("?group=west&status=all", ["Globex Homes", "Hooli"]),
        ("?manual=yes", ["Globex Homes"]),
        ("?manual=no", ["Acme Realty"]),
        ("?channel=text", ["Acme Realty"]),
        ("?channel=none", ["Globex Homes"]),
        ("?channel=email&status=all", ["Hooli"]),
        ("?status=x&token=x&page=x&group=x&sort=x", ["Acme Realty", "Globex Homes"]),
        ("?q=%00", []),
    ],
)
def test_home__filter_in_the_address__is_applied(
    fleet: None, superuser: User, query: str, shown: list[str]
) -> None:
    assert listed(superuser, query) == shown


@pytest.mark.parametrize(
    ("sort", "shown"),
    [
        ("name", ["Acme Realty", "Globex Homes", "Hooli"]),
        ("-name", ["Hooli", "Globex Homes", "Acme Realty"]),
        ("token", ["Globex Homes", "Hooli", "Acme Realty"]),
        ("-token", ["Acme Realty", "Hooli", "Globex Homes"]),
        ("agent", ["Globex Homes", "Acme Realty", "Hooli"]),
        ("channels", ["Globex Homes", "Acme Realty", "Hooli"]),
        ("hours", ["Globex Homes", "Hooli", "Acme Realty"]),
        ("-hours", ["Acme Realty", "Hooli", "Globex Homes"]),
        ("change", ["Acme Realty", "Globex Homes", "Hooli"]),
        ("-change", ["Globex Homes", "Acme Realty", "Hooli"]),
        ("-read", ["Hooli", "Acme Realty", "Globex Homes"]),
        ("read", ["Globex Homes", "Acme Realty", "Hooli"]),
    ],
)
def test_home__sort_in_the_address__is_applied(
    fleet: None, superuser: User, sort: str, shown: list[str]
) -> None:
    assert listed(superuser, f"?status=all&sort={sort}") == shown


def test_home__column_headers__sort_and_show_the_order(fleet: None, superuser: User) -> None:
    html = home(superuser, "?q=a&sort=-change")
    assert html.count("aria-sort") == 1
    assert 'aria-sort="descending"' in html
    assert "?q=a&amp;sort=change" in html
    assert set(SORTS) == set(SORT_LABELS)


def test_tokens__every_state__has_its_meaning() -> None:
    in_addition = {"ends", "no_settings", "unchecked"}
    assert {str(state) for state in MEANING} == set(ConnectionSummary.values) - in_addition


def test_home__search_for_the_lofty_user__found(
    fleet: None, superuser: User, connection: Connection
) -> None:
    assert listed(superuser, f"?q={connection.lofty_user['email']}") == ["Acme Realty"]


def test_home__tokens_that_need_attention__come_first(
    fleet: None, superuser: User, connection: Connection
) -> None:
    html = home(superuser, "?q=nothing")
    assert "1 tenant has no token" in html
    assert "fails" not in html
    ConnectionHealth.objects.filter(pk=connection.pk).update(failing_since=timezone.now())
    html = home(superuser)
    assert "1 token fails" in html
    assert f"{reverse('fleet:home')}?token=failing" in html
    assert listed(superuser, "?token=failing") == ["Acme Realty"]
    assert html.index("1 token fails") < html.index("1 tenant has no token")


def test_home__htmx__gets_the_list_alone(fleet: None, superuser: User) -> None:
    answer = signed_in(superuser).get("/?q=acme", headers={"HX-Target": "found"})
    html = answer.content.decode()
    assert html.strip().startswith('<div id="found"')
    assert "Acme Realty" in html
    assert "no-store" in answer.headers["Cache-Control"]


def test_home__many_tenants__pages_that_keep_the_filter(superuser: User) -> None:
    rows = [Tenant(slug=f"t{n:03}", name=f"Tenant {n:03}") for n in range(PAGE_LENGTH + 5)]
    Tenant.objects.bulk_create(rows)
    assert "?q=tenant&amp;page=2" in home(superuser, "?q=tenant")
    assert "Tenant 044" in home(superuser, "?q=tenant&page=2")


def test_home__hostile_names__shown_as_text(superuser: User, acme: Tenant) -> None:
    evil = "<img src=x onerror=alert(1)>{{7*7}}</script>"
    tenant = services.add_tenant(slug="evil", name=evil, note=evil)
    read(tenant, assistantName=evil + "\x00\ud800")
    change(tenant, actor_name=evil)
    Group.objects.create(slug="evil", name=evil).tenants.add(tenant)
    html = home(superuser, "?q=%22%3E%3Cimg") + home(superuser) + home(superuser, "?sort=%3Cimg")
    assert "<img" not in html
    assert "{{7*7}}" in html


@pytest.mark.parametrize(
    "odd",
    [
        {"assistantName": None, "textChannel": None, "startActiveHour": None},
        {"assistantName": 5, "textChannel": "yes", "startActiveHour": 99, "endActiveHour": True},
        {"assistantName": "x" * 5000, "startActiveHour": 1.5},
    ],
)
def test_summary_fields__unexpected_settings__are_unknown_and_the_page_still_works(
    superuser: User, acme: Tenant, odd: dict[str, object]
) -> None:
    read(acme, **odd)  # type: ignore[arg-type]  # unexpected types on purpose
    known = SettingsSnapshot.objects.get()
    assert known.hours == ""
    assert len(known.agent_name) <= 200
    assert "Acme Realty" in home(superuser)


def test_home__agent_name_with_invisible_characters__they_are_spelled_out(
    superuser: User, acme: Tenant
) -> None:
    read(acme, assistantName="Anna K.\u200b")
    assert "Anna K.⟨U+200B⟩" in home(superuser)


def test_summary_fields__columns__say_what_raw_says() -> None:
    raw: dict[str, JSON] = {
        "assistantName": "A\x00\ud800",
        "textChannel": False,
        "startActiveHour": 0,
    }
    brief = summary_fields(raw)
    assert (brief["agent_name"], brief["text_channel"]) == ("A\\x00\\ud800", False)
    assert (brief["start_hour"], brief["end_hour"]) == (0, None)
    assert brief["raw"] is raw


def test_home__last_good_call__with_its_age(fleet: None, superuser: User) -> None:
    ConnectionHealth.objects.update(last_good_at=timezone.now() - timedelta(hours=3))
    assert "last successful call" in home(superuser)
    assert "3\xa0hours ago" in home(superuser)


def test_home__hours__days_hours_and_zone_as_last_read(superuser: User, acme: Tenant) -> None:
    read(acme, activeDays=[1, 2, 3, 4, 5], startActiveHour=22, endActiveHour=6)
    assert "Mon–Fri 10 PM–6 AM, overnight" in home(superuser)
    assert "time zone (unknown)" in home(superuser)
    me = {"time_zone": "America/Los_Angeles"}
    Profile.objects.create(tenant=acme, me=me, fetched_at=timezone.now())
    assert "In America/Los_Angeles" in home(superuser)


def run_data_migration(name: str) -> None:
    """Run its `fill` with the models as they were then."""
    then = MigrationLoader(database).project_state(("agentsettings", name))
    import_module(f"lofty_admin.agentsettings.migrations.{name}").fill(then.apps, None)


@pytest.mark.parametrize(
    ("days", "copied"),
    [([], []), ([5, 1, 1], [1, 5]), (None, None), ([7], None), (["1"], None), ([True], None)],
)
def test_migration__days_read_before_it__get_their_column(
    acme: Tenant, days: JSON, copied: list[int] | None
) -> None:
    known = read(acme, activeDays=days)
    assert known.active_days == copied
    SettingsSnapshot.objects.update(active_days=None)
    run_data_migration("0005_active_days")
    known.refresh_from_db()
    assert known.active_days == copied


def test_migration__settings_read_before_it__get_their_columns(acme: Tenant) -> None:
    known = read(acme, assistantName="A\x00\ud800", endActiveHour=24, emailChannel="yes")
    expected = {name: getattr(known, name) for name in COPIED}
    SettingsSnapshot.objects.update(**dict.fromkeys(COPIED[1:]), agent_name="")
    run_data_migration("0004_in_brief")
    known.refresh_from_db()
    assert {name: getattr(known, name) for name in COPIED} == expected


# --- what more is known of a token ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("field", "value", "words", "token"),
    [
        ("expires_at", timedelta(days=5), "1 token expires within 30 days", "ends"),
        ("checked_at", timedelta(days=-3), "1 token was not checked for two days", "unchecked"),
        ("status", "scope_missing", "1 token can&#x27;t read settings", "no_settings"),
    ],
)
def test_home__token_that_needs_attention__listed_first_and_found_by_the_filter(
    superuser: User, acme: Tenant, globex: Tenant, field: str, value: object, words: str, token: str
) -> None:
    fine = {"status": "works", "checked_at": timezone.now(), "last_good_at": timezone.now()}
    for tenant in (acme, globex):
        token_store.set_connection(
            tenant, token_verification.unchecked_token(Scheme.OAUTH, tenant.slug)
        )
    ConnectionHealth.objects.update(**fine)
    assert words not in home(superuser)
    moved = timezone.now() + value if isinstance(value, timedelta) else value
    model = Connection if field == "expires_at" else ConnectionHealth
    connection = Connection.objects.filter(tenant=acme)
    model.objects.filter(pk__in=connection).update(**{field: moved})
    html = home(superuser)
    assert words in html
    assert f'href="/?token={token}#found"' in html
    assert listed(superuser, f"?token={token}") == ["Acme Realty"]
