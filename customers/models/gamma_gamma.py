"""What a purchase is worth: the gamma-gamma model (Fader, Hardie & Lee 2005).

A purchase's value is gamma distributed (``p``), its scale gamma again (``q``, ``v``), whoever buys how often.
"""

import msgspec
import numpy as np
from scipy.special import digamma, gammaln

from customers.models.likelihood import Rows, most_likely
from customers.purchases.history import Floats


class GammaGamma(msgspec.Struct, frozen=True):
    """The fitted model; ``v`` in the site's currency."""

    p: float
    q: float
    v: float

    def spend(self, paid: Floats, mean: Floats) -> Floats:
        """(n,): expected value of each one's next purchase: the ``mean`` of the ``paid`` ones so far, drawn towards
        everybody's."""
        expected: Floats = self.p * (self.v + paid * mean) / (self.p * paid + self.q - 1)
        return expected


def fit_gamma_gamma(paid: Floats, mean: Floats) -> GammaGamma | None:
    """The most probable model of customers with ``paid`` purchases of ``mean`` value; None where nothing was paid."""
    known = (paid > 0) & (mean > 0)
    if not known.any():
        return None
    unit = float(np.mean(mean[known]))
    columns = np.stack([paid[known], mean[known] / unit])
    p, above, v = map(float, most_likely(_log_likelihood, Rows(columns, np.ones(columns.shape[1])), 3))
    return GammaGamma(p, 1 + above, v * unit)


def _log_likelihood(parameters: Floats, columns: Floats) -> tuple[Floats, Floats]:
    """With q - 1 as a parameter: with q below 1 the mean over everybody would be infinite."""
    (p, above, v), (n, mean) = parameters, columns
    q, total = 1 + above, n * mean
    shape, scale = p * n + q, np.log(v + total)
    value: Floats = (
        gammaln(shape) - gammaln(p * n) - gammaln(q) + q * np.log(v)
        + p * n * np.log(total) - np.log(mean) - shape * scale
    )  # fmt: skip
    more = digamma(shape)
    slopes = np.stack([
        n * (more - digamma(p * n) + np.log(total) - scale),
        more - digamma(q) + np.log(v) - scale,
        q / v - shape / (v + total),
    ])  # fmt: skip
    return value, slopes
