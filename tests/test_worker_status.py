"""Without a worker, no page promises that work continues."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from lofty_admin.agentsettings.models import Operation, State
from lofty_admin.core import tasks, worker_status
from lofty_admin.core.models import Pulse
from lofty_admin.directory import sync
from lofty_admin.tenants.models import Tenant
from tests.support.users import Browsers

pytestmark = pytest.mark.django_db
WARNING = "Background work is not running"


def noted(minutes: float) -> None:
    Pulse.objects.update_or_create(
        name="worker", defaults={"at": timezone.now() - timedelta(minutes=minutes)}
    )


def beats(minutes: float) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (%s)",
            [timezone.now() - timedelta(minutes=minutes)],
        )


def test_home__no_worker_ever__says_so(browsers: Browsers) -> None:
    page = browsers.viewer.get("/").content.decode()
    assert WARNING in page
    assert "No worker has ever run here." in page


@pytest.mark.parametrize(("minutes", "is_warned"), [(2.5, False), (3.5, True), (500, True)])
def test_home__after_three_minutes__says_since_when(
    browsers: Browsers, minutes: float, is_warned: bool
) -> None:
    noted(minutes)
    page = browsers.viewer.get("/").content.decode()
    assert (WARNING in page) == is_warned
    assert ("No worker has been running since" in page) == is_warned


def test_home__a_job_takes_long__the_heartbeat_counts(browsers: Browsers) -> None:
    noted(20)
    beats(0.1)
    assert WARNING not in browsers.viewer.get("/").content.decode()


def test_a_job_runs__is_noted() -> None:
    tasks.pulse(timestamp=0)
    assert not worker_status.is_missing(worker_status.last_alive())


@pytest.mark.parametrize("minutes", [1, 4])
def test_readyz__reports_the_worker_and_is_ready_without(minutes: float) -> None:
    noted(minutes)
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["worker"]["status"] == ("alive" if minutes == 1 else "missing")
    assert answer.json()["worker"]["last_alive"]


@pytest.mark.parametrize("minutes", [1, 4])
def test_names__being_read__promises_only_with_a_worker(
    browsers: Browsers, acme: Tenant, minutes: float
) -> None:
    sync.start_sync(acme)
    noted(minutes)
    page = browsers.owner.get("/t/acme/names/").content.decode()
    assert (WARNING in page) == (minutes == 4)
    assert ("The work continues" in page) == (minutes == 1)


def test_unknown_outcome__without_a_worker__says_that_nothing_settles_it(
    browsers: Browsers, acme: Tenant
) -> None:
    operation = Operation.objects.create(
        id=uuid4(),
        tenant=acme,
        base={"id": 1, "assistantName": "a"},
        before={"id": 1, "assistantName": "a"},
        wanted={"id": 1, "assistantName": "b"},
        changed=["assistantName"],
        state=State.UNKNOWN,
        sent_at=timezone.now(),
        lease_until=timezone.now() - timedelta(minutes=5),
    )
    noted(4)
    page = browsers.owner.get(f"/t/acme/operations/{operation.pk}/").content.decode()
    assert WARNING in page
    noted(0)
    page = browsers.owner.get(f"/t/acme/operations/{operation.pk}/").content.decode()
    assert WARNING not in page
