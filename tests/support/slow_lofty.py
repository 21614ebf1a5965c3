"""Many requests to a console whose Lofty is slow."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import quantiles

import requests

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import Save
from tests.support.practice_customer import PracticeCustomer

EDITOR, VIEWER = "editor@example.com", "viewer@example.com"


WAITING = 200


def seconds(get: Callable[[], requests.Response]) -> float:
    started = time.monotonic()
    assert get().status_code == 200
    return time.monotonic() - started


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
        pages = [future.result() for future in waiting]
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
