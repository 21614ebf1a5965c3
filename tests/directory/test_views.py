"""The names page, and the search behind the pickers."""

import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import Entry, EntryKind, Sync, SyncState
from lofty_admin.directory.names import give_name, names
from lofty_admin.directory.sync import open_sync
from lofty_admin.tenants.models import Tenant
from tests.support.directory import Connect
from tests.support.users import Browsers, signed_in

BIG = 844510972070138
PAGE, SEARCH = "/t/acme/names/", "/t/acme/names/agent/search"
LINE = "/t/acme/names/freshness/"
REFRESH, SOURCE = "/t/acme/names/refresh/", "/t/acme/names/source/"


@pytest.fixture
def anna(acme: Tenant) -> Entry:
    entry = Entry.build(acme, EntryKind.AGENT, BIG, "Anna <b>Smith", "anna@x.example · Uptown")
    Entry.objects.keep([entry])
    return entry


@pytest.fixture
def by_editor(editor: User) -> Client:
    return signed_in(editor)


def text_of(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def running(tenant: Tenant, **facts: object) -> Sync:
    sync = open_sync(tenant)
    Sync.objects.filter(pk=sync.pk).update(**{"state": SyncState.RUNNING, **facts})
    return sync


def test_search__viewer__ids_are_texts_and_nothing_is_kept(browsers: Browsers, anna: Entry) -> None:
    answer = browsers.viewer.get(SEARCH, {"q": "SMITH"})
    item = {"id": str(BIG), "name": anna.name, "detail": anna.detail, "gone": False}
    assert json.loads(answer.content)["items"] == [item]
    assert "no-store" in answer.headers["Cache-Control"]


def test_search__gone_entry__marked(browsers: Browsers, anna: Entry) -> None:
    Entry.objects.update(gone_since=timezone.now())
    assert browsers.viewer.get(SEARCH).json()["items"][0]["gone"] is True


def test_search__unknown_kind__404(browsers: Browsers) -> None:
    assert browsers.viewer.get("/t/acme/names/shoe/search").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", PAGE, 200),
        ("get", SEARCH, 200),
        ("get", LINE, 200),
        ("post", LINE, 405),
        ("post", REFRESH, 403),
        ("post", SOURCE, 403),
        ("get", REFRESH, 405),
        ("get", SOURCE, 405),
        ("post", SEARCH, 405),
        ("post", PAGE, 405),
    ],
)
def test_pages__by_role__outsider_404_viewer_only_looks(
    browsers: Browsers, method: str, path: str, status: int
) -> None:
    assert getattr(browsers.viewer, method)(path).status_code == status
    assert getattr(browsers.outsider, method)(path).status_code == (405 if status == 405 else 404)
    assert not Sync.objects.exists()


def test_page__nothing_read__says_so_and_does_not_poll(browsers: Browsers) -> None:
    page = text_of(browsers.owner, PAGE)
    assert "haven't been synced with Lofty yet" in page
    assert "every 2s" not in page
    assert f'action="{REFRESH}"' in page


def test_page__viewer__no_buttons_that_write(browsers: Browsers) -> None:
    page = text_of(browsers.viewer, PAGE)
    assert REFRESH not in page
    assert SOURCE not in page


def test_page__sync_running__progress_and_polling(browsers: Browsers, acme: Tenant) -> None:
    running(acme, position=1250, total=5000, step="agents", pages=50, seconds=60)
    part = text_of(browsers.viewer, PAGE, **{"HX-Request": "true", "HX-Target": "names-status"})
    assert "<html" not in part
    assert 'value="25"' in part
    assert "1,250 of 5,000 agents, about 3 minutes left" in part
    line = text_of(browsers.viewer, LINE)
    assert "1,250 of 5,000 agents, about 3 minutes left" in line
    assert f'hx-get="{LINE}"' in line
    assert 'hx-trigger="every 2s"' in part


def test_page__waiting_for_calls__says_until_when(browsers: Browsers, acme: Tenant) -> None:
    until = timezone.now() + timedelta(seconds=50)
    running(acme, state=SyncState.WAITING, resume_at=until)
    page = text_of(browsers.owner, PAGE)
    assert f"{until:%H:%M:%S} UTC" in page
    assert "They are reserved for saving" in page


def test_page__sync_done_and_then_one_failed__age_and_reason(
    browsers: Browsers, acme: Tenant
) -> None:
    done = running(acme)
    two_hours_ago = timezone.now() - timedelta(hours=2)
    Sync.objects.update(state=SyncState.DONE, finished_at=two_hours_ago, started_at=two_hours_ago)
    failed = running(acme, state=SyncState.FAILED, message="Lofty no longer accepts this token.")
    assert done.pk != failed.pk
    page = text_of(browsers.viewer, PAGE)
    assert "2\xa0hours ago" in page
    assert "no longer accepts this token" in page
    assert "every 2s" not in page


def test_page__counts__by_kind_with_those_gone(
    browsers: Browsers, acme: Tenant, anna: Entry
) -> None:
    gone = Entry.build(acme, EntryKind.AGENT, 5, "Gone", "")
    gone.gone_since = timezone.now()
    Entry.objects.keep([gone])
    answer = browsers.viewer.get(PAGE)
    agents = answer.context["counts"][0]
    assert (agents["label"], agents["known"], agents["gone"]) == ("Agents", 1, 1)
    assert "No longer in Lofty (since" in answer.content.decode()


