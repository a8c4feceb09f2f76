"""What a site's orders are usually worth, and which were set apart because nobody would believe them."""

from typing import NamedTuple

from warehouse.events import Events
from warehouse.question.scope import Scope

ENOUGH_BUYERS = 20
"""With fewer a site's history does not tell what is plausible."""
TIMES_USUAL = 50.0

_USUAL = """
with each as (
    select profile, median(amount) / 10000.0 as worth, bool_or(told) as told from net_orders
    where orders > 0 and amount > 0 and currency = '' group by profile
)
select count(*) filter (told) as told, count(*) as buyers, quantile_cont(worth, 0.95) filter (told) as told_worth,
       quantile_cont(worth, 0.95) as worth from each
"""
_DOUBTFUL = """
select count(*) as orders, count(distinct profile) as people, coalesce(max(abs(revenue)), 0)::double as largest
from events where doubtful
"""


class Doubtful(NamedTuple):
    """Orders and refunds that were set apart, by how many people, and the largest amount of them."""

    orders: int
    people: int
    largest: float


def plausible(warehouse: Events, site: str, start: int, currency: str) -> float:
    """The largest plausible order since ``start`` (ms), in ``currency``, the site's: TIMES_USUAL what all but the best
    twentieth of the buyers pay, each buyer counted once by their median order; of those that the site itself told of,
    where they are enough. 0 where the history is too short. Raises WarehouseUnavailable."""
    (row,) = warehouse.rows(_USUAL, Scope(site, start, currency=currency))
    if row["told"] >= ENOUGH_BUYERS:
        return float(row["told_worth"]) * TIMES_USUAL
    return float(row["worth"]) * TIMES_USUAL if row["buyers"] >= ENOUGH_BUYERS else 0.0


def doubtful(warehouse: Events, site: str, start: int, end: int = 1 << 53) -> Doubtful:
    """What was set apart with ``start`` ≤ ts < ``end`` (ms). Raises WarehouseUnavailable."""
    (row,) = warehouse.rows(_DOUBTFUL, Scope(site, start, end))
    return Doubtful(**row)
