"""The limit of calls per minute."""

import time

from tests.support.practice_caller import SETTINGS, TOKEN, Caller
from tools.practice_lofty.limits import Limiter


def test_limits__each_answer__counts_down_to_429(caller: Caller) -> None:
    caller.customer(rate_limit=3)
    replies = [caller.get(SETTINGS) for _ in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 429, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == list("21000")
    assert {reply.headers["X-RateLimit-Limit"] for reply in replies} == {"3"}
    assert replies[-1].json == {"message": "Too Many Requests"}


def test_limits__reset__is_an_epoch_within_the_minute(caller: Caller, acme: object) -> None:
    reset = int(caller.get(SETTINGS).headers["X-RateLimit-Reset"])
    assert time.time() < reset <= time.time() + 61


def test_limits__errors__count_and_carry_the_headers(caller: Caller) -> None:
    caller.customer(rate_limit=10, revoked=True)
    reply = caller.get(SETTINGS)
    assert (reply.status, reply.headers["X-RateLimit-Remaining"]) == (401, "9")


def test_limits__unknown_token__carries_the_headers(caller: Caller) -> None:
    assert caller.get(SETTINGS, "Bearer nobodys").headers["X-RateLimit-Limit"] == "100"


def test_limits__two_credentials__count_apart(caller: Caller) -> None:
    caller.customer(rate_limit=1)
    caller.change(tokens=[{"token": "second", "scheme": "api_key", "rate_limit": 1}])
    assert caller.get(SETTINGS).status == 200
    assert caller.get(SETTINGS, "token second").status == 200
    assert caller.get(SETTINGS).status == 429


def test_limits__customers_of_one_app__share_its_calls(caller: Caller) -> None:
    caller.customer(app="shared", rate_limit=3)
    caller.customer(slug="globex", token="globex-token", app="shared", rate_limit=3)
    caller.customer(slug="initech", token="initech-token", rate_limit=3)
    replies = [caller.get(SETTINGS, f"Bearer {token}") for token in (TOKEN, "globex-token") * 2]
    assert [reply.status for reply in replies] == [200, 200, 200, 429]
    assert [reply.headers["X-RateLimit-Remaining"] for reply in replies] == list("2100")
    assert caller.get(SETTINGS, "Bearer initech-token").status == 200
    caller.change(rate_used=0)
    assert caller.get(SETTINGS, "Bearer globex-token").status == 200


def test_limits__calls_said_to_be_used__are_missing(caller: Caller, acme: object) -> None:
    customer = caller.change(rate_limit=10, rate_used=9)
    assert customer["tokens"][0]["rate_remaining"] == 1
    assert [caller.get(SETTINGS).status for _ in range(2)] == [200, 429]
    caller.change(rate_used=0)
    assert caller.get(SETTINGS).status == 200


def test_limits__put_over_the_limit__is_on_record_and_not_applied(
    caller: Caller, acme: dict[str, int]
) -> None:
    caller.change(rate_limit=10, rate_used=10)
    reply = caller.put({"id": acme["agent_id"], "assistantName": "Mia"})
    assert reply.status == 429
    assert [(put["status"], put["applied"]) for put in caller.puts()] == [(429, False)]


def test_limits__a_minute_later__start_again() -> None:
    now = [1000.5]
    limiter = Limiter(lambda: now[0])
    first = limiter.spend(TOKEN, 1)
    assert (first.remaining, first.reset_at, first.over) == (0, 1061, False)
    now[0] += 59.9
    assert limiter.spend(TOKEN, 1).over
    now[0] += 0.2
    assert limiter.look(TOKEN, 1).remaining == 1
    assert not limiter.spend(TOKEN, 1).over
