"""Text recorded in English is shown in Spanish on Spanish pages: settings, jobs, months."""

import datetime as dt
import re
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client
from django.utils.dates import MONTHS, MONTHS_3
from django.utils.translation import gettext, override

from lofty_admin.accounts import tasks as accounts_tasks
from lofty_admin.accounts.models import User
from lofty_admin.agentsettings import tasks as settings_tasks
from lofty_admin.agentsettings.fields import SETTINGS
from lofty_admin.audit import tasks as audit_tasks
from lofty_admin.audit.context import Actor
from lofty_admin.audit.kinds import Kind, Outcome
from lofty_admin.audit.log.record import record
from lofty_admin.audit.search.query import PAGE
from lofty_admin.core.templatetags.recorded import recorded
from lofty_admin.core.templatetags.when import exactly
from lofty_admin.directory import tasks as directory_tasks
from lofty_admin.fleet import tasks as fleet_tasks
from lofty_admin.tenants import tasks as tenants_tasks
from lofty_admin.tenants.models import Tenant
from tests.support.users import signed_in

pytestmark = pytest.mark.django_db
MODULES = (accounts_tasks, settings_tasks, audit_tasks, directory_tasks, fleet_tasks, tenants_tasks)
JOBS = [actor for module in MODULES for actor in vars(module).values() if isinstance(actor, Actor)]
SUBJECTS = ["API key ending in WXYZ", "OAuth token ending in 1234", "lead source 7", "Audit log"]
PAGES = ["/", "/audit/", "/t/acme/history/", "/t/acme/receipt/", "/audit/?q=settings"]


def changes(tenant: Tenant) -> None:
    """One event for each setting, by each job in turn; and one for each other subject."""
    assert len(SETTINGS) + len(SUBJECTS) <= PAGE
    for n, setting in enumerate(SETTINGS):
        with override("en"):
            label = str(setting.label)
        record(
            Kind.SETTINGS_OUTCOME,
            tenant=tenant.ref,
            subject=label,
            outcome=Outcome.VERIFIED,
            operation_id=uuid4(),
            before={setting.name: None},
            after={setting.name: None},
            detail={"changed": [setting.name], "wanted": {}, "names": {}},
            actor=JOBS[n % len(JOBS)],
        )
    for subject in SUBJECTS:
        record(Kind.CREDENTIAL_TESTED, tenant=tenant.ref, subject=subject, outcome=Outcome.DONE)


def leftovers() -> set[str]:
    """English texts of ours that read otherwise in Spanish."""
    with override("en"):
        labels = [str(setting.label) for setting in SETTINGS]
    with override("es"):
        spanish = {str(setting.label) for setting in SETTINGS}
    names = {actor.name for actor in JOBS}
    return ({*labels} - spanish) | names | {*SUBJECTS}


def text_in_spanish(client: Client, url: str) -> str:
    html = client.get(url, headers={"accept-language": "es"}).content.decode()
    main = html.partition("<main")[2].partition("</main>")[0]
    marked = re.sub(r'<span lang="en">.*?</span>', " ", main, flags=re.DOTALL)
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", marked).split()))


def test_jobs__all__are_found() -> None:
    assert len(JOBS) >= 8


@pytest.mark.parametrize("url", PAGES)
def test_page__in_spanish__no_recorded_english(superuser: User, acme: Tenant, url: str) -> None:
    changes(acme)
    shown = text_in_spanish(signed_in(superuser), url)
    assert shown
    untranslated = {text for text in leftovers() if re.search(rf"\b{re.escape(text)}\b", shown)}
    assert not untranslated


def test_history__in_spanish__jobs_to_filter_by_and_settings_are_named(
    superuser: User, acme: Tenant
) -> None:
    changes(acme)
    shown = text_in_spanish(signed_in(superuser), "/audit/")
    for words in ("Comprobación automática", "Días activos", "Clave de API que termina en WXYZ"):
        assert words in shown


@pytest.mark.parametrize("month", range(1, 13))
def test_month__in_spanish__is_no_english_month(month: int) -> None:
    at = dt.datetime(2026, month, 9, 10, 30, tzinfo=dt.UTC)
    with override("en"):
        english = {str(MONTHS_3[month]).title(), str(MONTHS[month])}
    with override("es"):
        spanish = str(MONTHS_3[month]).title()
        assert spanish in exactly(at, dt.UTC)
    if spanish not in english:
        with override("es"):
            assert not any(name in exactly(at, dt.UTC).split() for name in english)


def test_record__by_a_job__keeps_its_english_name(acme: Tenant) -> None:
    with override("es"):
        event = record(Kind.SETTINGS_OUTCOME, tenant=acme.ref, subject="Active days", actor=JOBS[0])
    assert event.actor_name == JOBS[0].name
    assert event.subject == "Active days"


def test_translate_recorded__several_sentences__each_is_translated_if_marked() -> None:
    with override("es"):
        sent = gettext("Nothing was sent.")
        told_text = recorded("Lofty said <b>no</b>. Nothing was sent.")
        whole = gettext("Read back from Lofty: every change was made.")
        assert sent != "Nothing was sent."
        assert told_text == f'<span lang="en">Lofty said &lt;b&gt;no&lt;/b&gt;.</span> {sent}'
        assert recorded("Read back from Lofty: every change was made. Nothing was sent.") == (
            f"{whole} {sent}"
        )
    assert recorded("Lofty said no. Nothing was sent.") == "Lofty said no. Nothing was sent."
