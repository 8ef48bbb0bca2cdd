"""The geometry of the picture: bars upon each other, an axis with round numbers, and which bars have a word below them.

The picture has a height in pixels and stretches with the page: bars are drawn in a box of its own units, whole numbers, of which ten are
a pixel high and ten are a bar's place wide; words stand at percents of its width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

from messa_platform.portal.admin.logs.figures import Figures, Kind, Step

TALL, SMALL = 180, 108
"""Heights of the bars' box."""
FEWEST_PLACES = 10
"""A single bar is no wall."""
UNITS = 10
"""Of the box, in a pixel of its height, and in the width of a bar's place."""
BAR = 7
"""Units that a bar is wide."""
MOST_TICKS = 4
MOST_WORDS = 8

_STRIDES = {Step.DAY: (1, 2, 7, 14), Step.WEEK: (1, 2, 4, 13), Step.MONTH: (1, 2, 3, 6, 12, 24, 60)}
"""How far apart words below the bars may stand: a fortnight, a quarter, a year."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A round number of the axis, and how far below the top its line is."""

    value: int
    y: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bar of this number has its word: in percent from the left. `is_spare`: it is left out where there is little room."""

    bar: int
    percent: float
    is_spare: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """`paths` are what to fill, in the box's units, for each kind that there is any of.

    `height` is in pixels; the box is `width` units wide, and its first bar's place begins at `begin`.
    """

    height: int
    width: int
    begin: int
    ticks: tuple[Tick, ...]
    paths: tuple[tuple[Kind, str], ...]
    words: tuple[Place, ...]


def chart(figures: Figures, height: int = TALL) -> Chart:
    """Draw the figures."""
    bars = len(figures.bars)
    width = max(bars, FEWEST_PLACES) * UNITS
    begin = (width - bars * UNITS) // 2
    numbers = _numbers(max((bar.total for bar in figures.bars), default=0))
    paths = ((kind, _path(figures, place, begin, height, numbers[-1])) for place, kind in enumerate(Kind))
    return Chart(
        height,
        width,
        begin,
        tuple(Tick(value, round(height - height * value / numbers[-1], 1)) for value in numbers),
        tuple((kind, path) for kind, path in paths if path),
        tuple(_words(figures.step, bars, begin, width)),
    )


def _numbers(highest: int) -> list[int]:
    """The numbers of the axis, from 0 to the first that is not below the highest bar; 1, 2 or 5 with noughts apart."""
    step = 1
    for factor in cycle((2, 2.5, 2)):
        if step * MOST_TICKS >= highest:
            break
        step = int(step * factor)
    return [step * n for n in range(max(1, -(-highest // step)) + 1)]


def _path(figures: Figures, place: int, begin: int, height: int, top: int) -> str:
    """All that there is of a kind, as one path."""
    pieces = []
    for number, bar in enumerate(figures.bars):
        if bar.messages[place]:
            below = sum(bar.messages[:place])
            # both ends are rounded, and not the height: what stands upon it begins where this one ends
            bottom, up = (round(height * UNITS * (1 - n / top)) for n in (below, below + bar.messages[place]))
            left = begin + number * UNITS + (UNITS - BAR) // 2
            pieces.append(f"M{left} {up}h{BAR}v{bottom - up}h-{BAR}z")
    return "".join(pieces)


def _words(step: Step, bars: int, begin: int, width: int) -> Iterator[Place]:
    """The bars that have a word below them, counted from the last one."""
    stride = next((s for s in _STRIDES[step] if bars <= s * MOST_WORDS), _STRIDES[step][-1])
    for turn, bar in enumerate(range(bars - 1, -1, -stride)):
        middle = begin + (bar + 0.5) * UNITS
        yield Place(bar, round(100 * middle / width, 2), is_spare=turn % 2 == 1)
