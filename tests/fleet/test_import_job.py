"""Adding many tenants from a list: preview, run, retry, expiry, and no token anywhere."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection as database
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.vault import VaultError
from lofty_admin.fleet import import_job, tasks
from lofty_admin.fleet.import_csv import MOST_BYTES
from lofty_admin.fleet.models import Import, ImportRow, ImportState, RowState
from lofty_admin.tenants import services
from lofty_admin.tenants.credentials import health_probe, token_store, token_verification
from lofty_admin.tenants.errors import ChangeNotAllowed
from lofty_admin.tenants.groups import add_group
from lofty_admin.tenants.models import Connection, ConnectionKind, Health, Tenant
from tests.support.audit_log import fall_behind
from tests.support.lofty_users import NEXT_TOKEN, OTHER_TOKEN, TOKEN, Lofty, kinds
from tests.support.manage_process import start_manage
from tests.support.secrets import BAD_TOKEN, leaks, whole_database
from tests.support.users import make_user, signed_in

HEAD = "name,slug,scheme,token,groups\n"
GOOD = f"Acme Realty,acme,API key,{TOKEN},west\nGlobex Homes,,oauth,{OTHER_TOKEN},\nInitech,,,,\n"
DEAD = f"Hooli,hooli,API key,{BAD_TOKEN},\n"
EVIL = '"<img src=x onerror=alert(1)> {{7*7}} </script>\u202e",evil'


@pytest.fixture
def west(db: None) -> None:
    add_group(slug="west", name="West coast")


def give(user: User, text: str = HEAD + GOOD) -> Import:
    return import_job.read_list(user, text)


def run(made: Import, *, all_or_nothing: bool = True) -> Import:
    """Start it and do its job, as the worker would."""
    import_job.start(made, all_or_nothing=all_or_nothing)
    take_jobs()
    tasks.import_tenants(import_id=str(made.pk))
    made.refresh_from_db()
    return made


def take_jobs() -> None:
    """Remove the waiting jobs, as if a worker had run them."""
    ProcrastinateJob.objects.filter(status="todo").update(status="succeeded")


def states(made: Import) -> dict[str, str]:
    return {row.name: row.state for row in made.rows.all()}


def upload(user: User, **fields: object) -> HttpResponse:
    answer: HttpResponse = signed_in(user).post(reverse("fleet:import"), fields, follow=True)  # type: ignore[assignment]  # the test client's subclass
    return answer


def plain(html: bytes) -> str:
    return unescape(html.decode())


def page(user: User, made: Import) -> str:
    return signed_in(user).get(reverse("fleet:import_run", args=[made.pk])).content.decode()


def waiting_jobs() -> list[ProcrastinateJob]:
    jobs = ProcrastinateJob.objects.filter(task_name=import_job.TASK, status="todo")
    return list(jobs.order_by("id"))


# --- The list and its preview -------------------------------------------------------------------
@pytest.mark.parametrize("way", ["file", "pasted"])
def test_upload__either_way__previewed_and_nothing_added(
    superuser: User, west: None, way: str
) -> None:
    text = HEAD + GOOD
    given = SimpleUploadedFile("list.csv", text.encode()) if way == "file" else text
    answer = upload(superuser, **{way: given})
    html = answer.content.decode()
    assert "3 of 3 rows can be added" in html
    assert "Acme Realty" in html
    assert "no-store" in answer.headers["Cache-Control"]
    assert leaks(html) == []
    assert not Tenant.objects.exists()
    assert kinds()[-1] == "import.read"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Either choose a file or paste rows"),
        (
            {"pasted": f"{HEAD}{GOOD}", "file": SimpleUploadedFile("a.csv", b"name\nA")},
            "Either choose a file",
        ),
        ({"pasted": f"Acme,{TOKEN}"}, "must name the columns"),
        ({"file": SimpleUploadedFile("a.xlsx", TOKEN.encode())}, "ends in .csv"),
        ({"file": SimpleUploadedFile("a.csv", b"\x89PNG\xff")}, "CSV UTF-8"),
        ({"file": SimpleUploadedFile("a.csv", b"")}, "empty"),
        ({"file": SimpleUploadedFile("a.csv", b"x" * (MOST_BYTES + 1))}, "larger than 1 MB"),
        ({"pasted": "x" * (MOST_BYTES + 1)}, "at most 1000000"),
    ],
)
def test_upload__bad__says_why_stores_nothing_and_repeats_nothing(
    superuser: User, fields: dict[str, object], words: str
) -> None:
    for given in fields.values():
        if isinstance(given, SimpleUploadedFile):
            given.seek(0)
    html = upload(superuser, **fields).content.decode()
    assert words in html
    assert leaks(html) == []
    assert not Import.objects.exists()
    assert kinds() == []


def test_upload__too_big_for_any_form__refused_unread(superuser: User) -> None:
    big = SimpleUploadedFile("a.csv", b"x" * 3_000_000)
    answer = upload(superuser, file=big)
    assert answer.status_code == 400
    assert "The form was too large" in answer.content.decode()


def test_upload__two_files__refused(superuser: User) -> None:
    files = {name: SimpleUploadedFile("a.csv", b"name\nA") for name in ("file", "other")}
    assert upload(superuser, **files).status_code == 400
    assert not Import.objects.exists()


def test_rows__shown_in_spanish__problems_are_translated_one_by_one(
    superuser: User, acme: Tenant
) -> None:
    made = give(superuser, "name,slug,scheme,token,groups\n,acme,,,nowhere\nTwo,two,what,x,\n")
    client = signed_in(superuser)
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "es"
    html = " ".join(
        client.get(reverse("fleet:import_run", args=[made.pk])).content.decode().split()
    )
    assert "Falta el nombre. Otro cliente tiene este nombre corto." in html
    assert "Ningún grupo tiene este nombre, o lo tiene más de uno." in html
    assert "nowhere" in html
    assert "El tipo de token (scheme) debe ser" in html
    assert "Name is missing" not in html


def test_preview__duplicates__of_rows_and_of_tenants_are_listed(
    superuser: User, connection: Connection
) -> None:
    text = f"""name,slug,scheme,token,groups
