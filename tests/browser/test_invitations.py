"""Inviting a user and accepting an invitation, with and without JavaScript, and on a phone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import NewPage, look
from tests.support.deployment import PASSWORD, Deployment
from tests.support.page_steps import expect_message
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
LINK = re.compile(r"(http://\S+/accounts/invitation/)#(\S+)")


def invite(page: Page, email: str, deployment: Deployment) -> tuple[str, str]:
    """Address and code in the mail, which this deployment prints."""
    page.goto("/people/invite/")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_role("button", name="Send invitation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(email)
    address, code = LINK.findall(deployment.console.log.read_text())[-1]
    return address, code


def become(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Repeat password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect_message(page, "Your account is ready")


def sign_in(page: Page, email: str) -> None:
    page.get_by_label("mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_invited__by_the_link__in_and_the_code_is_nowhere(
    page: Page, new_page: NewPage, deployment: Deployment, acme: PracticeCustomer
) -> None:
    address, code = invite(page, "nina@example.com", deployment)
    page.get_by_label("Tenant", exact=True).fill("acme")
    page.get_by_label("Role*").select_option("Editor")
    page.get_by_role("button", name="Change", exact=True).click()
    expect_message(page, "is now editor of Acme Realty")
    nina = new_page(signed_in=False)
    asked: list[str] = []
    nina.on("request", lambda request: asked.append(f"{request.url} {request.headers}"))
    nina.goto(f"{address}#{code}")
    expect(nina.get_by_text("You will sign in as nina@example.com")).to_be_visible()
    assert nina.url.endswith("/accounts/invitation/account/")
    become(nina, "Nina New")
    assert not [request for request in asked if code in request]
    nina.go_back()
    assert code not in nina.url
    nina.goto("/accounts/login/")
    sign_in(nina, "nina@example.com")
    expect(nina.get_by_role("link", name="Acme Realty").first).to_be_visible()
    assert deployment.console.log.read_text().count(code) == 1  # the mail itself


def test_invited__without_javascript__pastes_the_code(
    page: Page, new_page: NewPage, deployment: Deployment
) -> None:
    address, code = invite(page, "paula@example.com", deployment)
    paula = new_page(signed_in=False, java_script_enabled=False)
    paula.goto(f"{address}#{code}")
    paula.get_by_label("Code from the e-mail").fill(code)
    paula.get_by_role("button", name="Continue").click()
    become(paula, "Paula Paste")
    sign_in(paula, "paula@example.com")
    expect(
        paula.get_by_role("heading", name="You don't have access to any tenants yet")
    ).to_be_visible()


def test_looks__users_and_invitation__fit_a_phone_and_can_be_read(
    phone: Page,
    new_page: NewPage,
    deployment: Deployment,
    acme: PracticeCustomer,
) -> None:
    phone.goto("/people/invite/")
    look(phone, "invite")
    address, code = invite(phone, f"{'long-' * 10}name@{'sub.' * 10}example.com", deployment)
    phone.get_by_label("For*").select_option("All tenants, including future ones")
    phone.get_by_label("Role*").select_option("Denied")
    phone.get_by_role("button", name="Change", exact=True).click()
    look(phone, "question")
    phone.get_by_role("button", name="Change access").click()
    expect_message(phone, "is denied access to all tenants")
    look(phone, "person")
    phone.goto("/people/")
    look(phone, "users")
    phone.goto("/t/acme/people/")
    look(phone, "people of a tenant")
    somebody = new_page(signed_in=False, viewport={"width": 390, "height": 844})
    somebody.goto("/accounts/invitation/#wrong")
    expect(somebody.get_by_text("isn't an invitation code")).to_be_visible()
    look(somebody, "wrong code")
    somebody.goto(f"{address}#{code}")
    expect(somebody.get_by_role("heading", name="Create your account")).to_be_visible()
    look(somebody, "invited")
    become(somebody, "Lola " * 20)
    phone.goto("/people/?q=Lola")
    phone.get_by_role("link", name="Lola").click()
    expect(phone.get_by_role("button", name="Deactivate")).to_be_visible()
    look(phone, "person with an account")
