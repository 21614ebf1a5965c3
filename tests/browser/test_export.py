"""Exports in Chromium: a download with its progress, and leaving the page during one."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.browser_pages import OWNER
from tests.support.deployment import Deployment, wait_for
from tests.support.page_steps import sign_in
from tests.support.page_watch import Watch
from tools.processes import ROOT

pytestmark = pytest.mark.browser
EVENTS = 12_000  # as JSON Lines far more than what lies between server and client
BUILD = f"import django; django.setup(); from tests.bench.log import build; build({EVENTS}, 3)"


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A console with a long history."""
    with Deployment(tmp_path_factory.mktemp("export")) as running:
        env = {**running.env, "DJANGO_SETTINGS_MODULE": "lofty_admin.settings"}
        subprocess.run([sys.executable, "-c", BUILD], cwd=ROOT, env=env, check=True, timeout=120)
        running.made_up = EVENTS
        running.add_person(OWNER, name="Olivia Owner", superuser=True)
        running.console.start()
        yield running


@pytest.fixture
def context(chromium: Browser, busy: Deployment) -> Iterator[BrowserContext]:
    opened = chromium.new_context(base_url=busy.console.url)
    watch = Watch(opened, busy.console.url)
    yield opened
    watch.close()
    opened.close()
    assert watch.problems == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    page = context.new_page()
    sign_in(page, OWNER)
    page.goto("/audit/?kind=settings.outcome")
    return page


def begin(page: Page, label: str) -> None:
    page.get_by_label("Export these results as").select_option(label=label)
    page.get_by_role("button", name="Export", exact=True).click()


def test_export__downloaded__is_whole_and_the_page_says_done(page: Page, tmp_path: Path) -> None:
    panel = page.locator("#export")
    with page.expect_download() as download:
        begin(page, "CSV, for a spreadsheet")
    expect(panel).to_contain_text(re.compile(r"Done: ([\d,]+) events exported as CSV\."))
    file = tmp_path / "history.csv"
    download.value.save_as(file)
    assert re.fullmatch(r"history-\d{8}-\d{4}\.csv", download.value.suggested_filename)
    progress = re.search(r"Done: ([\d,]+)", panel.inner_text())
    assert progress
    assert file.read_bytes().count(b"\r\n") == int(progress[1].replace(",", "")) + 1
    page.reload()
    expect(panel).to_contain_text(f"Done: {progress[1]} events")


def test_export__client_stops_reading_and_leaves__second_is_refused_then_free(
    page: Page, busy: Deployment
) -> None:
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    token = page.locator("#export input[name=csrfmiddlewaretoken]").input_value()
    command = ["curl", "-sN", "--limit-rate", "20k", "-H", f"Cookie: {cookies}", "-d"]
    command += [f"format=jsonl&csrfmiddlewaretoken={token}", f"{busy.console.url}/audit/export/"]
    slow = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for("the export to run", lambda: is_running(busy), seconds=20)
        page.reload()
        panel = page.locator("#export")
        expect(panel).to_contain_text(re.compile(r"as JSON Lines:\s+[\d,]+ of [\d,]+ events"))
        expect(panel.get_by_role("progressbar")).to_be_visible()
        second = page.request.post(
            "/audit/export/",
            form={"format": "csv", "csrfmiddlewaretoken": token},
            headers={"Referer": f"{busy.console.url}/audit/"},
        )
        assert "You already have an export running" in second.text()
    finally:
        slow.kill()
        slow.wait(10)
    wait_for("its end to be noted", lambda: newest(busy)["finished_at"], seconds=20)
    row = newest(busy)
    assert row["state"] == "broken_off"
    assert int(str(row["done"])) < int(str(row["total"]))
    page.goto("/audit/")
    expect(page.locator("#export")).to_contain_text("was interrupted after")


def newest(busy: Deployment) -> dict[str, object]:
    rows = busy.query("SELECT * FROM history_export ORDER BY id DESC LIMIT 1")
    return rows[0] if rows else {}


def is_running(busy: Deployment) -> bool:
    row = newest(busy)
    return bool(row) and row["finished_at"] is None and row["total"] is not None
