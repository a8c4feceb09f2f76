"""Customer lifetime value and the chance that a customer has left, from dates and values of their purchases.

Purchases: the modified BG/NBD (Batislam, Denizel & Filiztekin 2007). A customer buys at a rate of their own and may
leave after each purchase, the first included. Rates are gamma distributed (shape ``r``, scale ``alpha``), chances to
leave beta (``a``, ``b``). Spend: gamma-gamma (Fader, Hardie & Lee 2005): a purchase's value is gamma distributed
(``p``), its scale gamma again (``q``, ``v``), whoever buys how often.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import gammaln, hyp2f1

Floats = NDArray[np.float64]

YEAR_DAYS = 365.0
FEWEST_CUSTOMERS, FEWEST_REPEATERS = 100, 20
"""With fewer, the likelihood is nearly flat and its maximum is mostly noise."""
PRIOR_SD = 3.0
"""Of a normal prior on each parameter's logarithm: keeps it finite where the data say little."""

SCORED_DAY = "day"
"""Among a profile's scores: the day that the others are of, in days since 1970 (UTC). Churn moves on by itself."""


class TooFewPurchases(Exception):
    """Too few customers, or too few with a second purchase, to fit the model."""


class Purchases(NamedTuple):
    """Of n customers, each array of shape (n,). A purchase is a day with an order; times in days."""

    repeats: Floats
    """Purchases after the first."""
    last: Floats
    """From the first purchase to the last."""
    age: Floats
    """From the first purchase to now."""
    spend: Floats
    """Mean value of a purchase; 0 where it is not known."""


class Value(msgspec.Struct, frozen=True):
    """The fitted model of a site's customers."""

    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float

    def alive(self, of: Purchases) -> Floats:
        """(n,): the probability that each may still buy."""
        odds: Floats = np.exp(self._log_odds_left(of))
        return 1 / (1 + odds)

    def purchases(self, of: Purchases, days: float = YEAR_DAYS) -> Floats:
        """(n,): expected purchases of each in the next ``days``."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        if abs(a - 1) < 1e-4:  # the formula has a gap there, its limit has not
            a = 1 + 1e-4
        x = of.repeats
        reached = alpha + of.age
        shrink = (reached / (reached + days)) ** (r + x)
        series = hyp2f1(r + x, b + x + 1, a + b + x, days / (reached + days))
        if_alive: Floats = (a + b + x) / (a - 1) * (1 - shrink * series)
        return np.maximum(if_alive, 0.0) * self.alive(of)

    def spend(self, of: Purchases) -> Floats:
        """(n,): expected value of each one's next purchase: their own mean, drawn towards everybody's."""
        n = np.where(of.spend > 0, of.repeats + 1, 0)
        mean: Floats = self.p * (self.v + n * of.spend) / (self.p * n + self.q - 1)
        return mean

    def lifetime(self, of: Purchases, days: float = YEAR_DAYS) -> Floats:
        """(n,): expected revenue from each in the next ``days``."""
        return self.purchases(of, days) * self.spend(of)

    def _log_odds_left(self, of: Purchases) -> Floats:
        return _log_odds_left((self.r, self.alpha, self.a, self.b), of)


def fit(of: Purchases) -> Value:
    """The most probable model (maximum a posteriori). Raises TooFewPurchases."""
    if len(of.repeats) < FEWEST_CUSTOMERS or np.count_nonzero(of.repeats) < FEWEST_REPEATERS:
        raise TooFewPurchases(
            f"{len(of.repeats)} customers, {np.count_nonzero(of.repeats)} of them came back:"
            f" {FEWEST_CUSTOMERS} and {FEWEST_REPEATERS} are needed"
        )
    paid = of.spend > 0
    unit = float(np.mean(of.age)) or 1.0  # numbers near 1 make the search easy
    scaled = of._replace(last=of.last / unit, age=of.age / unit)
    r, alpha, a, b = _maximum(lambda logs: _timing(np.exp(logs), scaled), 4)
    money = float(np.mean(of.spend[paid])) if paid.any() else 0.0
    p, q, v = 1.0, 2.0, 0.0  # without revenue, every value is 0
    if money:
        n, mean = of.repeats[paid] + 1, of.spend[paid] / money
        p, q, v = _maximum(lambda logs: _spending(np.exp(logs), n, mean), 3)
        q += 1  # see _spending
    return Value(*map(float, (r, alpha * unit, a, b, p, q, v * money)))


def _maximum(likelihood: Callable[[Floats], Floats], size: int) -> Floats:
    """The ``size`` positive parameters that are most probable, given the log likelihood of each row."""

    def loss(logs: Floats) -> float:
        rows = likelihood(logs)
        return float((np.sum(logs**2) / (2 * PRIOR_SD**2) - np.sum(rows)) / len(rows))

    starts = (np.zeros(size), np.full(size, 1.0))
    found = min(
        (minimize(loss, start, method="L-BFGS-B", bounds=[(-12, 12)] * size) for start in starts), key=_loss
    )
    # The last digits: the slopes above are finite differences.
    found = minimize(
        loss, found.x, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-10, "maxiter": 4000}
    )
    fitted: Floats = np.exp(found.x)
    return fitted


def _loss(result: Any) -> float:
    return float(result.fun)


def _timing(parameters: Floats | tuple[float, ...], of: Purchases) -> Floats:
    """(n,): log likelihood of the modified BG/NBD."""
    r, alpha, a, b = parameters
    x = of.repeats
    stayed = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * np.log(alpha + of.age)
        + gammaln(a + b) + gammaln(b + x + 1) - gammaln(b) - gammaln(a + b + x + 1)
    )  # fmt: skip
    both: Floats = stayed + np.logaddexp(0.0, _log_odds_left(parameters, of))
    return both


def _log_odds_left(parameters: Floats | tuple[float, ...], of: Purchases) -> Floats:
    r, alpha, a, b = parameters
    odds: Floats = (
        np.log(a) - np.log(b + of.repeats)
        + (r + of.repeats) * (np.log(alpha + of.age) - np.log(alpha + of.last))
    )  # fmt: skip
    return odds


def _spending(parameters: Floats | tuple[float, ...], n: Floats, mean: Floats) -> Floats:
    """(n,): log likelihood of the gamma-gamma model for ``n`` purchases of ``mean`` value each."""
    p, above, v = parameters
    q = 1 + above  # with less, the mean over everybody would be infinite
    likelihood: Floats = (
        gammaln(p * n + q) - gammaln(p * n) - gammaln(q) + q * np.log(v)
        + (p * n - 1) * np.log(mean) + p * n * np.log(n) - (p * n + q) * np.log(v + n * mean)
    )  # fmt: skip
    return likelihood
