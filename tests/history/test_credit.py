"""Who made a change and who settled it: in the history, on its page, and counted once."""

import re
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.agentsettings import services
from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.agentsettings.tasks import reconcile
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.models import AuditEvent
from lofty_admin.fleet.changes import changes
from lofty_admin.tenants.models import Tenant
from tests.support.pages import text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect, editor_of, plan_for
from tests.support.settings_pages import review, save
from tests.support.users import Browsers, signed_in

pytestmark = pytest.mark.django_db(transaction=True)
HISTORY = "/t/acme/history/"


@pytest.fixture
def lost(browsers: Browsers, lofty: PracticeCustomer) -> Operation:
    """A change by Olivia whose answer was lost; Lofty has applied it."""
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.misbehave("drop_after")
    save(browsers.owner, page)
    return Operation.objects.get(state=State.UNKNOWN)


def lines(client: Client, query: str = "") -> list[str]:
    """The lines of the history, newest first."""
    html = client.get(f"{HISTORY}{query}").content.decode()
    matches = re.findall(r'<a class="list-group-item[^>]*>(.*?)</a>', html, re.S)
    return [" ".join(unescape(re.sub("<[^>]+>", " ", line)).split()) for line in matches]


def of_changes(client: Client) -> list[str]:
    return [line for line in lines(client) if "chang" in line]


def test_settled_by_another_user__is_credited_to_the_maker_and_counted_once(
    browsers: Browsers, editor: User, lost: Operation
) -> None:
    signed_in(editor).post(f"/t/acme/operations/{lost.pk}/check/")
    newest = lines(browsers.owner)[0]
    assert newest.startswith("Eduardo Editor resolved the change by Olivia Owner")
    assert "Verified" in newest
    event = AuditEvent.objects.filter(operation_id=lost.pk).latest("seq")
    assert event.detail["made_by"]["name"] == "Olivia Owner"
    text = text_of(browsers.owner.get(f"{HISTORY}{event.pk}/"))
    assert "Eduardo Editor resolved the change by Olivia Owner" in text
    text = text_of(browsers.owner.get(f"/t/acme/operations/{lost.pk}/"))
    assert "resolved by Eduardo Editor" in text
    summary = changes(None, timezone.get_default_timezone())
    assert (summary.today.words, summary.by) == ("1 verified", "Olivia Owner")
    assert summary.newest[0].what == "resolved the change by Olivia Owner"


def test_settled_by_another_user__found_by_the_maker_and_by_the_other(
    browsers: Browsers, owner: User, editor: User, lost: Operation
) -> None:
    signed_in(editor).post(f"/t/acme/operations/{lost.pk}/check/")
    found = {
        user.name: lines(browsers.owner, f"?actor=person:{user.pk}&kind=settings.outcome")
        for user in (owner, editor)
    }
    assert found["Olivia Owner"][0] == found["Eduardo Editor"][0]
    assert "resolved the change by Olivia Owner" in found["Olivia Owner"][0]
    assert any("Unknown" in line for line in found["Olivia Owner"])
    assert len(found["Eduardo Editor"]) == 1


def test_settled_by_the_job__is_credited_to_the_maker(browsers: Browsers, lost: Operation) -> None:
    reconcile(timestamp=0)
    assert lines(browsers.owner)[0].startswith("Automatic check resolved the change by Olivia")
    assert changes(None, timezone.get_default_timezone()).by == "Olivia Owner"


def test_settled_by_the_maker__is_their_change(browsers: Browsers, lost: Operation) -> None:
    browsers.owner.post(f"/t/acme/operations/{lost.pk}/check/")
    assert lines(browsers.owner)[0].startswith("Olivia Owner changed settings")


def test_unknown__is_listed_once_and_not_as_being_sent(browsers: Browsers, lost: Operation) -> None:
    listed = of_changes(browsers.owner)
    assert sum("Unknown" in line for line in listed) == 1
    assert not any("Being sent" in line for line in listed)


def test_sent__process_was_killed__is_listed_once_as_unknown(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    plan = plan_for(acme, assistantName="Bella")
    operation = services._draft(acme, plan, "", editor_of(acme))
    services._acquire_slot(operation)
    connection = acme.connection
    assert connection is not None
    services._commit_intent(operation, plan.snapshot.settings, plan, connection)
    assert "Being sent" in of_changes(browsers.owner)[0]
    Operation.objects.update(lease_until=timezone.now())
    listed = of_changes(browsers.owner)
    assert sum("started to change" in line for line in listed) == 1
    assert "Unknown" in listed[0]
    assert "Unknown: 1" in text_of(browsers.owner.get("/"))
    assert "Unknown" in text_of(browsers.owner.get(f"/t/acme/operations/{operation.pk}/"))


def test_not_sent__the_home_page_counts_what_the_history_lists(
    browsers: Browsers, acme: Tenant, lofty: PracticeCustomer
) -> None:
    page = review(browsers.owner, assistantName=["Bella"])
    lofty.change(settings={"assistantName": "Carla"})
    save(browsers.owner, page)  # changed in Lofty meanwhile
    page = review(browsers.owner, assistantName=["Dora"])
    connect(acme, PracticeCustomer.add(lofty.url, "other").token)
    save(browsers.owner, page)  # another Sales Agent
    html = browsers.owner.get("/").content.decode()
    links = re.findall(r'<a href="([^"]*outcome=not_sent[^"]*)">(\d+)</a>', html)
    assert [int(count) for _link, count in links] == [2]
    answer = browsers.owner.get(unescape(links[0][0])).content.decode()
    assert answer.count("Not sent</span>") == 2
    assert AuditEvent.objects.filter(outcome=Outcome.NOT_SENT, kind=Kind.SETTINGS_REFUSED).count()
