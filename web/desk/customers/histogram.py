"""Distributions of scores as columns in a box of 1000 × 300, with words for their ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from web.drawing import formats
from web.drawing.charts import HEIGHT, WIDTH, ceiling_of
from web.language import gettext as _
from web.reports.customers.distribution import Bin

GAP = 6.0
"""Between two columns."""


@dataclass(frozen=True, slots=True)
class HistogramColumn:
    """``height`` goes up from the bottom of the box; ``ends`` says which scores, ``label`` stands at its axis."""

    x: float
    width: float
    height: float
    label: str
    ends: str
    customers: str


@dataclass(frozen=True, slots=True)
class Histogram:
    """Empty without scores. ``ticks`` are customers, from the top."""

    columns: tuple[HistogramColumn, ...]
    ticks: tuple[str, str, str]


def risk_histogram(bins: Sequence[Bin]) -> Histogram:
    return _histogram(
        [each for each in bins if each.score == "risk"], lambda value: formats.percent(value, 0)
    )


def amount_histogram(bins: Sequence[Bin], currency: str) -> Histogram:
    chosen = [each for each in bins if each.score == "clv"]
    return _histogram(chosen, lambda value: formats.short_money(value, currency))


def _histogram(bins: Sequence[Bin], told: Callable[[float], str]) -> Histogram:
    top = ceiling_of([each.customers for each in bins])
    width = WIDTH / max(1, len(bins))
    columns = tuple(
        HistogramColumn(
            round(width * place + GAP / 2, 1),
            round(width - GAP, 1),
            round(HEIGHT * each.customers / top, 1),
            f"< {told(0.0)}" if each.low is None else told(each.low),
            _ends(each, told),
            formats.number(each.customers),
        )
        for place, each in enumerate(bins)
    )
    high, middle, low = (formats.number(each) for each in (top, top / 2, 0.0))
    return Histogram(columns, (high, middle, low))


def _ends(one: Bin, told: Callable[[float], str]) -> str:
    if one.low is None:
        return _("less than %(end)s", end=told(one.high or 0.0))
    if one.high is None:
        return _("%(end)s and more", end=told(one.low))
    return _("%(low)s to %(high)s", low=told(one.low), high=told(one.high))
