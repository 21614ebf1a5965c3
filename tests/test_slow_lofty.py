"""Two hundred requests wait for a Lofty that takes half a minute; everything else goes on.

A real gunicorn with one worker, as small as a console is ever run. `make bench` measures the same
for longer.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import quantiles

import pytest
import requests

from tests.deployment import Deployment
from tests.faults.browser import Browser
from tests.faults.saves import Save
from tests.practice import PracticeCustomer

EDITOR, VIEWER = "editor@example.com", "viewer@example.com"
WAITING = 200


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with Deployment(tmp_path_factory.mktemp("slow"), LOFTY_DEADLINE_SECONDS="30") as deployment:
        deployment.add_person(EDITOR, name="Eduardo Editor")
        deployment.add_person(VIEWER, name="Victor Viewer")
        deployment.console.start()
        yield deployment


def seconds(get: Callable[[], requests.Response]) -> float:
    started = time.monotonic()
    assert get().status_code == 200
    return time.monotonic() - started


def test_two_hundred_wait__home_and_health_answer_and_other_tenants_save(
    console: Deployment,
) -> None:
    roles = {EDITOR: "editor", VIEWER: "viewer"}
    slow = console.add_tenant("slow", roles=roles, rate_limit=10_000)
    quick = console.add_tenant("quick", roles=roles, rate_limit=10_000)
    editor = Browser(console.console.url).sign_in(EDITOR)
    viewer = Browser(console.console.url, timeout=90).sign_in(VIEWER)
    viewer.get("/t/slow/settings/")
    slow.misbehave("delay", on="any", times=None, seconds=30)
    measured = under_load(console, viewer, editor, quick)
    slow.behave()
    assert measured.waited_longest > 5, "nothing waited: this shows nothing"
    assert p95(measured.health) < 0.2
    assert p95(measured.home) < 0.5
    assert measured.saves == ["verified"] * 3
    assert measured.refused[0].status_code == 503
    assert "Too many requests are waiting for Lofty" in measured.refused[0].text
    assert "As last read from Lofty" in measured.refused[0].text


@dataclass
class Measured:
    health: list[float] = field(default_factory=list)
    home: list[float] = field(default_factory=list)
    saves: list[str] = field(default_factory=list)
    refused: list[requests.Response] = field(default_factory=list)
    waited_longest: float = 0.0


def under_load(
    deployment: Deployment, viewer: Browser, editor: Browser, quick: PracticeCustomer
) -> Measured:
    measured = Measured()
    home = editor.twin()
    health = Browser(deployment.console.url)
    with ThreadPoolExecutor(WAITING) as pool:
        waiting = [pool.submit(open_settings, viewer.twin()) for _ in range(WAITING)]
        for _ in range(40):
            measured.health.append(seconds(lambda: health.get("/healthz")))
            measured.home.append(seconds(lambda: home.get("/")))
        measured.saves = [save(deployment, editor, quick, f"Nova {n}") for n in range(3)]
        pages = [one.result() for one in waiting]
    measured.refused = [page for page, took in pages if took < 5]
    measured.waited_longest = max(took for _, took in pages)
    return measured


def open_settings(browser: Browser) -> tuple[requests.Response, float]:
    started = time.monotonic()
    page = browser.ask("/t/slow/settings/")
    return page, time.monotonic() - started


def save(deployment: Deployment, editor: Browser, quick: PracticeCustomer, name: str) -> str:
    change = Save.reviewed(deployment, editor, quick, name)
    change.begin()
    change.wait()
    return change.state


def p95(times: list[float]) -> float:
    return quantiles(times, n=20)[-1]
