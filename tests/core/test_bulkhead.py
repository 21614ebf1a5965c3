"""Slots for waiting calls: how many, for whom, and that none is lost."""

from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.core.bulkhead import Bulkhead, NoFreeSlotError


def take(bulkhead: Bulkhead, stack: ExitStack, *keys: str, **how: bool) -> bool:
    try:
        stack.enter_context(bulkhead.slot(*keys, **how))
    except NoFreeSlotError:
        return False
    return True


def test_full__next_is_refused_at_once_and_admitted_after_one_ends() -> None:
    bulkhead = Bulkhead(2)
    with ExitStack() as stack:
        assert take(bulkhead, stack, "a")
        assert take(bulkhead, stack, "b")
        assert not take(bulkhead, stack, "c")
    with ExitStack() as stack:
        assert take(bulkhead, stack, "c")


def test_one_key__holds_its_share_only_others_still_get_in() -> None:
    bulkhead = Bulkhead(8, per_key=2)
    with ExitStack() as stack:
        assert [take(bulkhead, stack, "tenant:1") for _ in range(4)] == [True, True, False, False]
        assert take(bulkhead, stack, "tenant:2")


def test_reserved__only_with_priority() -> None:
    bulkhead = Bulkhead(4, reserved=1)
    with ExitStack() as stack:
        assert [take(bulkhead, stack) for _ in range(4)] == [True, True, True, False]
        assert take(bulkhead, stack, priority=True)
        assert not take(bulkhead, stack, priority=True)


def test_many_slow_ones__leave_half_of_the_ordinary_slots() -> None:
    bulkhead = Bulkhead(8, reserved=2)
    with ExitStack() as stack:
        taken = [take(bulkhead, stack, f"tenant:{n}", slow=True) for n in range(6)]
        assert taken == [True, True, True, False, False, False]
        assert take(bulkhead, stack, "tenant:quick")


def test_an_error_inside__gives_the_slot_back() -> None:
    bulkhead = Bulkhead(1)
    with pytest.raises(RuntimeError, match="inside"), bulkhead.slot("a", slow=True):
        raise RuntimeError("inside")
    with bulkhead.slot("a", slow=True):
        assert bulkhead.taken == 1


@given(
    st.integers(1, 6),
    st.integers(0, 6),
    st.lists(
        st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans(), st.booleans()), max_size=40
    ),
)
def test_any_order__never_more_than_there_are_and_none_lost(
    total: int, reserved: int, steps: list[tuple[str, bool, bool, bool]]
) -> None:
    bulkhead = Bulkhead(total, reserved=reserved, per_key=2)
    held: list[ExitStack] = []
    for key, priority, slow, ends_one in steps:
        stack = ExitStack()
        if take(bulkhead, stack, key, priority=priority, slow=slow):
            held.append(stack)
        assert bulkhead.taken == len(held) <= total
        if ends_one and held:
            held.pop(0).close()
    for stack in held:
        stack.close()
    assert bulkhead.taken == 0
    with bulkhead.slot("a", "b", "c", slow=True):
        assert bulkhead.taken == 1
