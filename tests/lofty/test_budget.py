"""X-RateLimit headers and status 429."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.exchange import LONGEST_WAIT, Exchange, read_budget
from tests.support.hostile_server import OK_BODY, Served, client_of, says

NOW = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)
EPOCH = int(NOW.timestamp())


def budget_headers(limit: object, remaining: object, reset: object) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset),
    }


@pytest.mark.parametrize(
    ("reset", "seconds"),
    [
        (EPOCH + 37, 37),
        ((EPOCH + 37) * 1000, 37),
        (EPOCH - 5, 0),
        (37, 37),
        (0, 0),
        (37_000, 37),
        (1_000_000, 60),
        (EPOCH + 10**8, 60),
        (10**14, 60),
        ("soon", 60),
        ("-5", 60),
        ("9" * 400, 60),
    ],
)
def test_read_budget__reset__read_defensively(reset: object, seconds: int) -> None:
    budget = read_budget(budget_headers(10, 3, reset), NOW)
    assert budget is not None
    assert (budget.limit, budget.remaining) == (10, 3)
    assert budget.reset_at == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("limit", ["", "ten", "-1", "1.5", "1, 1", "١٠", "9" * 100])
def test_read_budget__limit_unreadable__none(limit: str) -> None:
    assert read_budget(budget_headers(limit, 3, 5), NOW) is None
    assert read_budget(budget_headers(3, limit, 5), NOW) is None


def test_read_budget__no_headers__none() -> None:
    assert read_budget({}, NOW) is None


@given(st.text(max_size=20), st.text(max_size=20), st.text("0123456789", max_size=20))
def test_read_budget__any_text__no_error_and_not_far_ahead(
    limit: str, remaining: str, reset: str
) -> None:
    for headers in (budget_headers(limit, remaining, reset), budget_headers(1, 1, reset)):
        budget = read_budget(headers, NOW)
        assert budget is None or NOW <= budget.reset_at <= NOW + LONGEST_WAIT


def test_client__answers__keeps_the_newest_budget(serve: Served) -> None:
    headers = {"X_RateLimit_Limit": "10", "X_RateLimit_Reset": "60"}
    _, first = serve(says(200, OK_BODY, X_RateLimit_Remaining="9", **headers))
    client = client_of(first)
    exchange = client.put_settings({"id": 1})
    assert exchange.budget is not None
    assert exchange.budget.remaining == 9
    assert client.budget == exchange.budget


def test_client__no_call_yet__no_budget(serve: Served) -> None:
    _, endpoint = serve(says(200, OK_BODY))
    assert client_of(endpoint).budget is None


@pytest.mark.parametrize("status", [400, 429, 500])
def test_client__failed_answers__budget_counts_too(serve: Served, status: int) -> None:
    headers = {"X_RateLimit_Limit": "10", "X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "30"}
    _, endpoint = serve(says(status, {"message": "no"}, **headers))
    client = client_of(endpoint)
    with pytest.raises(errors.LoftyError):
        client.put_settings({"id": 1})
    assert client.budget is not None
    assert client.budget.remaining == 0


def test_client__answer_cut_after_its_headers__budget_counts_too(serve: Served) -> None:
    _, endpoint = serve(
        says(200, b"x", Content_Encoding="br", X_RateLimit_Limit="10", X_RateLimit_Remaining="4")
    )
    client = client_of(endpoint)
    with pytest.raises(errors.Unknown):
        client.put_settings({"id": 1})
    assert client.budget is not None
    assert client.budget.remaining == 4


def _until(serve: Served, **headers: str) -> tuple[float, Exchange | None]:
    _, endpoint = serve(says(429, {"message": "Too Many Requests"}, **headers))
    with pytest.raises(errors.RateLimited) as caught:
        client_of(endpoint).put_settings({"id": 1})
    return (caught.value.until - datetime.now(UTC)).total_seconds(), caught.value.exchange


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [("30", 30), ("0", 0), ("999999999", 3600), ("9" * 300, 60), ("soon", 60), ("-4", 60)],
)
def test_429__retry_after__until_with_our_cap(
    serve: Served, retry_after: str, seconds: int
) -> None:
    wait, exchange = _until(serve, Retry_After=retry_after)
    assert wait == pytest.approx(seconds, abs=3)
    assert exchange is not None
    assert exchange.lofty_message == "Too Many Requests"


@pytest.mark.parametrize("asked", ["0", "00", "Mon, 01 Jan 2001 00:00:00 GMT"])
def test_429__no_wait_asked_for__waits_a_moment_anyway(serve: Served, asked: str) -> None:
    wait, _ = _until(serve, Retry_After=asked)
    assert 1 < wait < 5


@pytest.mark.parametrize("limit", ["0", "000"])
def test_read_budget__limit_of_no_calls__says_nothing(limit: str) -> None:
    assert read_budget(budget_headers(limit, 0, 5), NOW) is None


def test_429__retry_after_as_a_date__until(serve: Served) -> None:
    moment = datetime.now(UTC) + timedelta(seconds=40)
    wait, _ = _until(serve, Retry_After=format_datetime(moment, usegmt=True))
    assert wait == pytest.approx(40, abs=3)


def test_429__only_the_budget__until_its_end(serve: Served) -> None:
    wait, _ = _until(
        serve, X_RateLimit_Limit="10", X_RateLimit_Remaining="0", X_RateLimit_Reset="25"
    )
    assert wait == pytest.approx(25, abs=3)


def test_429__nothing_said__a_minute(serve: Served) -> None:
    wait, _ = _until(serve)
    assert wait == pytest.approx(60, abs=3)
