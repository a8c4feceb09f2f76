"""The value of each customer: the candidate that was best on the site's last closed window, with intervals from how
wrong it was there and before."""

from typing import NamedTuple

import msgspec
import numpy as np
from scipy.stats import t as student

from customers.models.likelihood import TooFewPurchases
from customers.models.risk_models import PURCHASE_MODELS
from customers.models.value_models import MEAN, TWO_STAGE, ValueModel, fit_value, revenue_after
from customers.purchases.history import Floats, History
from customers.purchases.summary import Customers, customers
from customers.scoring.card import Absent, ValueCard
from customers.scoring.spread import OwnSpread, own_spread

USUAL = "Pareto/NBD"
CANDIDATES = (USUAL, *(name for name in PURCHASE_MODELS if name != USUAL), TWO_STAGE, MEAN)
CLEARLY = 0.99
"""Another candidate is taken where its error is at most so much of the usual one's: smaller differences are chance."""
SHORTEST_WINDOW = 28
"""Days; a shorter window tells nothing of a year."""
LEVEL = 0.9
"""Of intervals."""
USUAL_ERROR, USUAL_WINDOWS = 0.2, 2
"""The spread of a sum's relative error where a shop's own windows do not tell yet; it counts as so many."""


class Value(NamedTuple):
    """``model`` is None where no value may be shown; ``absent`` and ``needs`` say why."""

    model: ValueModel | None
    card: ValueCard | None
    spread: OwnSpread | None = None
    width: float = 0.0
    absent: Absent | None = None
    needs: str = ""

    def interval(self, total: float) -> tuple[float, float, float]:
        """The sum of all customers, and the interval around it."""
        return total, total * float(np.exp(-self.width)), total * float(np.exp(self.width))


class Window(NamedTuple):
    """What each candidate said of a closed window, and what happened."""

    buyers: Customers
    said: dict[str, Floats]
    happened: Floats
    needs: str


def learn_value(of: History, today: int, days: int) -> Value:
    """The best candidate, fitted for ``today``, and its intervals for ``days``."""
    first = int(of.day.min()) if len(of.day) else today
    length = min(days, (today - first) // 3)
    if length < SHORTEST_WINDOW:
        needs = f"{3 * SHORTEST_WINDOW} days of orders are needed, there are {today - first}"
        return Value(None, None, absent="history too short", needs=needs)
    latest = _window(of, today - length, length)
    if not latest.said:
        why: Absent = "no amounts" if not of.revenue.any() else "too few customers"
        return Value(None, None, absent=why, needs=latest.needs)
    best = _best({name: _error(said, latest.happened) for name, said in latest.said.items()})
    earlier = [_window(of, today - back, length, (best,)) for back in (length + length // 2, 2 * length)]
    model_width = _width(
        [window for window in (latest, *earlier) if best in window.said], best, days / length
    )
    before = [window for window in earlier if best in window.said]
    spread = own_spread(latest.said[best], latest.happened)
    card = _card(of, latest, best, length, _width(before, best, 1.0), before[-1:])
    if not card.better:
        return Value(None, card, absent="no better than the obvious rule")
    return Value(fit_value(of, today, length, best), card, spread, model_width)


def _best(errors: dict[str, float]) -> str:
    best = min(errors, key=lambda name: errors[name])
    return USUAL if USUAL in errors and errors[best] > CLEARLY * errors[USUAL] else best


def _window(of: History, cut: int, length: int, names: tuple[str, ...] = CANDIDATES) -> Window:
    """The ``length`` days from ``cut`` on, told from what was before them."""
    buyers, said, needs = customers(of, cut), {}, ""
    for name in names:
        try:
            said[name] = fit_value(of, cut, length, name).revenue(of.until(cut), buyers, length)
        except TooFewPurchases as few:
            needs = needs or str(few)
    return Window(buyers, said, revenue_after(of, buyers, length), needs)


def _width(windows: list[Window], name: str, longer: float) -> float:
    """Of the interval of a sum, on the scale of logarithms, when it is of a time ``longer`` times as long."""
    off = [np.log(max(w.happened.sum(), 1e-9) / max(w.said[name].sum(), 1e-9)) for w in windows]
    freedom = USUAL_WINDOWS + len(off)
    variance = (USUAL_WINDOWS * USUAL_ERROR**2 + sum(each**2 for each in off)) / freedom
    return float(student.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(variance * np.sqrt(max(longer, 1.0))))


def _card(
    of: History, latest: Window, name: str, length: int, width: float, before: list[Window]
) -> ValueCard:
    said, day = latest.said[name], latest.buyers.day
    earlier = of.between(day - length, day)
    repeat = earlier.total(earlier.revenue)[latest.buyers.rows]
    covered = None
    if before:
        low, high = own_spread(before[0].said[name], before[0].happened).of(said)
        covered = share_within(low, latest.happened, high)
    card = value_card(said, latest.happened, repeat, width, covered)
    return msgspec.structs.replace(card, model=name, days=length, told_on=day - 1)


def value_card(
    said: Floats, happened: Floats, repeat: Floats, width: float, covered: float | None
) -> ValueCard:
    """Of ``said`` (n,) and what ``happened``; ``repeat`` is that of the time before. Without model and days."""
    total = float(said.sum())
    return ValueCard(
        model="",
        days=0,
        customers=len(said),
        said=total,
        low=total * float(np.exp(-width)),
        high=total * float(np.exp(width)),
        happened=float(happened.sum()),
        r2=1 - _error(said, happened) ** 2 / max(float(np.var(happened)), 1e-12),
        error=_error(said, happened),
        error_constant=_error(np.full(len(said), repeat.mean()), happened),
        error_repeat=_error(repeat, happened),
        covered=covered,
    )


def share_within(low: Floats, happened: Floats, high: Floats) -> float:
    return float(np.mean((low <= happened) & (happened <= high)))


def _error(said: Floats, happened: Floats) -> float:
    return float(np.sqrt(np.mean((said - happened) ** 2)))
