"""Measure the settings page of a customer with 5,000 agents, next to Django admin's form.

    make bench                                  # 5,000 agents, 200,000 entries over all tenants
    BENCH_AGENTS=5000 python -m pytest -s tests/bench/test_settings_speed.py

Server time is the whole answer by the test client, less what a bare GET of the settings takes from
the practice Lofty, alternating with the page. Interactive, in a real Chromium against a
threaded server in this process: from the start of the navigation until a letter typed into the
first field shows the save bar (in the admin, which has none: until the field holds it) and the
three lists of agents, offices and ponds are there to be searched. That is tried every 4 ms.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest
import requests
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.db import connection
from django.test import Client
from django.test.testcases import LiveServerThread
from django.urls import reverse
from playwright.sync_api import Browser, sync_playwright
from pytest_django import Settings

from lofty_admin.accounts.models import User
from lofty_admin.directory.models import Entry, EntryKind
from lofty_admin.tenants.models import Tenant
from tests.bench.admin_site import sales_agent, use_admin
from tests.bench.lofty import PATH, customer_of
from tests.support.practice_customer import PracticeCustomer
from tests.support.users import signed_in
from tools.browser import CURE, find_chromium
from tools.practice_lofty import names

AGENTS = int(os.environ.get("BENCH_AGENTS", "300"))
IN_EARNEST = AGENTS >= 5000
OFFICES, PONDS = AGENTS * 300 // 5000, AGENTS // 10
PICKED = {"agents": AGENTS // 25, "offices": OFFICES // 15, "ponds": PONDS // 25}
ALL_ENTRIES = 200_000 if IN_EARNEST else 2_000
ROUNDS = 40 if IN_EARNEST else 3
VISITS = 9
FIRST_ID = 844_424_930_000_000
MOST_BYTES, FIVE_TIMES = 100_000, 5.0
AS_QUICK = 1.15  # 1.02 on a quiet machine; the rest is for what else it does
SEARCH_MS, SEARCH_OF_MANY_MS = 40.0, 100.0  # 22 to 35 measured in one tenant
SHORT_MS = 3_000.0  # the short run shares its machine with other tests: it only finds disasters
SETTINGS = "/t/acme/settings/"

COPY_NAMES = """
INSERT INTO directory_entry (tenant_id, kind, lofty_id, name, detail, folded, seen_at)
SELECT other, kind, lofty_id, name, detail, folded, seen_at
FROM directory_entry, unnest(%s) AS other WHERE tenant_id = %s"""

# Types into a field and checks its value, until the page is ready.
TRY = """(ready) => {
  let tries = 0;
  const look = () => {
    const field = document.querySelector("#id_assistantName, #id_assistant_name");
    if (field && document.readyState !== "loading") {
      field.value = `Bella ${tries++}`; // each time another: what was there first is no change
      field.dispatchEvent(new Event("input", { bubbles: true }));
      if (eval(ready)) return (window.interactiveAt = performance.now());
    }
    setTimeout(look, 4);
  };
  look();
}"""
READY = {
    "settings page": """(() => { const bar = document.querySelector("[data-save-bar]");
      return bar && !bar.hidden && bar.textContent.includes("1 change")
        && document.querySelectorAll("#access [role=combobox]").length === 3; })()""",
    "filter_horizontal": "document.querySelectorAll('.selector-chosen select').length === 3",
    "autocomplete_fields": "document.querySelectorAll('.select2-container').length === 3",
}


@dataclass
class Form:
    """What was measured of one page. p50 in ms: on the server, Lofty's own less; of this process
    alone, whatever else the machine does; in Chromium until interactive."""

    name: str
    server: float
    own: float
    size: int
    interactive: float = 0.0

    def __str__(self) -> str:
        seen = f"{self.interactive:,.0f}" if self.interactive else "-"
        times = f"{self.server:,.0f} | {self.own:,.0f}"
        return f"| {self.name} | {times} | {self.size / 1000:,.0f} | {seen} |"


def milliseconds(
    call: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> float:
    start = clock()
    call()
    return (clock() - start) * 1000


def own(call: Callable[[], object]) -> float:
    return statistics.median(
        milliseconds(call, time.process_time) for _ in range(max(3, ROUNDS // 4))
    )


def people(count: int) -> list[str]:
    return [" ".join(names.person(number)) for number in range(count)]


DATA = {
    "agents": people(AGENTS),
    "offices": [names.office(number) for number in range(OFFICES)],
    "ponds": [names.pond(number) for number in range(PONDS)],
}
KINDS = {"agents": EntryKind.AGENT, "offices": EntryKind.OFFICE, "ponds": EntryKind.POND}


def ids(what: str, count: int) -> list[int]:
    return [FIRST_ID + 1_000_000 * list(DATA).index(what) + number for number in range(count)]


def fill(tenant: Tenant) -> None:
    """The names of the tenant's ids, as a sync leaves them."""
    for what, found in DATA.items():
        Entry.objects.bulk_create(
            Entry.build(tenant, KINDS[what], number, name, f"agent{number}@example.com")
            for number, name in zip(ids(what, len(found)), found, strict=True)
        )


