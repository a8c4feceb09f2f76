"""The scores of every customer of a site: recency, frequency and monetary value in fifths, churn, lifetime value."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.quadrants.needs import Mixes, needs
from customers.quadrants.places import quadrants
from customers.rfm.cells import FEWEST_CUSTOMERS, cells
from customers.rfm.fifths import fifths
from customers.snapshots.snapshot import snapshot, without_erased
from dangol.jobs.grouping import BATCH, Grouping, StoredGroups, group_of
from profiles.erasures import Erased, NobodyErased
from profiles.lifecycle import stage_of, thresholds_of
from profiles.lifetime_value import SCORED_DAY, Purchases, TooFewPurchases, fit
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.customers.category_mix import category_mix
from warehouse.delta import Warehouse
from warehouse.feeds.purchases import purchases
from warehouse.question.span import LONGEST_DAYS, Span

OWN = frozenset({"recency", "frequency", "monetary", "cell", "group", "quadrant", "churn", "clv", SCORED_DAY})
"""What a run decides alone: one that it does not know goes."""
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
        groups: StoredGroups | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._warehouse, self._profiles, self._clock = warehouse, profiles, clock
        self._erased, self._grouping = erased or NobodyErased(), Grouping(profiles, groups)

    def run(self, site: Site) -> int:
        """Score every customer; how many profiles were written. Safe beside ingest, and to run twice: a day has one
        snapshot. Raises WarehouseUnavailable or ProfilesUnavailable; who was scored before that stays so.
        """
        now = int(self._clock() * 1000)
        span = Span(now - LONGEST_DAYS * DAY_MS, now + 1, site.zone)
        table = purchases(self._warehouse, site.id, span, site.currency)
        ids = table["profile"].to_pylist()
        columns = scores(table, now, site.id)
        if "clv" in columns:
            mix = category_mix(self._warehouse, site.id, span, site.currency)
            columns["quadrant"] = quadrants(needs(mixes(mix, table["profile"])).distance, columns["clv"])
        groups = self._grouping.groups(site.id, ids, now)
        columns["group"] = np.full(len(ids), np.nan)
        written = 0
        stages: list[str | None] = []
        for start in range(0, len(ids), BATCH):
            part = slice(start, start + BATCH)
            found = self._profiles.load(site.id, ids[part])
            known = [found[name].profile for name in ids[part]]
            columns["group"][part] = group_of(groups, known, now)
            stages += [stage_of(each, now, thresholds_of(site)) if each else None for each in known]
            mine = _by_profile({name: column[part] for name, column in columns.items()})
            for name, profile, one in zip(ids[part], known, mine, strict=True):
                if profile and not _holds(profile.scores, one):
                    written += self._write(site.id, name, one)
        self._record(site, now, table, stages, columns)
        return written

    def _write(self, site: str, profile_id: str, mine: Mapping[str, float]) -> bool:
        def change(profile: Profile) -> Profile:
            others = {name: each for name, each in profile.scores.items() if name not in OWN}
            profile.scores = {**others, **mine}
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
    """Rounded, so that not every profile is written every day; without what is not known."""
    for row in zip(*columns.values(), strict=True):
        rounded = (round(float(each), 2) for each in row)
        yield {name: each for name, each in zip(columns, rounded, strict=True) if not math.isnan(each)}


def mixes(bought: pa.Table, profiles: pa.ChunkedArray) -> Mixes:
    """The columns of ``warehouse.customers.category_mix`` for customers in the order of ``profiles``."""
    customer = pc.index_in(bought["profile"], profiles.combine_chunks())
    known = pc.is_valid(customer)
    rows = bought.filter(known)
    category = rows["category"].combine_chunks().dictionary_encode().indices
    counts = rows["count"].to_numpy().astype(np.float64)
    return Mixes(
        len(profiles), customer.filter(known).to_numpy().astype(np.int64), category.to_numpy(), counts
    )


def _holds(known: Mapping[str, float], mine: Mapping[str, float]) -> bool:
    """Whether the profile has these scores, of a day that is not long ago."""
    same = all(known.get(name) == mine.get(name) for name in OWN | mine.keys() if name != SCORED_DAY)
    return same and 0 <= mine[SCORED_DAY] - known.get(SCORED_DAY, 0) < DAYS_KEPT
