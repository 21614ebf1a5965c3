"""Connecting to Lofty in Chromium: the page's policy allows the way there and back."""

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import PHONE, NewPage, look
from tests.support.deployment import Deployment
from tests.support.page_steps import expect_message
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def birch(deployment: Deployment) -> PracticeCustomer:
    """Of a tenant of this module's own."""
    return deployment.add_tenant("birch", name="Birch Homes")


def at_lofty(page: Page) -> None:
    page.goto("/t/birch/connection/")
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("link", name="Go to Lofty").click()
    expect(page.get_by_role("heading", name="Let this app in?")).to_be_visible()


def test_connect__there_approved_and_back__confirmed_and_in_use(
    page: Page, birch: PracticeCustomer
) -> None:
    at_lofty(page)
    page.get_by_label("Sign in as").select_option("birch")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Is this the Lofty account of Birch")).to_be_visible()
    assert "code=" not in page.url
    page.get_by_label("Yes, this is the right account").check()
    page.get_by_role("button", name="Connect").click()
    expect_message(page, "The account is connected. The token belongs to")
    expect(page.get_by_text("OAuth connection")).to_be_visible()


def test_connect__back_button_to_loftys_answer__is_explained_and_nothing_breaks(
    page: Page, birch: PracticeCustomer
) -> None:
    at_lofty(page)
    page.go_back()
    page.get_by_role("button", name="Cancel").click()
    expect_message(page, "Connecting was canceled. Nothing was saved.")


def test_looks__connection_and_connecting__fit_a_phone_and_can_be_read(
    new_page: NewPage, deployment: Deployment, birch: PracticeCustomer
) -> None:
    page = new_page(viewport=PHONE, reduced_motion="reduce")
    page.goto("/t/birch/connection/")
    look(page, "connection")
    page.get_by_role("button", name="Connect").click()
    look(page, "way to Lofty")
    page.goto("/t/birch/connection/")
    page.get_by_role("button", name="Connect").click()
    expect(
        page.get_by_role("heading", name="This browser is already connecting another tenant")
    ).to_be_visible()
    look(page, "another one is under way")
    page.goto("/oauth/lofty/callback?error=access_denied")
    look(page, "denied")
    (row,) = deployment.query(
        "UPDATE tenants_credential SET expires_at = now() + interval '3 days'"
        " WHERE retired_at IS NULL AND tenant_id ="
        " (SELECT id FROM tenants_tenant WHERE slug = 'birch') RETURNING id"
    )
    deployment.query(
        "UPDATE tenants_connectionhealth SET status = 'authorise_again', failing_since = now(),"
        " note = 'Lofty renews it no more.', checked_at = now() - interval '3 days'"
        " WHERE connection_id = %s",
        row["id"],
    )
    page.goto("/t/birch/connection/")
    look(page, "connection in trouble")
    page.goto("/")
    look(page, "tenants")
