"""Shapley values of channels: a fair division of what they brought together.

K. Zhao, S. H. Mahboobi, S. R. Bagheri, "Shapley Value Methods for Attribution Modeling in Online Advertising", 2018
(arXiv:1804.05327), section 3: with the characteristic function v(S) = sum of R(T) over all T within S, where R(T) is
what journeys brought whose set of channels is exactly T, the Shapley value of a channel is the sum of R(T) / |T| over
all T that hold it. So each journey is divided equally among its distinct channels, exactly, for any number of channels.
"""

from warehouse.attribution.journeys import Journeys
from warehouse.attribution.models import Weights, once
from warehouse.index.encoded import Longs


def shapley(journeys: Journeys, group: Longs) -> Weights:
    """The same to each distinct group of a journey, however often it comes. ``group`` of each of the visits."""
    return once(journeys, group).astype(float)
