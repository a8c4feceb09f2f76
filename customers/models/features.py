"""What a customer's purchases tell at a day, in numbers that any learner can read."""

import numpy as np

from customers.purchases.history import Floats, History
from customers.purchases.summary import Customers

WINDOWS = (0.5, 1.0, 2.0, 4.0)
"""Orders and revenue are counted over so many horizons before the day."""


def features(of: History, buyers: Customers, horizon: int) -> Floats:
    """(n, k): of each of ``buyers``, as of their day: recency, frequency, age, rhythm, spend, recent orders and
    revenue. ``horizon``: days of the forecast, the unit of what is recent."""
    past, summary = of.until(buyers.day), buyers.summary
    recency = summary.age - summary.last
    mean_gap = summary.last / np.maximum(summary.repeats, 1)
    columns = [
        recency,
        summary.repeats,
        summary.age,
        mean_gap,
        recency / np.maximum(mean_gap, 1),
        summary.spend,
    ]
    for window in WINDOWS:
        recent = past.between(buyers.day - max(int(horizon * window), 1), buyers.day)
        columns += [recent.total(recent.stands)[buyers.rows], recent.total(recent.revenue)[buyers.rows]]
    for fading in (horizon, horizon / 4):
        weight = np.exp((past.day - buyers.day) / fading) * past.stands
        columns.append(past.total(weight)[buyers.rows])
    given_back = past.total(past.gross - past.revenue) / np.maximum(past.total(past.gross), 1e-9)
    return np.stack([*columns, given_back[buyers.rows], *_rhythm(past, buyers, horizon)], axis=1)


def logarithms(of: Floats) -> Floats:
    """The same on a scale on which differences count relatively."""
    small: Floats = np.sign(of) * np.log1p(np.abs(of))
    return small


def _rhythm(past: History, buyers: Customers, horizon: int) -> list[Floats]:
    """Spread, longest and last of the gaps between purchases; how many were longer than the wait so far, and of those,
    the share that went on for the whole horizon."""
    bought = past.rows(past.stands)
    again = np.flatnonzero(np.diff(bought.person) == 0) + 1
    who, gap = bought.person[again], (bought.day[again] - bought.day[again - 1]).astype(np.float64)
    summary = buyers.summary
    wait = np.zeros(of_all := past.people)
    wait[buyers.rows] = summary.age - summary.last
    squares = np.bincount(who, gap**2, of_all)[buyers.rows]
    mean = summary.last / np.maximum(summary.repeats, 1)
    spread = np.sqrt(np.maximum(squares / np.maximum(summary.repeats, 1) - mean**2, 0))
    longest, final = np.zeros(of_all), np.zeros(of_all)
    np.maximum.at(longest, who, gap)
    final[who] = gap
    longer = np.bincount(who, gap > wait[who], of_all)[buyers.rows]
    much_longer = np.bincount(who, gap > wait[who] + horizon, of_all)[buyers.rows]
    late = (summary.age - summary.last - mean) / np.maximum(spread, 1)
    share = (much_longer + 0.5) / (longer + 1)
    return [
        spread,
        longest[buyers.rows],
        final[buyers.rows],
        longer / np.maximum(summary.repeats, 1),
        share,
        late,
    ]
