"""The scores of every customer of a site: recency, frequency and monetary value in fifths, churn, lifetime value."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from customers.rfm.cells import FEWEST_CUSTOMERS, cells
from customers.rfm.fifths import fifths
from customers.snapshots.snapshot import snapshot, without_erased
from profiles.erasures import Erased, NobodyErased
from profiles.lifecycle import stage_of, thresholds_of
from profiles.lifetime_value import SCORED_DAY, Purchases, TooFewPurchases, fit
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.purchases import purchases
from warehouse.question.span import LONGEST_DAYS, Span

DAYS_KEPT = 7
"""Scores that did not change are written again after so many days, for their day."""
log = logging.getLogger("dangol.jobs.scoring")


class Scoring:
    """Reads the orders, fits the model of ``profiles.lifetime_value``, writes ``scores`` onto the profiles, and the
    day's snapshot into the warehouse."""

    def __init__(
        self,
        warehouse: Warehouse,
        profiles: ProfileStore,
        erased: Erased | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._warehouse, self._profiles, self._clock = warehouse, profiles, clock
        self._erased = erased or NobodyErased()

    def run(self, site: Site) -> int:
        """Score every customer; how many profiles were written. Safe beside ingest, and to run twice: a day has one
        snapshot. Raises WarehouseUnavailable or ProfilesUnavailable; who was scored before that stays so.
        """
        now = int(self._clock() * 1000)
        span = Span(now - LONGEST_DAYS * DAY_MS, now + 1, site.zone)
        table = purchases(self._warehouse, site.id, span, site.currency)
        columns = scores(table, now, site.id)
        written = 0
        stages: list[str | None] = []
        for profile_id, mine in zip(table["profile"].to_pylist(), _by_profile(columns), strict=True):
            known = self._profiles.load(site.id, [profile_id])[profile_id].profile
            stages.append(stage_of(known, now, thresholds_of(site)) if known else None)
            if known and not _holds(known.scores, mine):
                written += self._write(site.id, profile_id, mine)
        self._record(site, now, table, stages, columns)
        return written

    def _write(self, site: str, profile_id: str, mine: Mapping[str, float]) -> bool:
        def change(profile: Profile) -> Profile:
            profile.scores = {**profile.scores, **mine}
            return profile

        return self._profiles.update(site, profile_id, change) is not None

    def _record(
        self,
        site: Site,
        now: int,
        customers: pa.Table,
        stages: Sequence[str | None],
        columns: Mapping[str, np.ndarray],
    ) -> None:
        day = datetime.fromtimestamp(now / 1000, site.zone).date()
        profiles = customers["profile"].combine_chunks()
        rows = snapshot(site.id, day, now, profiles, stages, columns)
        marks = self._erased.cutoffs(site.id)
        self._warehouse.record_scores(
            site.id, day, without_erased(rows, site.id, customers["last"].to_numpy(), marks)
        )


def scores(customers: pa.Table, now: int, site: str = "") -> dict[str, np.ndarray]:
    """What each row (n,) of ``warehouse.feeds.purchases`` scores at ``now`` (ms), by name.

    ``recency``, ``frequency``, ``monetary``: 5 for the best fifth of the customers, 1 for the last. ``cell``: the place
    of their RFM cell in ``profiles.standing.CELLS``, absent with fewer than 20 customers. ``churn``: the
    probability that they will not buy again; ``clv``: expected revenue of the next 365 days, in the site's currency.
    Both are absent while the site has too few customers to tell. ``day``: the day that all of them are of.
    """
    days, paid, revenue = (customers[name].to_numpy() for name in ("days", "paid_days", "revenue"))
    first, last = (customers[name].to_numpy() / DAY_MS for name in ("first", "last"))
    orders = customers["orders"].to_numpy()
    columns: dict[str, np.ndarray] = {
        "recency": fifths(last),
        "frequency": fifths(orders),
        "monetary": fifths(revenue),
    }
    if len(orders) >= FEWEST_CUSTOMERS:
        columns["cell"] = cells(columns["recency"], columns["frequency"], columns["monetary"], orders)
    spend = revenue / np.maximum(paid, 1)
    history = Purchases(repeats=days - 1, last=last - first, age=now / DAY_MS - first, spend=spend)
    try:
        value = fit(history)
    except TooFewPurchases as few:
        log.info("no churn and lifetime value for site %s yet: %s", site, few)
    else:
        columns["churn"] = 1 - value.alive(history)
        columns["clv"] = value.lifetime(history)
    columns[SCORED_DAY] = np.full(len(first), now // DAY_MS)
    return columns


def _by_profile(columns: Mapping[str, np.ndarray]) -> Iterator[dict[str, float]]:
    """Rounded, so that not every profile is written every day."""
    for row in zip(*columns.values(), strict=True):
        yield dict(zip(columns, (round(float(each), 2) for each in row), strict=True))


def _holds(known: Mapping[str, float], mine: Mapping[str, float]) -> bool:
    """Whether the profile has these scores, of a day that is not long ago."""
    same = all(known.get(name) == value for name, value in mine.items() if name != SCORED_DAY)
    return same and 0 <= mine[SCORED_DAY] - known.get(SCORED_DAY, 0) < DAYS_KEPT
