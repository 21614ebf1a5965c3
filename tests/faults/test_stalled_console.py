"""A console that stands still for longer than its lease, and then goes on (reliability B13)."""

from itertools import count

import pytest

from tests.deployment import Deployment
from tests.faults.browser import Browser
from tests.faults.saves import (
    INTENT,
    NOT_APPLIED,
    VERIFIED,
    Save,
    check_books,
    reconcile,
    release,
)
from tests.practice import PracticeCustomer

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]
NUMBERS = count(1)


@pytest.fixture
def customer(deployment: Deployment) -> PracticeCustomer:
    return deployment.add_tenant(f"stalled-{next(NUMBERS)}")


def overtaken(deployment: Deployment, save: Save) -> str:
    """Stop the console where Lofty holds its request, reconcile, let it go on: what its page says."""
    save.begin()
    save.wait_until_held()
    deployment.console.pause()
    try:
        release_unread(save)
        reconcile(deployment)
        settled = (save.state, save.history)
    finally:
        deployment.console.resume()
    save.wait()
    assert (save.state, save.history) == settled, "the late one had its say"
    assert save.page is not None
    return save.page.text


def release_unread(save: Save) -> None:
    """Lofty answers; the console does not notice yet."""
    release(save.customer)
    save.customer.behave()


def test_stall__with_the_put_in_flight__the_late_outcome_is_refused(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, customer.slug)
    customer.misbehave("hold", when="after")
    page = overtaken(deployment, save)
    assert save.history == [INTENT, VERIFIED]
    assert len(save.puts) == 1
    assert "Verified" in page
    check_books(deployment, [customer])


def test_stall__with_the_read_back_in_flight__what_it_read_long_ago_is_refused(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    """The PUT is lost at Lofty; the console learns so only after others found it not applied."""
    save = Save.reviewed(deployment, browser, customer, customer.slug)
    customer.misbehave("hold")
    customer.misbehave("drop_before")
    overtaken(deployment, save)
    assert save.history == [INTENT, NOT_APPLIED]
    assert len(save.puts) == 1


def test_stall__before_the_intent__nothing_is_sent_any_more(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, customer.slug)
    customer.misbehave("hold", on="GET")
    page = overtaken(deployment, save)
    assert save.history == [("settings.outcome", "not_sent")]
    assert save.puts == []
    assert "Not sent" in page
