"""Copying settings from another tenant: compare, select, review, apply."""

import pytest
from django.test import Client

from lofty_admin.accounts.models import User
from lofty_admin.audit.kinds import Kind
from lofty_admin.audit.models import AuditEvent
from lofty_admin.directory.models import EntryKind
from lofty_admin.directory.names import give_name, search
from lofty_admin.tenants.models import Membership, Role, Tenant
from tests.support.directory import synced
from tests.support.pages import Page, form_of, text_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.settings_changes import connect
from tests.support.settings_pages import review_form, save
from tests.support.users import Browsers, signed_in
from tools.practice_lofty.server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)
COPY, REVIEW = "/t/acme/settings/copy/", "/t/acme/settings/review/"
FROM = f"{COPY}?from=globex"


@pytest.fixture
def both(
    practice: Sandbox, acme: Tenant, globex: Tenant, owner: User
) -> tuple[PracticeCustomer, PracticeCustomer]:
    """Acme's and Globex's customers, with directories. The owner may also look at Globex."""
    made = []
    for tenant, ponds in ((acme, 3), (globex, 4)):
        spec = {"members": 3, "offices": 2, "ponds": ponds, "pipelines": 3}
        customer = PracticeCustomer.add(practice.url, tenant.slug, **spec)
        connect(tenant, customer.token)
        synced(tenant)
        made.append(customer)
    Membership.objects.create(user=owner, tenant=globex, role=Role.VIEWER)
    return made[0], made[1]


def ids(tenant: Tenant, kind: EntryKind) -> list[int]:
    """By name, so that the same place is the same name at both."""
    return [one.id for one in sorted(search(tenant, kind, ""), key=lambda one: one.name)]


def ticked(client: Client, *names: str) -> Page:
    fields = form_of(client.get(FROM), COPY)
    return client.post(COPY, {**fields, "copy": names}, follow=True)


def test_copy__selected_differences__reviewed_and_applied_by_name(
    browsers: Browsers,
    both: tuple[PracticeCustomer, PracticeCustomer],
    acme: Tenant,
    globex: Tenant,
) -> None:
    ours, theirs = both
    there, here = (ids(tenant, EntryKind.PIPELINE) for tenant in (globex, acme))
    give_name(globex, 555, "Fairs")
    give_name(acme, 777, "fairs")
    theirs.change(
        settings={
            "assistantName": "Zoë",
            "startActiveHour": 10,
            "leadPipelines": there[1:],
            "leadSources": [555, 556],
            "leadPondIds": [-1],
            "agentIds": theirs.settings["agentIds"][:1],
        }
    )
    page: Page = browsers.owner.get(FROM)
    text = text_of(page)
    assert "8 AM" in text
    assert "10 AM" in text
    assert "unknown (556): has no name there" in text
    assert "Agents" in text
    assert "no match here" in text  # other people, by their e-mail addresses
    assert "Never copied: 1 setting unique to each tenant" in text
    assert 'value="assistantName"' not in page.content.decode()
    assert 'value="agentIds"' not in page.content.decode()
    assert "checked" not in page.content.decode()

    page = ticked(browsers.owner, "leadPipelines", "leadSources", "leadPondIds", "agentIds")
    text = text_of(page)
    assert "3 changes for Acme Realty, not sent yet" in text
    assert "Widens who is reached" in text
    assert review_form(page)["reason"] == ["Copied from Globex Homes"]
    assert ours.puts == []

    page = save(browsers.owner, page, confirmed=["leadPondIds", "leadPipelines", "leadSources"])
    assert "Verified" in text_of(page)
    settings = ours.settings
    assert sorted(settings["leadPipelines"]) == sorted(here[1:])
    assert (settings["leadSources"], settings["leadPondIds"]) == ([777], [-1])
    assert (settings["startActiveHour"], settings["assistantName"]) == (8, "Anna")
    assert theirs.puts == []
    assert AuditEvent.objects.filter(kind=Kind.SETTINGS_OUTCOME, tenant_slug="globex").count() == 0


