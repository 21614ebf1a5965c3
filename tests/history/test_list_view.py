"""The history as a list: access, filters in the address, pages, saved views."""

import datetime as dt
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.canonical import JSON
from lofty_admin.audit.log.record import record
from lofty_admin.audit.models import AuditEvent, AuditIndex
from lofty_admin.audit.search import query
from lofty_admin.history.models import SavedView
from lofty_admin.tenants.models import Tenant
from tests.support.pages import text_of
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db
ALL, ACME = "/audit/", "/t/acme/history/"
EMIL = Actor("person", "77", "Emil Editor")


@pytest.fixture
def events(acme: Tenant, globex: Tenant) -> dict[str, AuditEvent]:
    """One event of each of two tenants, one of none, with different everything."""
    detail: dict[str, JSON] = {"changed": ["activeDays"], "wanted": {"activeDays": []}, "names": {}}
    return {
        "acme": record(
            Kind.SETTINGS_OUTCOME,
            tenant=acme.ref,
            outcome=Outcome.VERIFIED,
            subject="Active days",
            reason="ticket 4711",
            before={"activeDays": [1]},
            after={"activeDays": []},
            detail=detail,
            actor=EMIL,
        ),
        "globex": record(
            Kind.DIRECTORY_SYNCED,
            tenant=globex.ref,
            outcome=Outcome.DONE,
            actor=Actor("job", "sync", "Names job"),
        ),
        "none": record(Kind.SIGNED_IN, subject="root@example.com", outcome=Outcome.DONE),
    }


def lines(client: Client, url: str, **headers: str) -> list[str]:
    """The text of each line of the list, with "when" for how long ago it was."""
    page = client.get(url, headers=headers)
    assert page.status_code == 200, page.status_code
    matches = re.findall(r'(?s)<a class="[^"]*event-line".*?</a>', page.content.decode())
    timeless = [re.sub(r"(?s)<time.*?</time>", "when", line) for line in matches]
    return [" ".join(re.sub(r"<[^>]+>", " ", line).split()) for line in timeless]


def link(client: Client, url: str, rel: str) -> str:
    """Where "Older" ("next") or "Newer" ("prev") leads to; "" if it is not there."""
    match = re.search(rf'rel="{rel}" href="([^"]+)"', client.get(url).content.decode())
    return match[1].replace("&amp;", "&") if match else ""


def seen(client: Client, url: str) -> set[str]:
    text = " ".join(lines(client, url))
    marks = {"acme": "Active days", "globex": "synced names", "none": "root@example.com"}
    return {name for name, mark in marks.items() if mark in text}


def test_list__by_user__each_sees_their_tenants_and_superusers_everything(
    browsers: Browsers, superuser: User, events: dict[str, AuditEvent]
) -> None:
    assert seen(browsers.owner, ALL) == {"acme"}
    assert seen(browsers.viewer, ALL) == {"acme"}
    assert seen(browsers.outsider, ALL) == {"globex"}
    assert seen(signed_in(superuser), ALL) >= {"acme", "globex", "none"}
    assert seen(browsers.owner, ACME) == {"acme"}
    assert browsers.outsider.get(ACME).status_code == 404
    assert Client().get(ALL).status_code == 302


