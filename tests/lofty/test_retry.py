"""Retries: which calls, how often, how long, and what the caller gets."""

import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.lofty import errors
from lofty_admin.lofty.client import LoftyClient, RetryPolicy, Scheme
from lofty_admin.lofty.endpoint import Endpoint
from lofty_admin.lofty.exchange import Exchange
from tests.support.hostile_server import OK_BODY, TOKEN, Behaviour, Request, Served, resets, says


class Clock:
    """A clock that advances only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def in_turn(*behaviours: Behaviour) -> Behaviour:
    turns = iter(behaviours)

    def behave(connection: socket.socket, request: Request) -> None:
        next(turns)(connection, request)

    return behave


def client(endpoint: Endpoint, clock: Clock, noted: list[Exchange]) -> LoftyClient:
    policy = RetryPolicy(sleep=clock.sleep, clock=clock, random=lambda: 1.0)
    return LoftyClient(endpoint, Scheme.API_KEY, TOKEN, retry=policy, on_exchange=noted.append)


def test_get__two_faults_then_an_answer__answer_and_three_notes(serve: Served) -> None:
    server, endpoint = serve(in_turn(resets, says(503, b"busy"), says(200, {"email": "a@b.c"})))
    clock, noted = Clock(), list[Exchange]()
    assert client(endpoint, clock, noted).me().email == "a@b.c"
    assert [exchange.status for exchange in noted] == [None, 503, 200]
    assert clock.pauses == [0.5, 1.0]
    assert len(server.requests) == 3


def test_get__time_is_up__no_further_try(serve: Served) -> None:
    server, endpoint = serve(resets, deadline=1.2)
    clock = Clock()
    with pytest.raises(errors.Unknown):
        client(endpoint, clock, []).me()
    assert clock.pauses == [0.5]
    assert len(server.requests) == 2


@pytest.mark.parametrize("method", ["get_settings", "put_settings"])
def test_any__unreachable__tried_three_times(method: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    endpoint = Endpoint(f"http://127.0.0.1:{port}", frozenset(), allow_loopback=True)
    clock, noted = Clock(), list[Exchange]()
    lofty = client(endpoint, clock, noted)
    with pytest.raises(errors.Unreachable):
        lofty.get_settings() if method == "get_settings" else lofty.put_settings({"id": 1})
    assert len(noted) == 3
    assert len(clock.pauses) == 2


def test_put__unreachable_then_there__sent_once(
    serve: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, endpoint = serve(says(200, OK_BODY))
    lofty = LoftyClient(endpoint, Scheme.API_KEY, TOKEN, retry=RetryPolicy(sleep=lambda _: None))
    failures = itertools.count()
    resolve = lofty._transport._resolve

    def first_fails(host: str, port: int) -> object:
        return [] if next(failures) == 0 else resolve(host, port)

    monkeypatch.setattr(lofty._transport, "_resolve", first_fails)
    lofty.put_settings({"id": 1})
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 401, 403, 404, 302])
def test_get__answer_that_asking_again_does_not_change__asked_once(
    serve: Served, status: int
) -> None:
    server, endpoint = serve(says(status, {"message": "no"}, Retry_After="999999"))
    clock = Clock()
    with pytest.raises(errors.LoftyError):
        client(endpoint, clock, []).me()
    assert len(server.requests) == 1
    assert clock.pauses == []


def test_on_exchange__raises__answer_is_not_lost(
    serve: Served, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Exchange) -> None:
        raise RuntimeError("database is down")

    _, endpoint = serve(says(200, OK_BODY))
    lofty = LoftyClient(endpoint, Scheme.API_KEY, TOKEN, on_exchange=broken)
    assert lofty.put_settings({"id": 1}).status == 200
    assert "could not record" in caplog.text


ERRORS = [
    errors.Unreachable(),
    errors.Misconfigured(),
    errors.BadToken(),
    errors.Rejected(),
    errors.Unknown(),
    errors.UnexpectedRedirect(),
]


@given(
    st.integers(1, 10),
    st.sampled_from(["GET", "PUT", "POST"]),
    st.sampled_from(ERRORS),
    st.floats(0, 60),
    st.floats(0, 1),
)
def test_pause__any__bounded_and_only_where_safe(
    attempt: int, method: str, error: errors.LoftyError, left: float, chance: float
) -> None:
    policy = RetryPolicy(random=lambda: chance)
    pause = policy.pause_before(attempt, method, error, left)
    if pause is None:
        return
    assert attempt < policy.tries
    assert 0 <= pause <= policy.cap
    assert pause < left
    assert type(error) is errors.Unreachable or (method, type(error)) == ("GET", errors.Unknown)
