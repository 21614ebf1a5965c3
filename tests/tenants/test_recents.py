"""Pinned and recent tenants: private to each user, and only a convenience."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from lofty_admin.accounts.models import User
from lofty_admin.audit.models import AuditEvent
from lofty_admin.tenants.models import Pin, Tenant, Visit
from tests.support.users import Browsers, signed_in

HISTORY = "/t/acme/history/"


def test_pin__then_unpin__the_button_changes_and_no_other_user_sees_it(
    browsers: Browsers, viewer: User, acme: Tenant
) -> None:
    assert 'aria-pressed="false"' in browsers.viewer.get(HISTORY).content.decode()
    for _ in range(2):
        answer = browsers.viewer.post(reverse("tenants:pin", args=["acme"]), {"next": HISTORY})
        assert answer.headers["Location"] == HISTORY
    assert Pin.objects.get().user == viewer
    page = browsers.viewer.get(HISTORY).content.decode()
    assert 'aria-pressed="true"' in page
    assert reverse("tenants:unpin", args=["acme"]) in page
    assert 'aria-pressed="false"' in browsers.owner.get(HISTORY).content.decode()
    browsers.viewer.post(reverse("tenants:unpin", args=["acme"]))
    assert not Pin.objects.exists()
    assert not AuditEvent.objects.exists()


def test_pin__by_htmx__the_button_alone(browsers: Browsers) -> None:
    url = reverse("tenants:pin", args=["acme"])
    html = browsers.viewer.post(url, headers={"HX-Request": "true"}).content.decode()
    assert 'aria-pressed="true"' in html
    assert "<html" not in html


@pytest.mark.parametrize("after", ["https://evil.test/", "//evil.test/", "javascript:x", ""])
def test_pin__way_back_that_is_elsewhere__to_the_tenant(browsers: Browsers, after: str) -> None:
    answer = browsers.viewer.post(reverse("tenants:pin", args=["acme"]), {"next": after})
    assert answer.headers["Location"] == "/t/acme/"


def test_visit__pages_opened__noted_once_a_minute(viewer: User, acme: Tenant) -> None:
    client = signed_in(viewer)
    client.get(HISTORY)
    visit = Visit.objects.get()
    assert (visit.user, visit.tenant) == (viewer, acme)
    client.get(HISTORY)
    visit.refresh_from_db()
    first = visit.at
    Visit.objects.update(at=timezone.now() - timedelta(minutes=2))
    client.get(HISTORY)
    visit.refresh_from_db()
    assert visit.at > first


def test_visit__refused_parts_and_other_pages__not_noted(
    browsers: Browsers, viewer: User, acme: Tenant
) -> None:
    browsers.outsider.get(HISTORY)
    browsers.viewer.get("/t/acme/people/")
    browsers.viewer.get(HISTORY, headers={"HX-Request": "true"})
    browsers.viewer.get(reverse("directory:search", args=["acme", "agent"]))
    browsers.viewer.get("/")
    Client().get(HISTORY)
    assert not Visit.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_visit__cannot_be_written__the_page_is_there_anyway(
    browsers: Browsers, caplog: pytest.LogCaptureFixture
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tenants_visit RENAME TO gone")
    try:
        assert browsers.viewer.get(HISTORY).status_code == 200
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE gone RENAME TO tenants_visit")
    assert "could not be recorded" in caplog.text
