"""The geometry of the two plots: any counts fit and are visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lofty_admin.fleet.plots import (
    BAR_LEFT,
    BAR_LONGEST,
    HEIGHT,
    LEAST,
    LEFT,
    TOP,
    WIDTH,
    bars,
    scale_end,
    stacked,
)

COUNT = st.integers(0, 10**6) | st.integers(0, 5)
STACKS = st.lists(st.lists(COUNT, min_size=5, max_size=5), min_size=1, max_size=31)


@pytest.mark.parametrize(
    ("most", "end"), [(0, 2), (1, 2), (3, 4), (10, 10), (11, 20), (41, 60), (99, 100), (101, 200)]
)
def test_scale_end__any_number__even_and_near(most: int, end: int) -> None:
    assert scale_end(most) == end


@given(STACKS)
def test_stacked__any_counts__fit_in_order_and_visible(stacks: list[list[int]]) -> None:
    drawn = stacked(stacks)
    right = LEFT
    for stack, column in zip(stacks, drawn.columns, strict=True):
        assert right <= column.x
        right = column.x + column.width
        assert [box.kind for box in column.boxes] == [n for n, count in enumerate(stack) if count]
        below = TOP + HEIGHT
        for box in column.boxes:
            assert box.height >= LEAST
            assert box.y + box.height == below
            below = box.y
        assert below >= TOP
    assert right <= WIDTH


@given(STACKS)
def test_stacked__more__is_never_drawn_lower(stacks: list[list[int]]) -> None:
    drawn = stacked(stacks)
    heights = sorted(
        (stack[box.kind], box.height)
        for stack, column in zip(stacks, drawn.columns, strict=True)
        for box in column.boxes
    )
    assert [height for _, height in heights] == sorted(height for _, height in heights)
    ys, numbers = zip(*drawn.lines, strict=True)
    assert list(ys) == sorted(ys, reverse=True)
    assert numbers[-1] >= max(sum(stack) for stack in stacks)


@given(st.lists(COUNT, min_size=1, max_size=9))
def test_bars__any_counts__longest_is_the_most_and_only_nothing_has_no_length(
    counts: list[int],
) -> None:
    drawn = bars(counts)
    assert [bar.count for bar in drawn] == counts
    assert all((bar.length > 0) == (bar.count > 0) for bar in drawn)
    assert max(bar.end for bar in drawn) <= BAR_LEFT + BAR_LONGEST
    by_count = sorted((bar.count, bar.length) for bar in drawn)
    assert [length for _, length in by_count] == sorted(length for _, length in by_count)