def test_list__line__says_who_what_to_what_outcome_when(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    expected = "Emil Editor changed settings: Active days Acme Realty “ticket 4711” Verified when"
    assert lines(browsers.owner, ALL) == [expected]
    assert lines(browsers.owner, ACME) == [expected.replace("Acme Realty ", "")]


FILTERS = {
    "tenant=acme": {"acme"},
    "tenant=globex": {"globex"},
    "actor=person:77": {"acme"},
    "kind=directory.synced": {"globex"},
    "outcome=verified": {"acme"},
    "setting=activeDays": {"acme"},
    "q=4711": {"acme"},
    "q=root": {"none"},
    "outcome=done&tenant=globex": {"globex"},
    "outcome=done&actor=person:77": set(),
    "since=2020-01-01": {"acme", "globex", "none"},
    "until=2020-01-01": set(),
    "since=2000-01-01&until=2100-12-31": {"acme", "globex", "none"},
    "q=": {"acme", "globex", "none"},
}


@pytest.mark.parametrize("query", FILTERS)
def test_list__filtered__shows_only_matches(
    superuser: User, events: dict[str, AuditEvent], query: str
) -> None:
    assert seen(signed_in(superuser), f"{ALL}?{query}") == FILTERS[query]


NONSENSE = [
    "kind=nope",
    "outcome=%00",
    "actor=person:999",
    "setting=__class__",
    "since=yesterday",
    "since=0000-00-00",
    "since=0001-01-01",
    "until=9999-12-31",
    "since=2026-03-02&until=2026-03-01",
    f"q={'x' * 201}",
    "tenant=globex",
    "tenant=nowhere",
    "kind=settings.outcome&kind=nope",
]


@pytest.mark.parametrize("query", NONSENSE)
def test_list__invalid_filter__says_so_and_offers_everything(
    browsers: Browsers, events: dict[str, AuditEvent], query: str
) -> None:
    page = browsers.owner.get(f"{ALL}?{query}")
    assert page.status_code == 200
    assert "This filter isn't valid" in text_of(page)
    assert f'<a class="alert-link" href="{ALL}">' in page.content.decode()
    assert lines(browsers.owner, f"{ALL}?{query}") == []


ODD_PAGES = ["before=x", "before=-1", "after=" + "9" * 40, "before=0", "after=%C2%B2", "page=7"]


@pytest.mark.parametrize("query", ODD_PAGES)
def test_list__invalid_page__is_a_page(
    browsers: Browsers, events: dict[str, AuditEvent], query: str
) -> None:
    assert browsers.owner.get(f"{ALL}?{query}").status_code == 200


def test_list__choices__only_what_occurs_in_events_the_user_may_see(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    page = browsers.owner.get(ALL).content.decode()
    assert '<option value="person:77">Emil Editor</option>' in page
    assert '<option value="verified">Verified</option>' in page
    assert '<option value="activeDays">Active days</option>' in page
    assert "Names job" not in page
    assert "directory.synced" not in page
    assert "Globex" not in page


def test_list__kind_of_another_version__is_shown_and_offered_as_it_is(
    superuser: User, events: dict[str, AuditEvent]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE audit_auditevent SET kind = 'old.kind', outcome = 'so-so', actor_name = '',"
            " actor_id = '', body = '{}' WHERE seq = %s",
            [events["none"].seq],
        )
        cursor.execute("ALTER TABLE audit_auditevent ENABLE ALWAYS TRIGGER audit_event_rows")
    client = signed_in(superuser)
    assert "Not signed in old.kind: root@example.com so-so when" in lines(client, ALL)
    page = client.get(f"/audit/events/{events['none'].pk}/")
    assert "old.kind" in text_of(page)
    assert page.status_code == 200


def test_list__pages__keep_the_filter_in_both_directions(
    browsers: Browsers, acme: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "PAGE", 2)
    for number in range(5):
        record(Kind.TENANT_CHANGED, tenant=acme.ref, subject=f"change {number}", reason="why")
    found = [lines(browsers.owner, f"{ALL}?q=why")]
    url = f"{ALL}?q=why"
    while older := re.search(
        r'rel="next" href="([^"]+)"', browsers.owner.get(url).content.decode()
    ):
        url = older[1].replace("&amp;", "&")
        assert parse_qs(urlsplit(url).query)["q"] == ["why"]
        found.append(lines(browsers.owner, url))
    assert [len(one) for one in found] == [2, 2, 1]
    assert lines(browsers.owner, link(browsers.owner, url, "prev")) == found[1]


def test_list__by_htmx__only_the_results(browsers: Browsers, events: dict[str, AuditEvent]) -> None:
    page = browsers.owner.get(ALL, headers={"HX-Request": "true"}).content.decode()
    assert page.lstrip().startswith('<div id="results"')
    whole = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<html" in browsers.owner.get(ALL, headers=whole).content.decode()


def test_list__days__are_days_of_the_reader(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    late = dt.datetime(2026, 3, 3, 23, 30, tzinfo=dt.UTC)  # the 4th in Berlin
    AuditIndex.objects.filter(seq=events["acme"].seq).update(at=late)
    url = f"{ALL}?since=2026-03-04&until=2026-03-04"
    assert lines(browsers.owner, url) == []
    browsers.owner.cookies["zone"] = "Europe/Berlin"
    assert len(lines(browsers.owner, url)) == 1
    browsers.owner.cookies["zone"] = "../../etc/passwd"
    assert lines(browsers.owner, url) == []


def test_list__many_tenants__tenant_is_typed_by_its_short_name(
    superuser: User, events: dict[str, AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lofty_admin.history.filters.MOST_OFFERED", 1)
    client = signed_in(superuser)
    assert '<select class="form-select" name="tenant"' not in client.get(ALL).content.decode()
    assert seen(client, f"{ALL}?tenant=globex") == {"globex"}


def test_list__however_long__a_fixed_number_of_queries(
    browsers: Browsers, acme: Tenant, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(60):
        record(Kind.TENANT_CHANGED, tenant=acme.ref)
    browsers.owner.get(ALL)
    with django_assert_max_num_queries(16):
        browsers.owner.get(ALL)


# --- views by name --------------------------------------------------------------------------------
def save(client: Client, name: str, query: str) -> str:
    return text_of(client.post("/audit/views/", {"name": name, "query": query}, follow=True))


def test_view__saved__offered_to_its_owner_only_and_leads_to_the_filter(
    browsers: Browsers, events: dict[str, AuditEvent]
) -> None:
    text = save(browsers.owner, "Verified ones", "outcome=verified&before=7&evil=1")
    assert "Saved as “Verified ones”" in text
    assert SavedView.objects.get().query == "outcome=verified"
    assert 'href="?outcome=verified"' in browsers.owner.get(ALL).content.decode()
    assert "Verified ones" not in text_of(browsers.viewer.get(ALL))


def test_view__same_name__replaced(browsers: Browsers, events: dict[str, AuditEvent]) -> None:
    save(browsers.owner, "Mine", "outcome=verified")
    save(browsers.owner, "Mine", "q=4711")
    assert SavedView.objects.get().query == "q=4711"


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [
        ("", "q=x", "Name: This field is required."),
        ("x" * 61, "q=x", "Name: Ensure this value has at most 60 characters"),
        ("Empty", "", "Add a filter first"),
        ("Empty", "before=3", "Add a filter first"),
        ("a\x00b", "q=x", "a character that could not be read (�). Remove it"),
    ],
)
def test_view__bad_input__not_saved_and_says_why(
    browsers: Browsers, name: str, query: str, words: str
) -> None:
    assert words in save(browsers.owner, name, query)
    assert not SavedView.objects.exists()


def test_view__too_many__not_saved(
    browsers: Browsers, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lofty_admin.history.views.MOST_VIEWS", 1)
    save(browsers.owner, "One", "q=1")
    assert "you have 1 views" in save(browsers.owner, "Two", "q=2")
    assert "Saved" in save(browsers.owner, "One", "q=3")


def test_view__deleted__by_its_owner_only(browsers: Browsers) -> None:
    save(browsers.owner, "Mine", "q=1")
    url = f"/audit/views/{SavedView.objects.get().pk}/delete/"
    assert browsers.viewer.post(url).status_code == 404
    assert browsers.owner.get(url).status_code == 405
    assert "was deleted. No events were changed." in text_of(browsers.owner.post(url, follow=True))
    assert not SavedView.objects.exists()