Other,acme,,,
One,one,api key,{TOKEN},
Two,two,api key,{OTHER_TOKEN},
Three,three,oauth,{OTHER_TOKEN},
Same,same,,,
Again,SAME,,,
Acme Realty,acme-2,,,
Four,four,,,nowhere
"""
    rows = {row.slug + row.name: row for row in give(superuser, text).rows.all()}
    problems = {key: row.message for key, row in rows.items()}
    assert "Another tenant has this short name" in problems["acmeOther"]
    assert "Another tenant uses this token" in problems["oneOne"]
    assert "Another row has the same token" in problems["twoTwo"]
    assert "Another row has the same token" in problems["threeThree"]
    assert "Another row has the same short name" in problems["sameSame"]
    assert "Another row has the same short name" in problems["sameAgain"]
    assert "No group has this name, or more than one does" in problems["fourFour"]
    assert "nowhere" in problems["fourFour"]
    odd = rows["acme-2Acme Realty"]
    assert (odd.state, odd.message) == (RowState.READY, "Another tenant has this name.")
    assert {row.state for row in rows.values() if row is not odd} == {RowState.BAD}


SAME = "name,slug\nacme  réalty,a\nHooli,h1\nHoo\u200bli,h2\nInitech,i\n"


def test_start__rows_named_like_others__need_a_confirmation(superuser: User, acme: Tenant) -> None:
    made = give(superuser, SAME)
    html = page(superuser, made)
    assert "Also add the 3 rows with the names of other tenants or rows" in html
    url = reverse("fleet:import_start", args=[made.pk])
    answer = signed_in(superuser).post(url, {"mode": "all"}, follow=True)
    assert "Nothing was started: another tenant or row has the same name." in plain(answer.content)
    assert waiting_jobs() == []
    signed_in(superuser).post(url, {"mode": "all", "same_names": "on"})
    take_jobs()
    tasks.import_tenants(import_id=str(made.pk))
    assert {*states(made).values()} == {RowState.ADDED}


@pytest.mark.parametrize("all_or_nothing", [True, False])
def test_run__own_password_as_a_token__is_not_sent_and_is_erased(
    superuser: User, west: None, lofty: Lofty, all_or_nothing: bool
) -> None:
    """Lofty would even accept it here: it is a valid token."""
    superuser.set_password(TOKEN)
    superuser.save()
    made = run(give(superuser), all_or_nothing=all_or_nothing)
    assert lofty.calls_made("acme") == 0
    row = made.rows.get(slug="acme")
    assert (row.state, bytes(row.sealed)) == (RowState.BAD, b"")
    assert "your password for this console" in page(superuser, made)
    added = set() if all_or_nothing else {"globex-homes", "initech"}
    assert set(Tenant.objects.values_list("slug", flat=True)) == added
    assert leaks(whole_database()) == []


def test_run__valid_rows_without_confirmed_names__leaves_the_others_out(
    superuser: User, acme: Tenant
) -> None:
    made = run(give(superuser, SAME), all_or_nothing=False)
    assert list(states(made).values()) == ["failed", "added", "failed", "added"]
    row = made.rows.get(slug="a")
    assert "Another tenant already has this name: Acme Realty (acme)." in row.message
    import_job.start(made, all_or_nothing=True, names_are_meant=True)
    take_jobs()
    tasks.import_tenants(import_id=str(made.pk))
    assert {*states(made).values()} == {RowState.ADDED}


def test_preview__hostile_cells__shown_as_text(superuser: User) -> None:
    html = page(superuser, run(give(superuser, f"name,slug\n{EVIL}\n")))
    html += upload(superuser, pasted=f"name,slug,groups\n{EVIL},<b>x\nB,b,<img>\n").content.decode()
    assert "<img" not in html
    assert "{{7*7}}" in html


def test_preview__second_list__takes_the_place_of_the_first(superuser: User) -> None:
    first = give(superuser, "name\nOne\n")
    second = give(superuser, "name\nTwo\n")
    assert list(Import.objects.all()) == [second]
    assert not ImportRow.objects.filter(parent_id=first.pk).exists()


def test_template__download__its_first_row_is_read(superuser: User) -> None:
    answer = signed_in(superuser).get(reverse("fleet:import_template"))
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.content.decode() + "Acme,,,,\n"
    assert states(give(superuser, text)) == {"Acme": RowState.READY}


# --- Running it ---------------------------------------------------------------------------------
def test_run__all_or_nothing__all_tenants_with_their_tokens_and_groups(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = run(give(superuser))
    assert set(states(made).values()) == {RowState.ADDED}
    acme, globex, initech = (
        Tenant.objects.get(slug=s) for s in ("acme", "globex-homes", "initech")
    )
    assert [group.slug for group in acme.groups.all()] == ["west"]
    assert acme.connection is not None
    assert globex.connection is not None
    assert initech.connection is None
    assert acme.connection.owner_name
    assert token_store.test_connection(acme).owner_name == acme.connection.owner_name
    assert not ImportRow.objects.exclude(sealed=b"").exists()
    assert "Everything in the list was added" in page(superuser, made)


def test_run__finished__recorded_as_the_users_own(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = run(give(superuser))
    events = list(AuditEvent.objects.order_by("seq"))[1:]  # the first is the group's
    assert [event.kind for event in events] == [
        "import.read",
        "import.started",
        *["tenant.added", "credential.added"] * 2,
        "tenant.added",
        "import.finished",
    ]
    assert {event.actor_name for event in events[2:]} == {"Rosa Root"}
    detail = events[-1].content["detail"]
    assert (detail["import"], detail["added"], detail["failed"]) == (str(made.pk), 3, 0)


def test_run__all_or_nothing_with_a_dead_token__nothing_added_and_says_which(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = run(give(superuser, HEAD + GOOD + DEAD))
    assert not Tenant.objects.exists()
    assert states(made)["Hooli"] == RowState.FAILED
    html = page(superuser, made)
    assert "Nothing was added, because not every row could be" in html
    assert "Lofty does not accept this token" in html
    assert "Retry failed rows" in html
    assert leaks(html) == []


def test_run__good_rows__added_and_the_failed_one_retried_when_it_works(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = run(give(superuser, HEAD + GOOD + DEAD), all_or_nothing=False)
    assert states(made)["Hooli"] == RowState.FAILED
    assert Tenant.objects.count() == 3
    hooli = {"slug": "hooli", "name": "Hooli", "scheme": "api_key", "token": BAD_TOKEN}
    lofty.control("POST", "customers", hooli)
    run(made, all_or_nothing=False)
    assert set(states(made).values()) == {RowState.ADDED}
    assert Tenant.objects.count() == 4
    with pytest.raises(ChangeNotAllowed):
        import_job.start(made, all_or_nothing=False)


def test_run__good_rows_after_all_or_nothing_failed__adds_the_valid_ones(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = run(give(superuser, HEAD + GOOD + DEAD))
    run(made, all_or_nothing=False)
    assert Tenant.objects.count() == 3
    assert states(made)["Hooli"] == RowState.FAILED


def test_run__rows_with_errors__not_with_all_or_nothing(superuser: User) -> None:
    made = give(superuser, "name,slug\nAcme,acme\nBad,A b\n")
    with pytest.raises(ChangeNotAllowed, match="some rows can't be added"):
        import_job.start(made, all_or_nothing=True)
    assert waiting_jobs() == []
    assert states(run(made, all_or_nothing=False)) == {"Acme": "added", "Bad": "bad"}


def test_run__same_lofty_user_twice__second_row_says_so(
    superuser: User, lofty: Lofty, connection: Connection
) -> None:
    made = run(give(superuser, f"{HEAD}Second,second,api key,{NEXT_TOKEN},\n"))
    assert "same Lofty user" in made.rows.get().message
    assert not Tenant.objects.filter(slug="second").exists()


def test_run__token_that_works__tenant_is_known_as_if_added_by_hand(
    superuser: User, lofty: Lofty, west: None
) -> None:
    run(give(superuser))
    by_list = Tenant.objects.get(slug="acme")
    by_hand = token_verification.check_token(ConnectionKind.API_KEY, TOKEN)
    assert by_list.sales_agent_id == by_hand.sales_agent_id is not None
    stored = Connection.objects.get(tenant=by_list)
    assert (stored.health.status, stored.warnings) == (Health.WORKS, [])
    assert stored not in health_probe.due(timezone.now())


@pytest.mark.parametrize("code", [401, 404, 500])
def test_run__only_the_owner_cannot_be_read__added_and_says_so(
    superuser: User, lofty: Lofty, west: None, code: int
) -> None:
    lofty.fault("acme", kind="proxy", code=code, on="GET", path="/v1.0/me$", times=None)
    made = run(give(superuser))
    assert set(states(made).values()) == {RowState.ADDED}
    assert "Owner unknown" in page(superuser, made)
    assert Connection.objects.get(tenant__slug="acme").health.status == Health.WORKS


@pytest.mark.parametrize("way", ["no scope", "no agent"])
def test_run__token_that_cannot_read_the_settings__row_fails_and_says_what_to_do(
    superuser: User, lofty: Lofty, west: None, way: str
) -> None:
    if way == "no scope":
        lofty.change("acme", tokens=[{"token": TOKEN, "scopes": ["me"]}])
    else:
        lofty.change("acme", settings=None)
    made = run(give(superuser), all_or_nothing=False)
    told = made.rows.get(slug="acme").message
    assert "othing can be shown" in told or "nothing could be shown" in told
    assert told.endswith("If that is intended, add this tenant on its own.")
    assert states(made)["Globex Homes"] == RowState.ADDED
    assert not Tenant.objects.filter(slug="acme").exists()


def test_run__sales_agent_of_another_tenant__row_fails(
    superuser: User, lofty: Lofty, connection: Connection, west: None
) -> None:
    """Of another Lofty user, so that only the Sales Agent tells."""
    Connection.objects.update(lofty_user={})
    made = run(give(superuser, f"{HEAD}Second,second,api key,{NEXT_TOKEN},\n"))
    assert "change the same Sales Agent. If that is intended" in made.rows.get().message
    assert not Tenant.objects.filter(slug="second").exists()


def test_run__short_name_taken_meanwhile__all_or_nothing_adds_nothing(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = give(superuser)
    services.add_tenant(slug="initech", name="Initech Homes")
    run(made)
    assert Tenant.objects.count() == 1
    assert "has this short name" in made.rows.get(slug="initech").message
    assert made.rows.filter(state=RowState.CHECKED).count() == 2


def test_run__lofty_silent__stops_and_keeps_the_rest(superuser: User) -> None:
    rows = "".join(f"T{n},,oauth,some-token-{n},\n" for n in range(6))
    made = run(give(superuser, HEAD + rows), all_or_nothing=False)
    assert "Lofty could not be reached" in made.message
    assert list(states(made).values()).count(RowState.FAILED) == import_job.MOST_SILENCE
    assert list(states(made).values()).count(RowState.READY) == 3


def test_run__limit_reached__waits_and_continues(superuser: User, lofty: Lofty, west: None) -> None:
    lofty.fault("globex", kind="status", on="GET", times=1, code=429, body={"message": "Too Many"})
    made = run(give(superuser), all_or_nothing=False)
    assert made.state == ImportState.WAITING
    assert states(made)["Acme Realty"] == RowState.ADDED
    (job,) = waiting_jobs()
    assert job.scheduled_at == made.resume_at
    assert "The import continues by itself" in page(superuser, made)
    tasks.import_tenants(import_id=str(made.pk))
    assert set(states(made).values()) == {RowState.ADDED}


def test_run__slice_over__next_job_continues_and_repeats_nothing(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = give(superuser)
    import_job.start(made, all_or_nothing=False)
    assert import_job.advance(made.pk, seconds=-1)
    assert Tenant.objects.count() == 0
    assert not import_job.advance(made.pk)
    assert not import_job.advance(made.pk)
    assert Tenant.objects.count() == 3
    assert kinds().count("import.finished") == 1


def test_run__job_died_after_a_check__nothing_is_lost_or_doubled(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = give(superuser)
    import_job.start(made, all_or_nothing=False)
    import_job._try(made.rows.first())  # type: ignore[arg-type]  # there is one
    long_ago = timezone.now() - Import.STALE_AFTER * 2
    Import.objects.update(state=ImportState.RUNNING, heartbeat_at=long_ago)
    assert list(Import.stalled()) == [made]
    calls = lofty.calls_made("acme")
    assert not import_job.advance(made.pk)
    assert lofty.calls_made("acme") == calls
    assert Tenant.objects.count() == 3


def test_run__two_processes_at_one_row__added_once_and_stays_added(superuser: User) -> None:
    made = give(superuser, "name\nAcme\n")
    import_job.start(made, all_or_nothing=False)
    Import.objects.update(state=ImportState.RUNNING)
    first, second = (made.rows.select_related("parent").get() for _ in range(2))
    for row in (first, second):
        assert import_job._try(row)
        assert import_job._add(made, [row]) == ""
    import_job._note(second, RowState.FAILED, "too late")
    assert states(made) == {"Acme": RowState.ADDED}
    assert Tenant.objects.count() == 1


def test_tidy__a_month_later__the_results_are_deleted_too(superuser: User) -> None:
    made = run(give(superuser, "name\nAcme\n"))
    long_ago = timezone.now() - import_job.HISTORY - timedelta(days=1)
    Import.objects.filter(pk=made.pk).update(created_at=long_ago)
    tasks.tidy(timestamp=0)
    assert not Import.objects.exists()
    assert Tenant.objects.count() == 1


def test_run__hostile_lofty_user__stored_and_shown_as_text(
    superuser: User, lofty: Lofty, west: None
) -> None:
    me = {"code": 0, "id": 7, "firstName": "<img src=x>\x00", "lastName": "\ud800"}
    lofty.fault("acme", kind="status", on="GET", path="/v1.0/me$", times=1, code=200, body=me)
    made = run(give(superuser), all_or_nothing=False)
    assert states(made)["Acme Realty"] == RowState.ADDED
    html = page(superuser, made)
    assert "<img" not in html
    assert "&lt;img" in html


def test_start__twice__one_job_and_the_second_click_is_explained(
    superuser: User, west: None
) -> None:
    made = give(superuser)
    import_job.start(made, all_or_nothing=True)
    with pytest.raises(ChangeNotAllowed, match="already running"):
        import_job.start(made, all_or_nothing=True)
    (job,) = waiting_jobs()
    assert job.args == {"import_id": str(made.pk)}


def test_run__user_no_longer_a_superuser__nothing_more_is_added(
    superuser: User, lofty: Lofty, west: None
) -> None:
    made = give(superuser)
    import_job.start(made, all_or_nothing=False)
    User.objects.update(is_superuser=False)
    import_job.advance(made.pk)
    made.refresh_from_db()
    assert "can no longer add tenants" in made.message
    assert not Tenant.objects.exists()


def test_list_of_tenants__behind__waits_and_continues_afterwards(
    superuser: User, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = import_job.read_list(superuser, "name\nInitech\n")
    import_job.start(made, all_or_nothing=True)
    Import.objects.update(heartbeat_at=timezone.now() - Import.STALE_AFTER * 2)
    anchors = tmp_path / "anchors"
    fall_behind(settings, anchors)
    tasks.import_tenants(import_id=str(made.pk))
    tasks.tidy(timestamp=0)
    assert caplog.text.count("Not done: ") == 2
    assert not Tenant.objects.exists()
    anchors.unlink()
    tasks.import_tenants(import_id=str(made.pk))
    assert Tenant.objects.get().name == "Initech"


@pytest.mark.django_db(transaction=True)
def test_worker__real_one__adds_them(superuser: User, lofty: Lofty, west: None) -> None:
    made = give(superuser)
    client = signed_in(superuser)
    client.post(reverse("fleet:import_start", args=[made.pk]), {"mode": "all"})
    worker = start_manage("procrastinate", "worker", "--one-shot", "--queues", "fleet")
    said = worker.communicate(timeout=60)[0]
    assert worker.returncode == 0, said
    assert leaks(said) == []
    assert Tenant.objects.count() == 3
    assert "3 of 3 tenants added" in page(superuser, made)


# --- Secrets ------------------------------------------------------------------------------------
def test_canary__whole_way__no_page_no_log_no_row_no_job(
    superuser: User, lofty: Lofty, west: None, caplog: pytest.LogCaptureFixture
) -> None:
    client, pages = signed_in(superuser), []
    with caplog.at_level(logging.DEBUG):
        for text in (f"Acme,{TOKEN}\n", HEAD + TOKEN + "\n", HEAD + GOOD + DEAD):
            answer = client.post(reverse("fleet:import"), {"pasted": text}, follow=True)
            pages.append(answer.content.decode() + str(answer.headers) + str(client.cookies))
        made = Import.objects.get()
        pages.append(whole_database())
        client.post(reverse("fleet:import_start", args=[made.pk]), {"mode": "good"})
        import_job.advance(made.pk)
        pages += [page(superuser, made), whole_database()]
    assert leaks("\n".join(pages)) == []
    assert leaks(caplog.text + "".join(str(vars(record)) for record in caplog.records)) == []
    assert leaks("\n".join(repr(vars(row)) for row in made.rows.all())) == []
    assert Tenant.objects.count() == 3


def test_sealed__moved_to_another_row_or_person__does_not_open(superuser: User) -> None:
    made = give(superuser, f"{HEAD}A,a,api key,{TOKEN},\nB,b,,,\n")
    first, second = made.rows.all()
    assert first.open().token == TOKEN
    second.sealed = first.sealed
    with pytest.raises(VaultError):
        second.open()
    other = make_user("other@example.com", "Otto Other", superuser=True)
    first.parent.person = other
    with pytest.raises(VaultError, match="another user"):
        first.open()


def test_expired__erased_and_not_started_any_more(
    superuser: User, lofty: Lofty, west: None
) -> None:
    done = run(give(superuser, HEAD + GOOD + DEAD), all_or_nothing=False)
    unused = give(superuser, HEAD + DEAD)
    assert import_job.erase_expired() == 0
    Import.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(ChangeNotAllowed, match="kept for one hour only"):
        import_job.start(done, all_or_nothing=False)
    tasks.tidy(timestamp=0)
    tasks.tidy(timestamp=0)
    assert list(Import.objects.all()) == [done]
    assert not ImportRow.objects.exclude(sealed=b"").exists()
    assert "Upload them again" in page(superuser, done)
    assert kinds().count("import.forgotten") == 2
    assert not Import.objects.filter(pk=unused.pk).exists()


def test_expired__in_the_middle__ends_with_words(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    import_job.start(made, all_or_nothing=True)
    Import.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    import_job.erase_expired()
    made.refresh_from_db()
    assert made.state == ImportState.DONE
    assert "took too long" in made.message
    assert not import_job.advance(made.pk)


def test_tidy__job_or_process_died__gets_a_new_job(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    import_job.start(made, all_or_nothing=True)
    take_jobs()
    Import.objects.update(heartbeat_at=timezone.now() - Import.STALE_AFTER * 2)
    tasks.tidy(timestamp=0)
    tasks.tidy(timestamp=0)
    assert len(waiting_jobs()) == 1


def test_forget__the_users_own_button__deleted_and_recorded(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    client = signed_in(superuser)
    import_job.start(made, all_or_nothing=True)
    url = reverse("fleet:import_forget", args=[made.pk])
    assert "is running and can&#x27;t be deleted" in client.post(url, follow=True).content.decode()
    import_job.advance(made.pk)
    client.post(url)
    assert not Import.objects.exists()
    assert kinds()[-1] == "import.forgotten"
    assert client.post(url).status_code == 404


# --- Who may ------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["owner", "viewer", "outsider"])
def test_import__not_a_superuser__403_everywhere(
    who: str, superuser: User, acme: Tenant, request: pytest.FixtureRequest
) -> None:
    made = give(superuser, HEAD + DEAD)
    client = signed_in(request.getfixturevalue(who))
    for name in ("fleet:import", "fleet:import_template", "fleet:import_run"):
        url = reverse(name, args=[made.pk] if name == "fleet:import_run" else [])
        assert client.get(url).status_code == 403
    for name in ("fleet:import_start", "fleet:import_forget"):
        answer = client.post(reverse(name, args=[made.pk]), {"mode": "all"})
        assert answer.status_code == 403
    made.refresh_from_db()
    assert made.state == ImportState.READ


def test_import__another_superuser__404(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    client = signed_in(make_user("other@example.com", "Otto Other", superuser=True))
    assert client.get(reverse("fleet:import_run", args=[made.pk])).status_code == 404
    for name in ("fleet:import_start", "fleet:import_forget"):
        assert client.post(reverse(name, args=[made.pk]), {"mode": "all"}).status_code == 404
    assert Import.objects.get().state == ImportState.READ


def test_start__without_a_choice__says_so_and_starts_nothing(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    url = reverse("fleet:import_start", args=[made.pk])
    html = signed_in(superuser).post(url, {"mode": "x"}, follow=True).content.decode()
    assert "Nothing was started" in html
    assert waiting_jobs() == []


def test_progress__htmx__gets_the_part_that_renews_itself(superuser: User) -> None:
    made = give(superuser, HEAD + DEAD)
    import_job.start(made, all_or_nothing=True)
    url = reverse("fleet:import_run", args=[made.pk])
    html = signed_in(superuser).get(url, headers={"HX-Target": "import-state"}).content.decode()
    assert html.strip().startswith("<section")
    assert 'hx-trigger="every 2s"' in html
    assert "0 of 1 rows" in html


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("loss", [{"is_active": False}, {"is_superuser": False}])
@pytest.mark.parametrize("all_or_nothing", [True, False])
def test_run__user_loses_the_role_while_a_token_is_tried__nothing_more_is_added(
    superuser: User, lofty: Lofty, loss: dict[str, bool], all_or_nothing: bool
) -> None:
    lofty.fault("globex", kind="delay", on="GET", times=1, seconds=1.5)
    add_group(slug="west", name="West coast")
    made = give(superuser)
    import_job.start(made, all_or_nothing=all_or_nothing)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(advance_and_hang_up, made)
        while not made.rows.filter(name="Acme Realty").exclude(state=RowState.READY).exists():
            time.sleep(0.02)
        User.objects.filter(pk=superuser.pk).update(**loss)
        job.result(30)
    made.refresh_from_db()
    assert made.state == ImportState.DONE
    assert "can no longer add tenants" in made.message
    added = set(Tenant.objects.values_list("name", flat=True))
    assert added <= (set() if all_or_nothing else {"Acme Realty"})
    event = AuditEvent.objects.get(kind="import.finished")
    assert event.content["detail"]["message"] == made.message


def advance_and_hang_up(made: Import) -> None:
    try:
        import_job.advance(made.pk)
    finally:
        database.close()
