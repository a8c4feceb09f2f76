"""The Pareto/NBD model (Schmittlein, Morrison & Colombo 1987).

A customer buys at a rate of their own until they leave, at any moment. Rates are gamma distributed (shape ``r``, scale
``alpha``), and so are the rates of leaving (``s``, ``beta``). The integral over the moment of leaving is computed by
Gauss-Legendre nodes: the hypergeometric form of Fader & Hardie (2005) is slower and overflows.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from scipy.special import digamma, expit, gammaln

from customers.models.distinct import Distinct, Timings
from customers.models.likelihood import most_likely, rows_of
from customers.purchases.history import Floats

NODES, WEIGHTS = (column / 2 for column in np.polynomial.legendre.leggauss(24))
"""On the interval from -1/2 to 1/2."""
GAP = 1e-4
"""The formula of expected purchases has a gap at s = 1, its limit has not."""


class ParetoNbd(msgspec.Struct, frozen=True):
    """The fitted model; ``alpha`` and ``beta`` in days."""

    r: float
    alpha: float
    s: float
    beta: float

    def alive(self, of: Timings) -> Floats:
        """(n,): the probability that each may still buy."""
        there = -(self.r + of.repeats) * np.log(self.alpha + of.age) - self.s * np.log(self.beta + of.age)
        left = np.log(self.s) + _moments_of_leaving(self, of.repeats, of.last, of.age).log_integral
        alive: Floats = 1 / (1 + np.exp(np.minimum(left - there, 700.0)))
        return alive

    def purchases(self, of: Timings, days: float) -> Floats:
        """(n,): expected purchases of each in the next ``days``."""
        s = self.s if abs(self.s - 1) > GAP else 1 + GAP
        reached = self.beta + of.age
        rate = (self.r + of.repeats) / (self.alpha + of.age)
        if_alive: Floats = rate * reached / (s - 1) * (1 - (reached / (reached + days)) ** (s - 1))
        return if_alive * self.alive(of)

    def silent(self, of: Timings, days: float) -> Floats:
        """(n,): the probability that each buys nothing in the next ``days``."""
        x, age, end = self.r + of.repeats, of.age, of.age + days
        before = x * np.log(self.alpha + age) + self.s * np.log(self.beta + age)
        stays = np.exp(before - x * np.log(self.alpha + end) - self.s * np.log(self.beta + end))
        leaves = np.exp(
            before + np.log(self.s) + _moments_of_leaving(self, of.repeats, age, end).log_integral
        )
        none: Floats = np.minimum(stays + leaves, 1.0)
        return 1 - self.alive(of) * (1 - none)


def fit_pareto_nbd(of: Distinct) -> ParetoNbd:
    """The most probable model. Raises TooFewPurchases."""
    rows, unit = rows_of(of)
    r, alpha, s, beta = map(float, most_likely(_log_likelihood, rows, 4))
    return ParetoNbd(r, alpha * unit, s, beta * unit)


def _log_likelihood(parameters: Floats, columns: Floats) -> tuple[Floats, Floats]:
    of, model = Timings(*columns), ParetoNbd(*parameters)
    r, alpha, s, beta, x = model.r, model.alpha, model.s, model.beta, of.repeats
    whole, gone = np.log(alpha + of.age), np.log(beta + of.age)
    while_away = _moments_of_leaving(model, x, of.last, of.age)
    there, away = -(r + x) * whole - s * gone, np.log(s) + while_away.log_integral
    left = expit(away - there)
    t, share = while_away.t, while_away.share
    value: Floats = (
        gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.logaddexp(there, away)
    )
    stays = 1 - left
    slopes = np.stack([
        digamma(r + x) - digamma(r) + np.log(alpha) - stays * whole - left * _mean(np.log(alpha + t), share),
        r / alpha - (r + x) * (stays / (alpha + of.age) + left * _mean(1 / (alpha + t), share)),
        np.log(beta) - stays * gone + left * (1 / s - _mean(np.log(beta + t), share)),
        s / beta - stays * s / (beta + of.age) - left * (s + 1) * _mean(1 / (beta + t), share),
    ])  # fmt: skip
    return value, slopes


class _Leaving(NamedTuple):
    """Moments at which each customer may have left (n, nodes), how probable each is, and their integral (n,)."""

    t: Floats
    share: Floats
    log_integral: Floats


def _moments_of_leaving(model: ParetoNbd, repeats: Floats, start: Floats, end: Floats) -> _Leaving:
    """Of the integral of (alpha + t)^-(r + x) (beta + t)^-(s + 1) over ``start`` < t < ``end``.

    With w = ((alpha + t) / (alpha + start))^-k, k = r + x + s, what is left to integrate hardly varies.
    """
    alpha, beta, s = model.alpha, model.beta, model.s
    k = model.r + repeats + s
    least = ((alpha + end) / (alpha + start)) ** -k
    w = (1 + least[:, None]) / 2 + (1 - least)[:, None] * NODES
    reached = (alpha + start)[:, None] * w ** (-1 / k)[:, None]
    ratio = WEIGHTS * (1 + (beta - alpha) / reached) ** -(s + 1)
    whole = ratio.sum(1)
    with np.errstate(divide="ignore"):
        log: Floats = np.log((1 - least) * whole) - np.log(k) - k * np.log(alpha + start)
    return _Leaving(reached - alpha, ratio / np.maximum(whole, 1e-300)[:, None], log)


def _mean(values: Floats, share: Floats) -> Floats:
    mean: Floats = np.einsum("ij,ij->i", values, share)
    return mean
