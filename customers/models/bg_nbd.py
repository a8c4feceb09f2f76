"""The BG/NBD model and the modified one.

A customer buys at a rate of their own and may leave after a purchase. Rates are gamma distributed (shape ``r``, scale
``alpha``), chances to leave beta (``a``, ``b``). BG/NBD (Fader, Hardie & Lee 2005): the chance to leave begins after
the first repeat. Modified (Batislam, Denizel & Filiztekin 2007): after the first purchase.
"""

from functools import partial

import msgspec
import numpy as np
from scipy.special import digamma, expit, gammaln, hyp2f1

from customers.models.distinct import Distinct, Timings
from customers.models.likelihood import most_likely, rows_of
from customers.purchases.history import Floats

GAP = 1e-4
"""The formula of expected purchases has a gap at a = 1, its limit has not."""


class BgNbd(msgspec.Struct, frozen=True):
    """The fitted model; ``alpha`` in days. ``modified``: a customer may leave after the first purchase."""

    r: float
    alpha: float
    a: float
    b: float
    modified: bool = False

    def alive(self, of: Timings) -> Floats:
        """(n,): the probability that each may still buy."""
        odds: Floats = np.exp(_log_odds_left(self, of))
        return 1 / (1 + odds)

    def purchases(self, of: Timings, days: float) -> Floats:
        """(n,): expected purchases of each in the next ``days``."""
        r, alpha, b, x = self.r, self.alpha, self.b + self.modified, of.repeats
        a = self.a if abs(self.a - 1) > GAP else 1 + GAP
        reached = alpha + of.age
        shrink = (reached / (reached + days)) ** (r + x)
        series = hyp2f1(r + x, b + x, a + b + x - 1, days / (reached + days))
        if_alive: Floats = (a + b + x - 1) / (a - 1) * (1 - shrink * series)
        return np.maximum(if_alive, 0.0) * self.alive(of)

    def silent(self, of: Timings, days: float) -> Floats:
        """(n,): the probability that each buys nothing in the next ``days``."""
        alive, reached = self.alive(of), self.alpha + of.age
        none: Floats = (reached / (reached + days)) ** (self.r + of.repeats)
        return 1 - alive * (1 - none)


def fit_bg_nbd(of: Distinct, modified: bool = False) -> BgNbd:
    """The most probable model. Raises TooFewPurchases."""
    rows, unit = rows_of(of)
    r, alpha, a, b = map(float, most_likely(partial(_log_likelihood, modified), rows, 4))
    return BgNbd(r, alpha * unit, a, b, modified)


def _log_likelihood(modified: bool, parameters: Floats, columns: Floats) -> tuple[Floats, Floats]:
    of, (r, alpha, a, b) = Timings(*columns), map(float, parameters)
    model, x = BgNbd(r, alpha, a, b, modified), of.repeats
    kept = x + modified  # the times that the customer could have left, and did not
    whole, recent = np.log(alpha + of.age), np.log(alpha + of.last)
    odds = _log_odds_left(model, of)
    left = expit(odds)
    value: Floats = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) - (r + x) * whole
        + gammaln(a + b) + gammaln(b + kept) - gammaln(b) - gammaln(a + b + kept) + np.logaddexp(0.0, odds)
    )  # fmt: skip
    slopes = np.stack([
        digamma(r + x) - digamma(r) + np.log(alpha) - whole + left * (whole - recent),
        r / alpha - (r + x) * ((1 - left) / (alpha + of.age) + left / (alpha + of.last)),
        digamma(a + b) - digamma(a + b + kept) + left / a,
        digamma(a + b) - digamma(a + b + kept) + digamma(b + kept) - digamma(b)
        - left / np.where(left > 0, b + kept - 1, 1),
    ])  # fmt: skip
    return value, slopes


def _log_odds_left(model: BgNbd, of: Timings) -> Floats:
    """Of having left against being there."""
    last_chance = model.b + of.repeats - (not model.modified)
    with np.errstate(divide="ignore", invalid="ignore"):
        odds: Floats = (
            np.log(model.a) - np.log(last_chance)
            + (model.r + of.repeats) * (np.log(model.alpha + of.age) - np.log(model.alpha + of.last))
        )  # fmt: skip
    return odds if model.modified else np.where(of.repeats > 0, odds, -np.inf)
