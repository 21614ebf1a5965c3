"""One console, worker-less, and one Chromium for this folder; Acme is as it was for every test.

Package scope: Playwright's loop must not be running when other tests use the database.
"""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.browser_pages import OWNER, PHONE, NewPage
from tests.support.browser_site import Site
from tests.support.deployment import Deployment
from tests.support.page_steps import sign_in
from tests.support.page_watch import Watch
from tests.support.practice_customer import PracticeCustomer
from tools.browser import CURE, find_chromium
from tools.processes import ROOT

PATIENCE = 15_000  # milliseconds: the machine may be busy with other tests


@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("browser")
    with Deployment(
        folder,
        LOFTY_DEADLINE_SECONDS="20",
        SETTLE_QUIET_SECONDS="0",
        EMAIL_URL="consolemail://",  # into the console's log, where tests read it
    ) as running:
        running.add_person(OWNER, name="Olivia Owner", superuser=True)
        running.console.start()
        yield running


@pytest.fixture(scope="package")
def _acme(deployment: Deployment) -> PracticeCustomer:
    customer = deployment.add_tenant(
        "acme", name="Acme Realty", members=12, offices=4, rate_limit=100_000
    )
    deployment.manage("sync_directory", "--tenant", "acme")
    return customer


@pytest.fixture(scope="package")
def _settings(_acme: PracticeCustomer) -> dict[str, object]:
    return _acme.settings


@pytest.fixture
def acme(
    deployment: Deployment, _acme: PracticeCustomer, _settings: dict[str, object]
) -> PracticeCustomer:
    """Acme's Sales Agent: 12 members, 4 offices; two of each list are picked. No drafts."""
    deployment.query("DELETE FROM agentsettings_draft")
    _acme.behave()
    _acme.change(settings=_settings)
    return _acme


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    assert path, CURE
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def signed_in(chromium: Browser, deployment: Deployment) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=deployment.console.url)
    sign_in(context.new_page(), OWNER)
    yield context
    context.close()


@pytest.fixture
def new_page(
    chromium: Browser, signed_in: BrowserContext, deployment: Deployment
) -> Iterator[NewPage]:
    """Opens pages that are watched: the test fails on what Watch finds."""
    watches: list[Watch] = []

    def opened(*, signed_in: bool = True, session_ends: bool = False, **options: object) -> Page:
        state = cookies if signed_in else None
        options = {"base_url": deployment.console.url, "storage_state": state, **options}
        context = chromium.new_context(**options)  # type: ignore[arg-type]  # what Playwright takes
        context.set_default_timeout(PATIENCE)
        watches.append(Watch(context, deployment.console.url, session_ends=session_ends))
        return context.new_page()

    cookies = signed_in.storage_state()
    yield opened
    for watch in watches:
        watch.close()
    assert [problem for watch in watches for problem in watch.problems] == []


@pytest.fixture
def page(new_page: NewPage) -> Page:
    """Olivia's, signed in, 1280 pixels wide."""
    return new_page()


@pytest.fixture(scope="package")
def site(deployment: Deployment) -> Site:
    command = [sys.executable, "-m", "tests.support.browser_world"]
    done = subprocess.run(
        command, cwd=ROOT, env=deployment.env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Site(**json.loads(done.stdout))


@pytest.fixture
def rosa(new_page: NewPage, site: Site, deployment: Deployment) -> Page:
    page = new_page(signed_in=False, reduced_motion="reduce")
    name, value = site.cookie["name"], site.cookie["value"]
    page.context.add_cookies([{"name": name, "value": value, "url": deployment.console.url}])
    return page


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    """Without transitions: colours are measured at once."""
    return new_page(viewport=PHONE, reduced_motion="reduce")
