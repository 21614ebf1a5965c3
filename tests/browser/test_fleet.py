"""Many tenants in Chromium: the list, and adding tenants from a list."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser_pages import PHONE, NewPage, look
from tests.support.deployment import Deployment
from tests.support.page_steps import expect_message, tab_to
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.browser
TOKEN = "practice-token-of-hooli-0123456789"
LIST = f"name;scheme;token\r\nHooli Homes;API key;{TOKEN}\r\nInitech Living;;\r\n"


@pytest.fixture
def globex(deployment: Deployment, acme: PracticeCustomer) -> Iterator[None]:
    """A second tenant, without a token, for as long as the test."""
    deployment.query(
        "INSERT INTO tenants_tenant"
        " (id, slug, name, folded, note, note_folded, manual_only, status, created_at)"
        " VALUES (gen_random_uuid(), 'globex', 'Globex Homes', 'globex homes', '', '', true,"
        " 'active', now())"
        " ON CONFLICT (slug) DO UPDATE SET status = 'active'"
    )
    yield
    deployment.query("UPDATE tenants_tenant SET status = 'archived' WHERE slug = 'globex'")


def names(page: Page) -> list[str]:
    page.wait_for_load_state()  # a click is over when the next page begins to arrive
    return page.locator("#found td:first-child a").all_inner_texts()


def test_home__keyboard__search_filter_and_sort_without_a_reload(page: Page, globex: None) -> None:
    page.goto("/")
    page.evaluate("document.body.dataset.same = 'page'")
    search = page.get_by_label("Find", exact=True)
    tab_to(page, search)
    page.keyboard.type("globex")
    expect(page.locator("#found").get_by_role("status")).to_contain_text("1 matching tenant")
    assert names(page) == ["Globex Homes"]
    expect(search).to_be_focused()
    expect(page).to_have_url(re.compile(r"\?q=globex"))
    search.fill("")
    expect(page.locator("#found")).to_contain_text("Acme Realty")
    page.get_by_label("Manual only").select_option("yes")
    expect(page.locator("#found")).not_to_contain_text("Acme Realty")
    assert page.evaluate("document.body.dataset.same") == "page"
    page.reload()
    expect(page.get_by_label("Manual only")).to_have_value("yes")
    assert names(page) == ["Globex Homes"]


def test_home__column_headers_and_back__state_is_in_the_address(page: Page, globex: None) -> None:
    page.goto("/?q=e")
    first = names(page)
    page.get_by_role("link", name="Tenant", exact=False).and_(page.locator("th a")).first.click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text(re.compile("Tenant"))
    assert names(page) == first[::-1]
    assert "q=e" in page.url
    page.go_back()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text(re.compile("Tenant"))
    page.get_by_label("Token").select_option("none")
    expect(page.locator("#found")).not_to_contain_text("Acme Realty")
    page.go_back()
    expect(page.locator("#found")).to_contain_text("Acme Realty")
    expect(page.get_by_role("heading", name="Tenants", exact=True)).to_be_visible()


def test_home__long_list__the_head_stays_in_sight(page: Page, globex: None) -> None:
    page.set_viewport_size({"width": 1280, "height": 320})
    page.goto("/")
    page.locator("#found tbody tr").last.scroll_into_view_if_needed()
    head = page.locator("#found thead th").first
    page.mouse.wheel(0, 2000)
    expect(head).to_be_in_viewport()


def test_home__items_that_need_attention__come_first_and_link_to_the_page(
    page: Page, globex: None
) -> None:
    page.goto("/")
    page.get_by_role("list", name="Needs attention").get_by_role("link", name="no token").click()
    expect(page.locator("#found")).to_contain_text("Globex Homes")
    expect(page.locator("#found")).not_to_contain_text("Acme Realty")


def test_home__phone__cards_that_fit_and_can_be_read(
    new_page: NewPage, globex: None, acme: PracticeCustomer
) -> None:
    phone = new_page(viewport=PHONE, reduced_motion="reduce")
    phone.goto("/t/acme/settings/")
    phone.goto("/")
    expect(phone.locator("#found thead")).to_be_hidden()
    look(phone, "home")
    phone.get_by_label("Sort by").select_option("-read")
    expect(phone.locator("#found td:first-child a").first).to_have_text("Acme Realty")
    expect(phone).to_have_url(re.compile("sort=-read"))
    phone.goto("/?q=no+one+is+called+this")
    look(phone, "nothing found")


def test_groups__phone__fit_and_can_be_read(
    new_page: NewPage, deployment: Deployment, acme: PracticeCustomer
) -> None:
    phone = new_page(viewport=PHONE, reduced_motion="reduce")
    phone.goto("/groups/")
    look(phone, "groups")
    phone.locator("#id_name").fill("A name of some length for a group " * 3)
    phone.get_by_role("button", name="Add group").click()
    phone.get_by_role("link", name="A name of some length").click()
    look(phone, "group")
    phone.goto("/t/acme/edit/")
    look(phone, "tenant")


def test_home__without_javascript__works(new_page: NewPage, globex: None) -> None:
    page = new_page(java_script_enabled=False)
    page.goto("/t/acme/history/")
    page.get_by_role("link", name="go to another tenant").click()
    page.get_by_role("searchbox").fill("all ten")
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("link", name="All tenants", exact=True).click()
    page.get_by_label("Find", exact=True).fill("globex")
    page.get_by_role("button", name="Find", exact=True).click()
    assert names(page) == ["Globex Homes"]


def test_import__phone_paste_preview_progress_retry__to_the_end(
    new_page: NewPage, deployment: Deployment, acme: PracticeCustomer
) -> None:
    phone = new_page(viewport=PHONE, reduced_motion="reduce")
    phone.goto("/")
    phone.get_by_role("link", name="Import CSV").click()
    look(phone, "import")
    phone.get_by_label("Or paste the rows, including the header").fill(LIST.replace("name", "nome"))
    phone.get_by_role("button", name="Check the list").click()
    expect(phone.get_by_text("The header must name the columns")).to_be_visible()
    look(phone, "refused")
    assert TOKEN not in phone.content()
    phone.get_by_label("Or paste the rows, including the header").fill(LIST)
    phone.get_by_role("button", name="Check the list").click()
    expect(phone.get_by_role("heading", name="2 of 2 rows can be added")).to_be_visible()
    heading = phone.get_by_role("heading", level=1).inner_text()  # as it is laid out
    assert re.match(r"List of \d+ \w{3} \d{4}, ", heading)
    look(phone, "preview")
    phone.get_by_label("Import valid rows").check()
    phone.get_by_role("button", name="Add tenants").click()
    expect(phone.get_by_role("heading", name="0 of 2 rows")).to_be_visible()
    phone.reload()
    look(phone, "progress")
    work(deployment)
    expect(phone.get_by_role("heading", name="1 of 2 tenants added")).to_be_focused()
    expect(phone.get_by_text("Lofty does not accept this token")).to_be_visible()
    look(phone, "result")
    PracticeCustomer.add(deployment.practice.url, "hooli", token=TOKEN, scheme="api_key")
    phone.get_by_role("button", name="Retry failed rows").click()
    work(deployment)
    expect(phone.get_by_role("heading", name="2 of 2 tenants added")).to_be_visible()
    assert TOKEN not in phone.content()
    phone.get_by_role("link", name="Hooli Homes").click()
    expect(phone.get_by_role("heading", level=1)).to_have_text("Hooli Homes")


def work(deployment: Deployment) -> None:
    """A worker that does what is due and ends."""
    deployment.manage("procrastinate", "worker", "--one-shot", "--queues", "fleet")


def test_groups__keyboard__added_and_a_tenant_put_in(
    page: Page, deployment: Deployment, acme: PracticeCustomer
) -> None:
    page.goto("/groups/")
    page.get_by_label("Name", exact=False).first.fill("West coast")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="West coast")).to_be_visible()
    page.goto("/t/acme/edit/")
    tab_to(page, page.get_by_label("West coast"))
    page.keyboard.press("Space")
    page.get_by_role("button", name="Save").click()
    expect_message(page, "Saved.")
    page.goto("/?group=west-coast")
    assert names(page) == ["Acme Realty"]
    page.goto("/groups/west-coast/")
    expect(page.get_by_role("link", name="Acme Realty")).to_be_visible()
