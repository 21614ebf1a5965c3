"""A sync against a practice Lofty, from start to end and with unexpected responses."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.context import acting_as, person
from lofty_admin.audit.models import AuditEvent
from lofty_admin.core.leased_job import LeaseLost
from lofty_admin.directory import sync as sync_module
from lofty_admin.directory.models import Entry, EntryKind, Step, Sync, SyncState
from lofty_admin.directory.names import freshness, give_name, names, profile
from lofty_admin.directory.sync import MOST_ATTEMPTS, advance, open_sync, stalled
from lofty_admin.lofty.client import LoftyClient
from lofty_admin.tenants.models import Role, Tenant
from tests.support.directory import (
    Connect,
    calls_made,
    found,
    get_members,
    remove_ponds_and_pipelines,
    set_members,
    synced,
)
from tools.practice_lofty import api
from tools.practice_lofty.server import Sandbox

REFUSED = {"code": 200100, "message": "The app lacks the scope"}


def known(tenant: Tenant, kind: EntryKind) -> int:
    return Entry.objects.filter(tenant=tenant, kind=kind, gone_since=None).count()


def gone(tenant: Tenant, kind: EntryKind = EntryKind.AGENT) -> list[int]:
    missing = Entry.objects.filter(tenant=tenant, kind=kind, gone_since__isnull=False)
    return list(missing.order_by("lofty_id").values_list("lofty_id", flat=True))


def test_sync__small_customer__every_kind_has_its_names(acme: Tenant, connect: Connect) -> None:
    connect(members=60, offices=3, ponds=4, pipelines=12)
    sync = synced(acme)
    assert (sync.state, sync.message, sync.done, sync.total) == (SyncState.DONE, "", 60, 60)
    counts = {kind.value: known(acme, kind) for kind in EntryKind}
    assert counts["agent"] == 60
    assert counts["office"] >= 3
    assert (counts["pond"], counts["pipeline"], counts["source"]) == (4, 12, 0)
    fresh = freshness(acme)
    assert (fresh.synced_at, fresh.running, fresh.message) == (sync.finished_at, None, "")


def test_sync__agents__names_mail_and_office_as_lofty_returns(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=3)
    rows = get_members(practice, "acme")
    rows[1] |= {"firstName": None, "lastName": "", "email": "only@mail.example.com"}
    rows[2] |= {"firstName": "A\x00nna\u202e", "lastName": "\ud800Smith", "email": None}
    rows[2] |= {"groupId": None, "groupName": None}
    set_members(practice, "acme", rows)
    ids = [int(str(row["memberUserId"])) for row in rows]
    Entry.objects.keep([Entry.build(acme, EntryKind.AGENT, ids[0], "As read before offices were")])
    assert synced(acme).state == SyncState.DONE
    offices = Entry.objects.filter(kind=EntryKind.AGENT).order_by("lofty_id")
    office = int(str(rows[0]["groupId"]))
    assert list(offices.values_list("belongs_to", flat=True)) == [office, rows[1]["groupId"], 0]
    assert not Entry.objects.filter(kind=EntryKind.OFFICE, belongs_to=None).exists()
    told = names(acme, EntryKind.AGENT, ids)
    assert told[ids[0]].name == f"{rows[0]['firstName']} {rows[0]['lastName']}"
    assert told[ids[0]].detail == f"{rows[0]['email']} · {rows[0]['groupName']}"
    assert told[ids[1]].name == "only@mail.example.com"
    assert told[ids[1]].detail == rows[1]["groupName"]
    assert told[ids[2]].name.startswith("A nna")


def test_sync__profile__owner_and_quota_kept(acme: Tenant, connect: Connect) -> None:
    connect()
    synced(acme)
    kept = profile(acme)
    assert kept is not None
    assert kept.me["email"]
    assert kept.me["time_zone"]
    assert kept.quota is not None
    assert kept.quota["total"] is not None


def test_sync__giant_customer__all_5000_in_the_fewest_calls(acme: Tenant, connect: Connect) -> None:
    customer = connect(members=5000, offices=300, ponds=500, options={"member_maximum": 100})
    sync = synced(acme)
    assert (sync.state, sync.message) == (SyncState.DONE, "")
    assert known(acme, EntryKind.AGENT) == 5000
    assert known(acme, EntryKind.OFFICE) >= 300
    assert known(acme, EntryKind.POND) == 500
    assert calls_made(customer) == 5 + 50


@pytest.mark.parametrize("oversize", ["cap", "refuse"])
@pytest.mark.parametrize("metadata_key", ["_metadata", "get_metadata"])
def test_sync__both_paging_dialects__every_agent_once(
    acme: Tenant, connect: Connect, oversize: str, metadata_key: str
) -> None:
    connect(members=55, options={"oversize": oversize, "metadata_key": metadata_key})
    assert synced(acme).state == SyncState.DONE
    assert known(acme, EntryKind.AGENT) == 55


@pytest.mark.parametrize("org", ["multi_team", "no_permission"])
def test_sync__offices_not_listed__learned_from_agents_and_never_gone(
    acme: Tenant, connect: Connect, practice: Sandbox, org: str
) -> None:
    connect(members=8, offices=2, org=org)
    synced(acme)
    offices = {int(str(row["groupId"])) for row in get_members(practice, "acme") if row["groupId"]}
    assert offices
    assert all(name.known for name in names(acme, EntryKind.OFFICE, offices).values())
    set_members(practice, "acme", get_members(practice, "acme")[:1])
    synced(acme)
    assert gone(acme, EntryKind.OFFICE) == []


def test_sync__no_agents_at_all__done_and_no_one_marked_gone(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=4)
    synced(acme)
    set_members(practice, "acme", [])
    sync = synced(acme)
    assert sync.state == SyncState.DONE
    assert "no agents" in sync.message
    assert known(acme, EntryKind.AGENT) == 4


def test_sync__someone_left__marked_gone_and_keeps_the_name_until_back(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=30)
    synced(acme)
    rows = get_members(practice, "acme")
    leaver = int(str(rows[3]["memberUserId"]))
    before = names(acme, EntryKind.AGENT, [leaver])[leaver]
    set_members(practice, "acme", rows[:3] + rows[4:])
    synced(acme)
    after = names(acme, EntryKind.AGENT, [leaver])[leaver]
    assert gone(acme) == [leaver]
    assert (after.name, after.detail, after.known) == (before.name, before.detail, True)
    since = after.gone_since
    synced(acme)
    assert names(acme, EntryKind.AGENT, [leaver])[leaver].gone_since == since
    set_members(practice, "acme", rows)
    synced(acme)
    assert gone(acme) == []


def test_sync__pond_and_pipeline_removed__marked_gone(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(ponds=2, pipelines=2)
    synced(acme)
    remove_ponds_and_pipelines(practice, "acme")
    synced(acme)
    assert (len(gone(acme, EntryKind.POND)), len(gone(acme, EntryKind.PIPELINE))) == (2, 2)


def test_sync__fails_half_way__marks_no_one_gone_and_resumes_later(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    customer = connect(members=100, ponds=3)
    synced(acme)
    set_members(practice, "acme", get_members(practice, "acme")[:60])
    remove_ponds_and_pipelines(practice, "acme")
    sync = open_sync(acme)
    for _ in range(7):  # me, quota, org, ponds, pipelines, and two pages of agents
        advance(sync.pk, seconds=0.000001)
    customer.change(revoke_all=True)
    advance(sync.pk)
    sync.refresh_from_db()
    assert sync.state == SyncState.FAILED
    assert "token" in sync.message
    assert "It had read 50 of 60 agents" in sync.message
    assert "continues from there" in sync.message
    assert gone(acme) == []
    assert gone(acme, EntryKind.POND) == []
    assert freshness(acme).message == sync.message


def test_sync__started_again_after_failure__continues_where_it_was(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=100)
    customer.misbehave("status", on="GET", path="/v1.0/members", code=403, body=REFUSED)
    failed = synced(acme)
    assert (failed.state, failed.step) == (SyncState.FAILED, Step.AGENTS)
    before = calls_made(customer)
    again = synced(acme)
    assert (again.pk, again.state) == (failed.pk, SyncState.DONE)
    assert calls_made(customer) - before == 4


def test_sync__failed_long_ago__starts_over(acme: Tenant, connect: Connect) -> None:
    customer = connect()
    customer.misbehave("status", on="GET", path="/v1.0/members", code=403, body=REFUSED)
    failed = synced(acme)
    Sync.objects.update(started_at=timezone.now() - timedelta(hours=2))
    assert open_sync(acme).pk != failed.pk


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/v2.0/sales-agents/quota", "Quota"),
        ("/v1.0/org", "Offices"),
        ("/v1.0/team-features/lead-ponds", "Ponds"),
        ("/v1.0/teamFeatures/lead-pipelines", "Pipelines"),
    ],
)
def test_sync__one_part_refused__the_rest_is_read_and_the_page_says_so(
    acme: Tenant, connect: Connect, path: str, label: str
) -> None:
    customer = connect(members=5, ponds=2, pipelines=2)
    synced(acme)
    customer.misbehave("status", on="GET", path=path, times=None, code=403, body=REFUSED)
    sync = synced(acme)
    assert sync.state == SyncState.DONE
    assert sync.message.startswith(f"{label}: ")
    assert all(gone(acme, kind) == [] for kind in EntryKind)
    assert known(acme, EntryKind.AGENT) == 5


@pytest.mark.parametrize("kind", ["status", "html", "cut_body", "drop_after", "wrong_json"])
def test_sync__lofty_fails_for_a_while__waits_and_then_continues(
    acme: Tenant, connect: Connect, kind: str
) -> None:
    customer = connect(members=60)
    customer.misbehave(kind, on="GET", path="/v1.0/members", times=None)
    sync = open_sync(acme)
    until = advance(sync.pk)
    assert until is not None
    assert timedelta(0) < until - timezone.now() <= timedelta(minutes=15)
    sync.refresh_from_db()
    assert sync.state == SyncState.WAITING
    assert sync.message
    customer.behave()
    assert advance(sync.pk) is None
    sync.refresh_from_db()
    assert (sync.state, sync.message) == (SyncState.DONE, "")
    assert known(acme, EntryKind.AGENT) == 60


def test_sync__a_page_fails_twice__read_the_third_time(acme: Tenant, connect: Connect) -> None:
    customer = connect(members=60)
    customer.misbehave("status", on="GET", path="/v1.0/members", times=2, code=500)
    sync = synced(acme)
    assert (sync.state, sync.message, sync.done) == (SyncState.DONE, "", 60)
    assert calls_made(customer) == 5 + 3 + 2


def test_sync__many_pipelines__page_by_page_and_none_gone(acme: Tenant, connect: Connect) -> None:
    customer = connect(members=3, pipelines=250)
    sync = open_sync(acme)
    while advance(sync.pk, seconds=0.000001) is not None:
        sync.refresh_from_db()
        assert (sync.done, sync.agents) == (0, None) or sync.step in (Step.AGENTS, Step.END)
    assert known(acme, EntryKind.PIPELINE) == 250
    assert calls_made(customer) == 4 + 3 + 1
    assert Sync.objects.get().whole == [EntryKind.OFFICE, EntryKind.POND, EntryKind.PIPELINE]


def test_sync__one_part_fails_again_and_again__left_out_at_the_third_attempt(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=5)
    customer.misbehave("status", on="GET", path="/v1.0/org", times=None, code=500)
    sync = open_sync(acme)
    attempts = 1
    while advance(sync.pk) is not None:
        attempts += 1
    sync.refresh_from_db()
    assert (sync.state, attempts) == (SyncState.DONE, 4)  # the first one got as far as the offices
    assert sync.message.startswith("Offices: ")
    assert known(acme, EntryKind.AGENT) == 5


def test_sync__makes_no_progress__stops_after_some_attempts(acme: Tenant, connect: Connect) -> None:
    customer = connect()
    customer.misbehave("status", on="GET", times=None, code=500, path="/v1.0/me")
    sync = open_sync(acme)
    Sync.objects.update(attempts=MOST_ATTEMPTS)
    assert advance(sync.pk) is None
    sync.refresh_from_db()
    assert sync.state == SyncState.FAILED
    assert str(MOST_ATTEMPTS) in sync.message


def test_sync__no_token__fails_and_says_so(acme: Tenant) -> None:
    sync = synced(acme)
    assert sync.state == SyncState.FAILED
    assert "no Lofty token" in sync.message
    assert "Nothing had been read yet" in sync.message


def test_sync__list_changes_while_read__no_one_marked_gone_and_the_next_sync_sees_it(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=80)
    synced(acme)
    rows = get_members(practice, "acme")
    leaver = int(str(rows[0]["memberUserId"]))
    sync = open_sync(acme)
    while sync.position == 0:
        advance(sync.pk, seconds=0.000001)
        sync.refresh_from_db()
    set_members(practice, "acme", rows[1:])  # all move up, one is never listed
    advance(sync.pk)
    sync.refresh_from_db()
    assert (sync.state, gone(acme)) == (SyncState.DONE, [])
    assert "next sync" in sync.message
    assert synced(acme).message == ""
    assert gone(acme) == [leaver]


def test_sync__lofty_ignores_the_offset__ends_and_no_one_marked_gone(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=60)
    synced(acme)
    rows = get_members(practice, "acme")
    set_members(practice, "acme", [rows[place % 25] for place in range(60)])
    sync = synced(acme)
    assert sync.state == SyncState.DONE
    assert "was inconsistent" in sync.message
    assert gone(acme) == []


@pytest.mark.parametrize("repeats", [False, True])
def test_sync__no_total_given__ends_at_the_first_page_without_new_names(
    acme: Tenant,
    connect: Connect,
    practice: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    repeats: bool,
) -> None:
    monkeypatch.setattr(api, "_paging", lambda *_: {"_metadata": {}})
    connect(members=60)
    rows = get_members(practice, "acme")
    if repeats:
        set_members(practice, "acme", [rows[place % 25] for place in range(60)])
    sync = synced(acme)
    assert (sync.state, sync.total) == (SyncState.DONE, None)
    assert known(acme, EntryKind.AGENT) == (25 if repeats else 60)


def test_sync__ids_that_mean_everyone_or_nothing__not_mismistaken_for_entries(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=3)
    rows = get_members(practice, "acme")
    rows[0]["memberUserId"], rows[1]["memberUserId"], rows[1]["groupId"] = -1, None, 0
    set_members(practice, "acme", rows)
    synced(acme)
    assert Entry.objects.filter(lofty_id__lte=0).count() == 0
    assert known(acme, EntryKind.AGENT) == 1


def test_sync__run_twice__same_entries(acme: Tenant, connect: Connect) -> None:
    connect(members=30)
    synced(acme)
    facts = ("kind", "lofty_id", "name", "detail", "folded", "gone_since")
    before = list(Entry.objects.order_by("kind", "lofty_id").values_list(*facts))
    synced(acme)
    assert list(Entry.objects.order_by("kind", "lofty_id").values_list(*facts)) == before


def test_sync__renamed_in_lofty__new_name_found(
    acme: Tenant, connect: Connect, practice: Sandbox
) -> None:
    connect(members=2)
    synced(acme)
    rows = get_members(practice, "acme")
    set_members(practice, "acme", [rows[0], rows[1] | {"firstName": "Zoë", "lastName": "Zander"}])
    synced(acme)
    assert found(acme, "zoe zander") == ["Zoë Zander"]


def test_sync__lead_source_names__never_touched(acme: Tenant, connect: Connect) -> None:
    connect()
    give_name(acme, 1002, "Zillow")
    synced(acme)
    assert gone(acme, EntryKind.SOURCE) == []


def test_sync__ended__recorded_with_who_asked(acme: Tenant, owner: User, connect: Connect) -> None:
    connect(members=5)
    with acting_as(person(owner)):
        sync = open_sync(acme)
    advance(sync.pk)
    event = AuditEvent.objects.get(kind="directory.synced")
    assert (event.actor_name, event.outcome) == ("Olivia Owner", "done")
    assert event.content["detail"]["agents_read"] == 5
    assert event.request_id == sync.request_id


def test_sync__in_slices__commits_each_and_ends_like_in_one(acme: Tenant, connect: Connect) -> None:
    customer = connect(members=60)
    sync = open_sync(acme)
    slices = 1
    while advance(sync.pk, seconds=0.000001) is not None:
        slices += 1
    assert slices > 3
    assert calls_made(customer) == 5 + 3
    assert known(acme, EntryKind.AGENT) == 60


def test_open_sync__one_is_open__the_same_one(acme: Tenant) -> None:
    assert open_sync(acme).pk == open_sync(acme).pk
    assert Sync.objects.count() == 1


def test_advance__lease_of_another_process__leaves_it_alone(acme: Tenant, connect: Connect) -> None:
    customer = connect()
    sync = open_sync(acme)
    Sync.objects.update(state=SyncState.RUNNING, runner=uuid4())
    assert advance(sync.pk) is None
    assert calls_made(customer) == 0


def test_advance__taken_over_in_the_middle__writes_no_more(
    acme: Tenant, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(members=60)
    sync = open_sync(acme)
    step = sync_module._take_step

    def lose_it_at_the_agents(mine: Sync, client: LoftyClient) -> None:
        if mine.step == Step.AGENTS:
            Sync.objects.filter(pk=mine.pk).update(runner=uuid4())
        step(mine, client)

    monkeypatch.setattr(sync_module, "_take_step", lose_it_at_the_agents)
    assert advance(sync.pk) is None
    sync.refresh_from_db()
    assert (sync.state, sync.position) == (SyncState.RUNNING, 0)
    assert known(acme, EntryKind.AGENT) == 0
    with pytest.raises(LeaseLost):
        sync_module._write(Sync(pk=sync.pk, runner=uuid4()), position=3)


def test_stalled__stale_or_overdue__found_and_others_not(acme: Tenant, globex: Tenant) -> None:
    old = timezone.now() - timedelta(minutes=10)
    stale, waiting = open_sync(acme), open_sync(globex)
    assert stalled() == []
    Sync.objects.update(heartbeat_at=old)
    Sync.objects.filter(pk=stale.pk).update(state=SyncState.RUNNING)
    Sync.objects.filter(pk=waiting.pk).update(
        state=SyncState.WAITING, resume_at=timezone.now() + timedelta(minutes=1)
    )
    assert stalled() == [stale]
    Sync.objects.filter(pk=waiting.pk).update(resume_at=old)
    assert set(stalled()) == {stale, waiting}


def test_advance__sync_has_ended__does_nothing(acme: Tenant, connect: Connect) -> None:
    customer = connect()
    sync = synced(acme)
    before = calls_made(customer)
    assert advance(sync.pk) is None
    assert calls_made(customer) == before


# Lists that do not add up -----------------------------------------------------------------------


@pytest.mark.parametrize("total", [-1, 0, 10, 25, 999, 2**31 - 1])
def test_sync__every_page_is_the_first_again__ends_and_marks_no_one_gone(
    acme: Tenant, connect: Connect, total: int
) -> None:
    customer = connect(members=60, pipelines=30)
    synced(acme)
    customer.change(options={"repeat_pages": True, "false_total": total})
    before = calls_made(customer)
    sync = synced(acme)
    assert sync.state == SyncState.DONE
    assert calls_made(customer) - before <= 8
    assert known(acme, EntryKind.AGENT) == 60 or total in (0, 10, 25)
    assert gone(acme, EntryKind.PIPELINE) == []


@pytest.mark.parametrize("total", [0, 1, 10, 25, 26, 59, 999, 2**31 - 1])
@pytest.mark.parametrize("members", [25, 50, 60])
def test_sync__total_is_wrong__every_agent_is_read(
    acme: Tenant, connect: Connect, total: int, members: int
) -> None:
    customer = connect(members=members, pipelines=25)
    customer.change(options={"false_total": total})
    sync = synced(acme)
    assert sync.state == SyncState.DONE
    assert known(acme, EntryKind.AGENT) == members
    assert known(acme, EntryKind.PIPELINE) == 25


def test_sync__total_too_small__no_one_marked_gone(acme: Tenant, connect: Connect) -> None:
    customer = connect(members=60)
    synced(acme)
    customer.change(options={"false_total": 25})
    assert synced(acme).state == SyncState.DONE
    assert gone(acme) == []


@pytest.mark.parametrize("members", [5, 60, 100])
def test_sync__correct_total__costs_no_further_call(
    acme: Tenant, connect: Connect, members: int
) -> None:
    customer = connect(members=members)
    synced(acme)
    assert calls_made(customer) == 5 + -(-members // 25)


def test_sync__exactly_one_full_page__one_more_call_makes_sure(
    acme: Tenant, connect: Connect
) -> None:
    customer = connect(members=25)
    assert synced(acme).message == ""
    assert calls_made(customer) == 5 + 2


@pytest.mark.parametrize("code", ["LIMIT_PARAM_OVERSIZE", "LIMIT_NOT_VALID"])
@pytest.mark.parametrize("form", ["bare", "envelope", "message"])
def test_sync__page_size_refused_in_any_form__asks_for_the_default_size(
    acme: Tenant, connect: Connect, code: str, form: str
) -> None:
    words = f"errorCode={code},errorMsg=limit exceeds the maximum"
    bodies: dict[str, object] = {
        "bare": json.dumps(f"limit exceeds the configured maximum ({code})."),
        "envelope": {"data": None, "errorCode": code, "errorMsg": "too large"},
        "message": {"message": words},
    }
    customer = connect(members=30)
    customer.misbehave("status", on="GET", path="/v1.0/members", code=400, body=bodies[form])
    sync = synced(acme)
    assert (sync.state, known(acme, EntryKind.AGENT)) == (SyncState.DONE, 30)
    assert sync.page_sizes == {"/v1.0/members": 25}


@pytest.mark.parametrize("loss", ["deactivated", "demoted", "removed", "archived"])
def test_sync__right_lost_while_names_are_read__stops_and_says_so(
    acme: Tenant, editor: User, connect: Connect, loss: str
) -> None:
    customer = connect(members=100)
    with acting_as(person(editor)):
        sync = open_sync(acme)
    for _ in range(3):
        advance(sync.pk, seconds=0.000001)
    if loss == "deactivated":
        User.objects.filter(pk=editor.pk).update(is_active=False)
    elif loss == "archived":
        Tenant.objects.filter(pk=acme.pk).update(status=Tenant.Status.ARCHIVED)
    elif loss == "demoted":
        acme.memberships.update(role=Role.VIEWER)
    else:
        acme.memberships.all().delete()
    calls = calls_made(customer)
    advance(sync.pk)
    assert calls_made(customer) == calls
    sync.refresh_from_db()
    assert sync.state == SyncState.FAILED
    assert ("archived" if loss == "archived" else "no longer has permission") in sync.message
    event = AuditEvent.objects.filter(kind="directory.synced").latest("seq")
    assert event.outcome == "not_applied"
