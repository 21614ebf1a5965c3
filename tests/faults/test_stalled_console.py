"""A console that stalls for longer than its lease, and then continues."""

import pytest

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import (
    INTENT,
    NOT_APPLIED,
    VERIFIED,
    Save,
    check_books,
    reconcile,
    release,
)
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults
TAKEN_OVER = "was taken over"


def overtaken(deployment: Deployment, save: Save) -> str:
    """The console stands still where Lofty holds its request, while others settle the operation.

    Returns what its page says when it goes on.
    """
    save.begin()
    save.wait_until_held()
    deployment.console.pause()
    try:
        release(save.customer)
        reconcile(deployment)
        settled = (save.state, save.history)
    finally:
        deployment.console.resume()
    save.wait()
    assert (save.state, save.history) == settled, "the late one had its say"
    assert save.operations[0]["fence"] > 0
    assert save.operations[0]["id"].hex in refused(deployment)
    assert save.page is not None
    return save.page.text


def refused(deployment: Deployment) -> str:
    """What the console logged about operations that it no longer held, ids without hyphens."""
    lines = deployment.console.log.read_text().splitlines()
    return "".join(line for line in lines if TAKEN_OVER in line).replace("-", "")


def test_stall__with_the_put_in_flight__the_late_outcome_is_refused(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, "In flight")
    customer.misbehave("hold", when="after")
    page = overtaken(deployment, save)
    assert save.history == [INTENT, VERIFIED]
    assert len(save.puts) == 1
    assert "Verified" in page
    check_books(deployment, [customer])


def test_stall__with_a_put_that_gets_lost__what_it_learns_late_is_refused(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    """It would have said unknown, long after others found the change not applied."""
    save = Save.reviewed(deployment, browser, customer, "Lost")
    customer.misbehave("hold")
    customer.misbehave("drop_before")
    overtaken(deployment, save)
    assert save.history == [INTENT, NOT_APPLIED]
    assert len(save.puts) == 1


def test_stall__before_the_intent__nothing_is_sent_any_more(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, "Before")
    customer.misbehave("hold", on="GET")
    page = overtaken(deployment, save)
    assert save.history == [("settings.outcome", "not_sent")]
    assert save.puts == []
    assert "Not sent" in page
