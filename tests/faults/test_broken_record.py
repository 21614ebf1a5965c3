"""The database fails in the middle of a save: after the PUT, the outcome is never "not sent"."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.deployment import Deployment
from tests.support.http_browser import Browser
from tests.support.interrupted_saves import INTENT, VERIFIED, Save, check_books, reconcile, release
from tests.support.practice_customer import PracticeCustomer

pytestmark = pytest.mark.faults


@contextmanager
def refusing_every_record(deployment: Deployment) -> Iterator[None]:
    deployment.query(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;"
        "CREATE TRIGGER full_disk BEFORE INSERT ON audit_auditevent"
        " FOR EACH ROW EXECUTE FUNCTION full_disk()"
    )
    try:
        yield
    finally:
        deployment.query("DROP FUNCTION full_disk CASCADE")


def test_record__of_the_outcome_refused__claims_nothing_and_is_settled_later(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, "Refused")
    customer.misbehave("hold", when="after")
    save.begin()
    save.wait_until_held()
    with refusing_every_record(deployment):
        release(customer)
        save.wait()
    assert save.page is not None
    main = save.page.text.partition("<main")[2].partition("</main>")[0]
    assert main
    assert "othing was sent" not in main
    assert (save.state, save.history) == ("sent", [INTENT])
    reconcile(deployment)
    assert (save.state, save.history) == ("verified", [INTENT, VERIFIED])
    assert len(save.puts) == 1
    check_books(deployment, [customer])


def test_record__every_connection_cut_in_flight__is_recorded_over_a_new_one(
    deployment: Deployment, browser: Browser, customer: PracticeCustomer
) -> None:
    save = Save.reviewed(deployment, browser, customer, "Cut")
    customer.misbehave("hold", when="after")
    save.begin()
    save.wait_until_held()
    deployment.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name LIKE 'lofty-%%'"
    )
    release(customer)
    save.wait()
    assert (save.state, save.history) == ("verified", [INTENT, VERIFIED])
    assert len(save.puts) == 1
