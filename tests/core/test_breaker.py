"""The circuit breaker, with a clock that the test controls."""

import pytest

from lofty_admin.core.breaker import LONGEST_PROBE, Breaker, CircuitOpenError


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def opened(clock: Clock) -> Breaker:
    breaker = Breaker(limit=3, pause=30, clock=clock)
    for _ in range(3):
        breaker.admit("a", is_read=False)
        breaker.note("a", ok=False)
    return breaker


def lets_through(breaker: Breaker, *keys: str, is_read: bool = True) -> bool:
    try:
        breaker.admit(*keys, is_read=is_read)
    except CircuitOpenError:
        return False
    return True


def test_failures_in_a_row__calls_stop_for_that_key_only() -> None:
    breaker = opened(Clock())
    assert not lets_through(breaker, "a")
    assert not lets_through(breaker, "b", "a")
    assert lets_through(breaker, "b")


def test_a_success_between__calls_continue() -> None:
    breaker = Breaker(limit=3)
    for ok in (False, False, True, False, False):
        breaker.note("a", ok=ok)
    assert lets_through(breaker, "a")


def test_after_the_pause__one_read_passes_and_no_write() -> None:
    clock = Clock()
    breaker = opened(clock)
    with pytest.raises(CircuitOpenError) as refused:
        breaker.admit("a", is_read=True)
    assert refused.value.seconds == 30
    clock.now += 30
    assert not lets_through(breaker, "a", is_read=False)
    assert lets_through(breaker, "a")
    assert not lets_through(breaker, "a")


def test_the_read_succeeds__writes_too() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.admit("a", is_read=True)
    breaker.note("a", ok=True)
    assert lets_through(breaker, "a", is_read=False)


def test_the_read_fails__another_pause() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.admit("a", is_read=True)
    breaker.note("a", ok=False)
    clock.now += 29
    assert not lets_through(breaker, "a")
    clock.now += 1
    assert lets_through(breaker, "a")


def test_the_read_is_never_made_or_never_ends__another_may_try() -> None:
    clock = Clock()
    breaker = opened(clock)
    clock.now += 30
    breaker.admit("a", is_read=True)
    breaker.withdraw("a")
    assert lets_through(breaker, "a")
    clock.now += LONGEST_PROBE
    assert lets_through(breaker, "a")


def test_old_failures__do_not_count() -> None:
    clock = Clock()
    breaker = Breaker(limit=2, forget=600, clock=clock)
    breaker.note("a", ok=False)
    clock.now += 601
    breaker.note("a", ok=False)
    assert lets_through(breaker, "a")
    breaker.note("a", ok=False)
    clock.now += 601
    assert lets_through(breaker, "a", is_read=False)