def test_copy__changed_here_after_comparing__nothing_sent(
    browsers: Browsers, both: tuple[PracticeCustomer, PracticeCustomer]
) -> None:
    ours, theirs = both
    theirs.change(settings={"startActiveHour": 10})
    page = ticked(browsers.owner, "startActiveHour")
    ours.change(settings={"followUpRole": "Agent"})
    assert "changed in Lofty since you opened them" in text_of(save(browsers.owner, page))
    assert ours.puts == []


def test_copy__one_tenant_cannot_be_read__names_it_and_says_nothing_was_sent(
    browsers: Browsers, both: tuple[PracticeCustomer, PracticeCustomer], owner: User
) -> None:
    for failing, name in zip(both, ("Acme Realty", "Globex Homes"), strict=True):
        failing.misbehave("status", on="GET", times=None, code=500, body="down")
        answer = browsers.owner.get(FROM)
        assert answer.status_code == 502
        assert f"The settings of {name} could not be read" in text_of(answer)
        assert "Nothing was sent to Acme Realty or Globex Homes." in text_of(answer)
        failing.behave()
    tokenless = Tenant.objects.create(slug="initech", name="Initech")
    Membership.objects.create(user=owner, tenant=tokenless, role=Role.VIEWER)
    assert "Initech has no Lofty token" in text_of(browsers.owner.get(f"{COPY}?from=initech"))
    assert both[0].puts == both[1].puts == []


def test_copy__foreign_form_or_nothing_selected__nothing_happens_and_the_page_says_so(
    browsers: Browsers, both: tuple[PracticeCustomer, PracticeCustomer]
) -> None:
    both[1].change(settings={"startActiveHour": 10})
    fields = form_of(browsers.owner.get(FROM), COPY)
    # What was only compared is no snapshot of a form.
    answer = browsers.owner.post(REVIEW, {"snapshot": fields["offer"]}, follow=True)
    assert "wasn't created by this console" in text_of(answer)
    for sent, words in (
        (fields, "Nothing is selected"),
        ({**fields, "copy": ["assistantName"]}, "Nothing is selected"),
        ({**fields, "offer": ["x"], "copy": ["startActiveHour"]}, "wasn't created by this console"),
    ):
        assert words in text_of(browsers.owner.post(COPY, sent, follow=True))
    assert both[0].puts == []


def test_copy__choosing_the_source__only_tenants_the_user_may_see(
    browsers: Browsers, both: tuple[PracticeCustomer, PracticeCustomer], editor: User
) -> None:
    Tenant.objects.create(slug="initech", name="Initech")
    text = text_of(browsers.owner.get(COPY))
    assert "Globex Homes" in text
    assert "Initech" not in text
    part = browsers.owner.get(f"{COPY}?q=homes+glob", headers={"HX-Target": "found"})
    assert "Globex Homes" in text_of(part)
    assert "<h1" not in part.content.decode()
    assert "is this tenant" in text_of(browsers.owner.get(f"{COPY}?from=acme", follow=True))
    assert (
        'href="/t/acme/settings/copy/"' in browsers.owner.get("/t/acme/settings/").content.decode()
    )
    assert COPY not in browsers.viewer.get("/t/acme/settings/").content.decode()

    # Of a tenant one may not see, there is not even a refusal to be seen.
    client = signed_in(editor)
    assert client.get(FROM).status_code == 404
    assert client.get(f"{COPY}?from=initech").status_code == 404
    assert client.get(f"{COPY}?from=unknown%00").status_code == 404
    assert AuditEvent.objects.filter(kind=Kind.ACCESS_REFUSED, tenant_slug="globex").count() == 1
    assert browsers.viewer.get(FROM).status_code == 403
    assert browsers.outsider.get(FROM).status_code == 404


def test_copy__page__has_the_tabs_of_the_tenant(
    browsers: Browsers, both: tuple[PracticeCustomer, PracticeCustomer]
) -> None:
    """The owner manages Acme and may only look at Globex."""
    assert 'href="/t/acme/connection/"' in browsers.owner.get(FROM).content.decode()