def test_page__search_within__names_escaped_and_ids_whole(browsers: Browsers, anna: Entry) -> None:
    headers = {"HX-Request": "true", "HX-Target": "names-found"}
    part = text_of(browsers.viewer, f"{PAGE}?kind=agent&q=uptown", **headers)
    assert "Anna &lt;b&gt;Smith" in part
    assert str(BIG) in part
    assert "<html" not in part
    assert "No results" in text_of(browsers.viewer, f"{PAGE}?kind=pond&q=uptown", **headers)


def test_page__invalid_search__shown_like_none(browsers: Browsers, anna: Entry) -> None:
    assert "Anna" in text_of(browsers.viewer, f"{PAGE}?kind=shoe&q=ann")


@pytest.mark.parametrize("query", ["q=%00", "q=-", "q=%F0%9F%8E%89", f"q={'x' * 500}"])
def test_page__search_without_words__finds_nothing_and_says_why(
    browsers: Browsers, anna: Entry, query: str
) -> None:
    page = text_of(browsers.viewer, f"{PAGE}?{query}")
    assert "Anna" not in page
    assert ("Type at least one letter or digit to search." in page) == ("x" not in query)


def test_refresh__editor__sync_and_job_and_back_to_the_page(
    by_editor: Client, acme: Tenant, connect: Connect
) -> None:
    connect()
    answer = by_editor.post(REFRESH, follow=True)
    assert answer.redirect_chain == [(PAGE, 302)]
    assert "Names are being synced with Lofty" in answer.content.decode()
    assert Sync.objects.get().actor.name == "Eduardo Editor"
    assert by_editor.post(REFRESH).status_code == 302
    assert Sync.objects.count() == 1


def test_refresh__next_to_a_picker__updates_only_that_line_and_stays_on_the_page(
    by_editor: Client, browsers: Browsers, acme: Tenant, connect: Connect
) -> None:
    htmx = {"HX-Request": "true"}
    assert f'hx-post="{REFRESH}"' in text_of(by_editor, LINE)
    assert REFRESH not in text_of(browsers.viewer, LINE)
    refused = by_editor.post(REFRESH, headers=htmx).content.decode()
    assert 'role="alert"' in refused
    assert "no Lofty token yet" in refused
    assert not Sync.objects.exists()
    connect()
    started = by_editor.post(REFRESH, headers=htmx).content.decode()
    assert "syncing now" in started
    assert "autofocus" in started
    assert "<html" not in started
    assert Sync.objects.count() == 1
    assert "autofocus" not in text_of(by_editor, LINE)


def test_refresh__next_to_a_picker__carries_its_own_csrf_token(editor: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(editor)
    line = text_of(client, LINE)
    match = re.search(r"""hx-headers='({.*?})'""", line)
    assert match is not None
    headers = {"HX-Request": "true"}
    assert client.post(REFRESH, headers=headers).status_code == 403
    told = client.post(REFRESH, headers=headers | json.loads(match[1])).content.decode()
    assert "no Lofty token yet" in told


def test_refresh__no_token__says_so_and_starts_nothing(by_editor: Client) -> None:
    page = by_editor.post(REFRESH, follow=True).content.decode()
    assert "no Lofty token yet" in page
    assert not Sync.objects.exists()


def test_name_source__editor__named_and_recorded(by_editor: Client, acme: Tenant) -> None:
    page = by_editor.post(SOURCE, {"lofty_id": "1002", "name": " Zillow "}, follow=True)
    assert "Lead source 1002 is now named Zillow" in page.content.decode()
    assert names(acme, EntryKind.SOURCE, [1002])[1002].name == "Zillow"
    event = AuditEvent.objects.get(kind="directory.name_given")
    assert event.actor_name == "Eduardo Editor"


@pytest.mark.parametrize(
    "data",
    [
        {"lofty_id": "x", "name": "Zillow"},
        {"lofty_id": "-1", "name": "Zillow"},
        {"lofty_id": str(2**63), "name": "Zillow"},
        {"lofty_id": "1002", "name": " "},
        {"lofty_id": "1002", "name": "z" * 301},
        {"lofty_id": "1002", "name": "\x85"},
        {},
    ],
)
def test_name_source__not_possible__says_why_and_keeps_nothing(
    by_editor: Client, data: dict[str, str]
) -> None:
    answer = by_editor.post(SOURCE, data)
    assert answer.status_code == 200
    assert "invalid-feedback" in answer.content.decode()
    assert not Entry.objects.exists()


def test_name_source__link_from_an_unknown_id__id_is_filled_in(
    by_editor: Client, acme: Tenant
) -> None:
    assert 'value="1002"' in text_of(by_editor, f"{PAGE}?source=1002")
    give_name(acme, 1002, "Zillow")
    page = text_of(by_editor, f"{PAGE}?source=1002")
    assert "Lead source 1002 already has a name" in page
    assert 'value="Zillow"' in page
    for source in ("x", "²", "9" * 30):
        assert "Name a lead source" in text_of(by_editor, f"{PAGE}?source={source}")


def test_pages__archived_tenant__only_looks(browsers: Browsers, acme: Tenant) -> None:
    Tenant.objects.update(status=Tenant.Status.ARCHIVED)
    assert REFRESH not in text_of(browsers.owner, PAGE)
    assert browsers.owner.post(REFRESH).status_code == 403
    assert browsers.owner.post(SOURCE, {"lofty_id": "1", "name": "a"}).status_code == 403


def test_name_source__other_tenants_names__not_mixed(
    by_editor: Client, acme: Tenant, globex: Tenant
) -> None:
    give_name(globex, 1002, "Realtor")
    by_editor.post(SOURCE, {"lofty_id": "1002", "name": "Zillow"})
    assert names(globex, EntryKind.SOURCE, [1002])[1002].name == "Realtor"