def fill_others(acme: Tenant) -> None:
    """Other tenants with the same names, until all tenants together have that many entries."""
    each = Entry.objects.filter(tenant=acme).count()
    others = Tenant.objects.bulk_create(
        Tenant(slug=f"other-{n}", name=f"Other {n}") for n in range(max(1, ALL_ENTRIES // each))
    )
    with connection.cursor() as cursor:
        cursor.execute(COPY_NAMES, [[other.pk for other in others], acme.pk])
        cursor.execute("ANALYZE")


@pytest.fixture
def lofty(
    transactional_db: None, acme: Tenant, tmp_path: Path, settings: Settings
) -> Iterator[PracticeCustomer]:
    fill(acme)
    picked = {
        f"{name}Ids": ids(what, PICKED[what])
        for name, what in (("agent", "agents"), ("office", "offices"), ("leadPond", "ponds"))
    }
    with customer_of(acme, tmp_path, settings, **picked) as customer:
        yield customer


# --- Forms ----------------------------------------------------------------------------------------
def page(client: Client, url: str) -> bytes:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.content


def ours(client: Client, lofty: PracticeCustomer) -> Form:
    headers = {"Authorization": f"Bearer {lofty.token}"}
    size = len(page(client, SETTINGS))
    whole, of_lofty = [], []
    for _ in range(ROUNDS):
        whole.append(milliseconds(lambda: page(client, SETTINGS)))
        of_lofty.append(
            milliseconds(lambda: requests.get(lofty.url + PATH, headers=headers, timeout=5))
        )
    server = statistics.median(whole) - statistics.median(of_lofty)
    return Form("settings page", server, own(lambda: page(client, SETTINGS)), size)


def theirs(client: Client, name: str, url: str) -> Form:
    size = len(page(client, url))
    times = [milliseconds(lambda: page(client, url)) for _ in range(max(3, ROUNDS // 4))]
    return Form(name, statistics.median(times), own(lambda: page(client, url)), size)


@contextmanager
def serving() -> Iterator[str]:
    """The console, or whatever the settings say now, on a free port."""
    thread = LiveServerThread("127.0.0.1", StaticFilesHandler)
    thread.daemon = True
    thread.start()
    thread.is_ready.wait()
    assert thread.error is None
    try:
        yield f"http://127.0.0.1:{thread.port}"
    finally:
        thread.terminate()


def visit(cookies: dict[str, str], url_of: dict[str, str]) -> dict[str, float]:
    """ms until each page is interactive: the middle of some visits, after one that fills caches.

    Nothing here may ask the database: Playwright's loop runs meanwhile.
    """
    chromium = find_chromium()
    assert chromium, CURE
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with serving() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=arguments)
        found = {name: _visit(browser, cookies, server, url, name) for name, url in url_of.items()}
        browser.close()
    return found


def _visit(browser: Browser, cookies: dict[str, str], server: str, url: str, name: str) -> float:
    context = browser.new_context(bypass_csp=True)  # the probe is a string that is evaluated
    context.add_cookies(
        [{"name": key, "value": value, "url": server} for key, value in cookies.items()]
    )
    context.add_init_script(f"({TRY})({READY[name]!r})")
    times = []
    for _ in range(VISITS + 1):
        opened = context.new_page()
        opened.goto(server + url)
        opened.wait_for_function("window.interactiveAt")
        times.append(float(opened.evaluate("window.interactiveAt")))
        opened.close()
    context.close()
    return statistics.median(times[1:])


def test_settings__many_agents__light_and_quick_next_to_the_admin(
    lofty: PracticeCustomer, superuser: User, settings: Settings
) -> None:
    client = signed_in(superuser)
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    forms = [ours(client, lofty)]
    if IN_EARNEST:
        forms[0].interactive = visit(cookies, {"settings page": SETTINGS})["settings page"]
    use_admin(settings)
    with sales_agent(DATA, PICKED) as pk:
        urls = {
            "filter_horizontal": f"/horizontal/bench/salesagent/{pk}/change/",
            "autocomplete_fields": f"/autocomplete/bench/salesagent/{pk}/change/",
        }
        forms += [theirs(client, name, url) for name, url in urls.items()]
        if IN_EARNEST:
            seen = visit(cookies, urls)
            for form in forms[1:]:
                form.interactive = seen[form.name]
    lines = [
        f"{AGENTS:,} agents, {OFFICES} offices, {PONDS} ponds; picked {PICKED}",
        "| form | server p50 ms | own ms | HTML kB | interactive ms |",
        "| --- | --- | --- | --- | --- |",
        *map(str, forms),
    ]
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    mine, horizontal, autocomplete = forms
    assert mine.size < MOST_BYTES
    if IN_EARNEST:
        assert horizontal.server / mine.server >= FIVE_TIMES
        assert mine.server / autocomplete.server <= AS_QUICK
    else:
        assert mine.server < SHORT_MS


# --- Searching ------------------------------------------------------------------------------------
SEARCHES = [
    ("agent", ""),  # what a picker shows when it is opened
    ("agent", "a"),
    ("agent", "ma"),
    ("agent", "núñez"),
    ("agent", "son"),
    ("agent", "李"),
    ("agent", "alice s"),
    ("agent", "agent844424930000007"),
    ("agent", "no one of this name"),
    ("office", ""),
    ("office", "nor"),
    ("pond", "new"),
]


def search(client: Client) -> list[float]:
    """ms of each search, several times over, sorted."""
    everything = []
    for kind, text in SEARCHES:
        url = f"{reverse('directory:search', args=['acme', kind])}?q={quote(text)}"
        call = partial(page, client, url)
        call()
        times = [milliseconds(call) for _ in range(ROUNDS)]
        sys.stdout.write(f"\n{statistics.median(times):6.1f} ms for “{text}”, {kind}")
        everything += times
    return sorted(everything)


def test_search__in_one_tenant_and_among_all__quick(
    transactional_db: None, acme: Tenant, superuser: User
) -> None:
    client = signed_in(superuser)
    fill(acme)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    alone = search(client)
    fill_others(acme)
    among = search(client)
    lines = ["| search | p50 ms | p95 ms |", "| --- | --- | --- |"]
    late = []
    for name, took in (("one tenant", alone), (f"{Entry.objects.count():,} entries", among)):
        late.append(took[int(len(took) * 0.95)])
        lines.append(f"| {name} | {statistics.median(took):.1f} | {late[-1]:.1f} |")
    sys.stdout.write("\n" + "\n".join(lines) + "\n")
    if IN_EARNEST:
        assert late[0] < SEARCH_MS
        assert late[1] < SEARCH_OF_MANY_MS
    else:
        assert max(late) < SHORT_MS
