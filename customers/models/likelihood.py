"""The parameters that explain what was seen best."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from customers.models.distinct import Distinct
from customers.purchases.history import Floats

FEWEST_CUSTOMERS, FEWEST_REPEATERS = 100, 20
"""With fewer, the likelihood is nearly flat and its maximum is mostly noise."""
PRIOR_SD = 3.0
"""Of a normal prior on each parameter's logarithm where there are FEWEST_CUSTOMERS: it keeps parameters finite where
the data say little, and fades as customers come."""


class Rows(NamedTuple):
    """What a likelihood is of: its columns (k, n), and how many customers each row stands for (n,)."""

    columns: Floats
    counts: Floats


Likelihood = Callable[[Floats, Floats], tuple[Floats, Floats]]
"""From parameters (p,) and columns (k, n): the log likelihood of each row (n,), and its slopes (p, n)."""


class TooFewPurchases(Exception):
    """Too few customers, or too few with a second purchase, to fit a model."""


def rows_of(of: Distinct) -> tuple[Rows, float]:
    """The kinds of customers in units of their mean age, which makes the search easy, and that unit in days. Raises
    TooFewPurchases."""
    timings, count = of.timings, of.counts
    customers, returned = count.sum(), count[timings.repeats > 0].sum()
    if customers < FEWEST_CUSTOMERS or returned < FEWEST_REPEATERS:
        raise TooFewPurchases(
            f"{customers:.0f} customers, {returned:.0f} of them came back:"
            f" {FEWEST_CUSTOMERS} and {FEWEST_REPEATERS} are needed"
        )
    unit = float(timings.age @ count / customers) or 1.0
    return Rows(np.stack([timings.repeats, timings.last / unit, timings.age / unit]), count), unit


def most_likely(likelihood: Likelihood, rows: Rows, size: int) -> Floats:
    """The ``size`` positive parameters that are most probable, given the log likelihood and how many customers each
    row stands for. Searched on every tenth row first."""
    start = np.zeros(size)
    for thinned in (every(rows, 10), rows):
        start = _search(likelihood, thinned, start)
    return np.exp(start)


def every(rows: Rows, nth: int) -> Rows:
    """Every ``nth`` row, or all where they are few."""
    return Rows(rows.columns[:, ::nth], rows.counts[::nth]) if len(rows.counts) > 100 * nth else rows


def _search(likelihood: Likelihood, rows: Rows, start: Floats) -> Floats:
    """The logarithms of the parameters."""
    customers = float(rows.counts.sum())
    spread = PRIOR_SD * max(customers / FEWEST_CUSTOMERS, 1.0)

    def loss(logs: Floats) -> tuple[float, Floats]:
        parameters = np.exp(logs)
        value, slopes = likelihood(parameters, rows.columns)
        total = np.sum(logs**2) / (2 * spread**2) - value @ rows.counts
        slope = logs / spread**2 - parameters * (slopes @ rows.counts)
        return float(total / customers), slope / customers

    limits: Any = {"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500}
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(-12, 12)] * len(start), options=limits
    )
    logs: Floats = found.x
    return logs
