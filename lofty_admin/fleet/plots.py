"""Turn counts into coordinates of two small plots. Pure functions; picture units, y downwards.

Every count is visible: a single one among thousands is drawn LEAST high, and the rest in
proportion, so the numbers are shown next to the plots and in the table below them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH = 340
LEAST = 2
LEFT, TOP, HEIGHT = 30, 8, 104  # where the columns are drawn
STEPS = (2, 4, 6, 8, 10)  # what the scale may end at, times a power of ten: all have whole halves
BAR_LEFT, BAR_LONGEST, ROW = 84, 200, 22


@dataclass(frozen=True)
class Box:
    """The part of a column for one kind of what is counted, by its index in the stack."""

    kind: int
    y: int
    height: int


@dataclass(frozen=True)
class Column:
    x: int
    width: int
    boxes: tuple[Box, ...]

    @property
    def middle(self) -> int:
        return self.x + self.width // 2


@dataclass(frozen=True)
class Columns:
    """A stacked column chart. lines: (y, number) of the scale, from the bottom up."""

    columns: tuple[Column, ...]
    lines: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Bar:
    """A row of the second plot; length 0 for nothing."""

    y: int
    length: int
    count: int

    @property
    def end(self) -> int:
        return BAR_LEFT + self.length


def scale_end(most: int) -> int:
    """Return the scale's end, an even number of at least `most`: 2, 4 .. 10, 20, 40 .. 100, 200."""
    unit = 1
    while unit * STEPS[-1] < most:
        unit *= 10
    return next(unit * step for step in STEPS if unit * step >= most)


def stacked(stacks: Sequence[Sequence[int]]) -> Columns:
    """Return a column for each stack of counts; at least one stack, equally long, none negative."""
    end = scale_end(max(sum(stack) for stack in stacks))
    room = HEIGHT - LEAST * len(stacks[0])  # for small counts, which are drawn larger than they are
    step = (WIDTH - LEFT) // len(stacks)
    gap = step // 4
    return Columns(
        columns=tuple(
            Column(LEFT + n * step + gap, step - gap, tuple(_boxes(stack, room, end)))
            for n, stack in enumerate(stacks)
        ),
        lines=tuple((_bottom() - room * part // end, part) for part in (0, end // 2, end)),
    )


def _boxes(stack: Sequence[int], room: int, end: int) -> Iterator[Box]:
    y = _bottom()
    for kind, count in enumerate(stack):
        if count:
            height = max(LEAST, room * count // end)
            y -= height
            yield Box(kind, y, height)


def _bottom() -> int:
    return TOP + HEIGHT


def bars(counts: Sequence[int]) -> tuple[Bar, ...]:
    """Return a row for each count, from the top down. No count may be negative."""
    most = max(*counts, 1)
    return tuple(
        Bar(n * ROW, max(LEAST, BAR_LONGEST * count // most) if count else 0, count)
        for n, count in enumerate(counts)
    )
