"""Many browsers at once, against several processes: one PUT."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import Save, check_books
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults
MANY = 8


@pytest.fixture(scope="module", autouse=True)
def two_processes(deployment: Deployment) -> Iterator[None]:
    deployment.console.kill()
    deployment.console.start(WEB_WORKERS="2")
    yield
    deployment.console.kill()
    deployment.console.start()


def all_at_once(saves: list[Save]) -> None:
    for save in saves:
        save.begin()
    for save in saves:
        save.wait()


def test_browsers__the_same_plan__is_sent_once_and_all_see_the_same(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    first = Save.reviewed(deployment, browser, customer, "Same")
    saves = [
        Save(deployment, browser.twin(), customer, first.name, first.form) for _ in range(MANY)
    ]
    customer.misbehave("delay", on="GET", times=None, seconds=0.3)
    all_at_once(saves)
    customer.behave()
    assert len(first.puts) == 1
    assert first.state == "verified"
    pages = {save.page.url for save in saves if save.page is not None}
    assert pages == {f"{browser.url}/t/{customer.slug}/operations/{first.operations[0]['id']}/"}


def test_browsers__different_plans__only_one_is_sent(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    saves = [Save.reviewed(deployment, browser, customer, f"Plan {n}") for n in range(MANY)]
    customer.misbehave("delay", on="GET", times=None, seconds=0.5)
    all_at_once(saves)
    customer.behave()
    assert sum(len(save.puts) for save in saves) == 1
    # A plan that finds another in flight ends as Not sent, or leads back to its draft.
    states = Counter(save.state for save in saves)
    assert states["verified"] == 1
    assert states["not_sent"] + states[""] == MANY - 1
    drafts = [save.page for save in saves if not save.state]
    assert all(page is not None and "/drafts/" in page.url for page in drafts)
    check_books(deployment, [customer])
