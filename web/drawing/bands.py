"""An estimate and its interval over time, as SVG geometry in a box of 1000 × 300 with zero at half its height."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from offers.experiments.intervals import Interval
from web.drawing.charts import HEIGHT, WIDTH, Point, svg_path

REACH = 2.5
"""The box shows so many times the last interval's distance from zero: the first ones, of few people, pass its edge."""
STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)


@dataclass(frozen=True, slots=True)
class Band:
    """``area`` and ``line`` are SVG path data: from low to high, and the values. ``reach`` is the value at the upper
    edge; the lower one is its negative."""

    reach: float
    points: tuple[Point, ...]
    area: str
    line: str

    @property
    def ticks(self) -> tuple[float, float, float]:
        """The values at the three rules, from the top."""
        return self.reach, 0.0, -self.reach


def band(intervals: Sequence[Interval]) -> Band | None:
    """``intervals`` by time, at equal distances. None for fewer than two, which show no course."""
    if len(intervals) < 2:
        return None
    far = [max(abs(each.low), abs(each.high), abs(each.value)) for each in intervals]
    reach = _rounded(min(max(far), REACH * far[-1]))
    xs = [round(WIDTH * at / (len(intervals) - 1), 1) for at in range(len(intervals))]

    def points(values: Sequence[float]) -> list[Point]:
        return [Point(x, _height(value, reach)) for x, value in zip(xs, values, strict=True)]

    values = points([each.value for each in intervals])
    around = points([each.high for each in intervals]) + points([each.low for each in intervals])[::-1]
    return Band(reach, tuple(values), svg_path(around) + " Z", svg_path(values))


def _height(value: float, reach: float) -> float:
    return round(HEIGHT / 2 * (1 - min(1.0, max(-1.0, value / reach))), 1)


def _rounded(value: float) -> float:
    """The next round number; 1 of nothing."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in STEPS if value <= step * scale * (1 + 1e-9))
