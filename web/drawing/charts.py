"""Series as SVG geometry in a box of 1000 × 300: drawn by the server, so a chart needs no library and no wait.

A line chart of the desk is 2 KB of HTML; the lightest kept chart library in a wheel is 1.4 MB gzipped.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 300.0
COLUMNS_BELOW = 3
"""With fewer points than this a line says nothing: columns are drawn."""


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Plot:
    """``line``, ``area`` and ``before`` are SVG path data, "" when ``columns`` are drawn instead."""

    ceiling: float
    points: tuple[Point, ...]
    line: str
    area: str
    before: str
    columns: tuple[Point, ...]

    @property
    def ticks(self) -> tuple[float, float, float]:
        """The values at the three rules, from the top."""
        return self.ceiling, self.ceiling / 2, 0.0


def ceiling_of(values: Sequence[float]) -> float:
    """The smallest round number that holds every value and whose half is round too."""
    highest = max(values, default=0.0)
    if highest <= 2:
        return 2.0
    scale = 10.0 ** math.floor(math.log10(highest))
    return next(
        step * scale for step in (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0) if highest <= step * scale
    )


def plot(values: Sequence[float], before: Sequence[float] = (), places: int | None = None) -> Plot:
    """``values`` by time, and below them the ``before`` of the period that went before. With ``places`` there are so
    many, of which later ones may have no value yet."""
    ceiling = ceiling_of([*values, *before])
    places = max(len(values), places or 0)
    points = _points(values, ceiling, places)
    if places < COLUMNS_BELOW or not values:
        return Plot(ceiling, points, "", "", "", points)
    line = svg_path(points)
    area = f"{line} L{points[-1].x:g} {HEIGHT:g} L{points[0].x:g} {HEIGHT:g} Z"
    return Plot(ceiling, points, line, area, svg_path(_points(before[:places], ceiling, places)), ())


def _points(values: Sequence[float], ceiling: float, places: int) -> tuple[Point, ...]:
    if places < COLUMNS_BELOW:
        xs = [WIDTH * (index + 0.5) / max(1, places) for index in range(places)]
    else:
        xs = [WIDTH * index / (places - 1) for index in range(places)]
    return tuple(
        Point(round(x, 1), round(HEIGHT * (1 - max(0.0, value) / ceiling), 1))
        for x, value in zip(xs, values, strict=False)
    )


def svg_path(points: Sequence[Point]) -> str:
    """A line through the points."""
    return " ".join(f"{'L' if index else 'M'}{point.x:g} {point.y:g}" for index, point in enumerate(points))
