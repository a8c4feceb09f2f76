"""The scores of every customer of a site: from the warehouse onto profiles, into the day's snapshot and the card."""

import time
from collections.abc import Callable, Mapping
from datetime import date, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from customers.purchases.history import Floats, History, history
from customers.quadrants.needs import Mixes, needs
from customers.quadrants.places import quadrants
from customers.rfm.cells import FEWEST_CUSTOMERS, cells
from customers.rfm.fifths import fifths
from customers.scoring.card import RISK_DAYS, VALUE_DAYS, ScoreCard
from customers.scoring.card_store import CardStore
from customers.snapshots.snapshot import snapshot, without_erased
from dangol.jobs.grouping import Grouping, StoredGroups, group_of
from dangol.jobs.score_writer import ScoreWriter, Written
from profiles.erasures import Erased, NobodyErased
from profiles.standing import SCORED_DAY
from profiles.store.port import ProfileStore
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.customers.category_mix import category_mix
from warehouse.customers.told_scores import told_risks, told_values
from warehouse.delta import Warehouse
from warehouse.feeds.purchase_days import NO_COSTS
from warehouse.question.span import LONGEST_DAYS, Span

EPOCH = date(1970, 1, 1)
MEMORY = "400MB"
"""Of the questions for orders; what needs more spills to disk. A million customers fit into 2 GB with all else."""


class Scoring:
    """Reads the orders, learns from them, writes ``scores`` onto the profiles, the day's snapshot into the warehouse,
    and the card. ``unit_costs``: what a product costs the shop, in its currency. ``risk_days``: the horizon of the
    risk."""

    def __init__(
        self,
        warehouse: Warehouse,
        profiles: ProfileStore,
        erased: Erased | None = None,
        groups: StoredGroups | None = None,
        cards: CardStore | None = None,
        unit_costs: Callable[[Site], Mapping[str, float]] = lambda _: NO_COSTS,
        risk_days: int = RISK_DAYS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._warehouse, self._profiles, self._clock = warehouse, profiles, clock
        self._erased, self._grouping = erased or NobodyErased(), Grouping(profiles, groups)
        self._cards, self._unit_costs, self._risk_days = cards, unit_costs, risk_days
        self.card: ScoreCard | None = None
        """Of the last run."""

    def run(self, site: Site) -> int:
        """Score every customer; how many profiles were written. Safe beside ingest, and to run twice: a day has one
        snapshot. Raises WarehouseUnavailable, ProfilesUnavailable or CardsUnavailable; who was scored before that
        stays so.
        """
        # scikit-learn: only this job needs its memory
        from customers.scoring.scores import learn, scores
        from customers.scoring.told import Told

        now = int(self._clock() * 1000)
        day = datetime.fromtimestamp(now / 1000, site.zone).date()
        tomorrow = (day - EPOCH).days + 1
        span = Span(now - LONGEST_DAYS * DAY_MS, now + 1, site.zone)
        with self._warehouse.aside(MEMORY) as engine:
            known = history(engine, site.id, span, site.currency, self._unit_costs(site))
            mix = category_mix(engine, site.id, span, site.currency)
            told = Told(
                told_risks(engine, site.id, now, self._risk_days),
                told_values(engine, site.id, now, VALUE_DAYS),
            )
        found = scores(known, tomorrow, learn(known, tomorrow, self._risk_days, told))
        columns = {**rfm(known), **found.columns, SCORED_DAY: np.full(known.people, float(now // DAY_MS))}
        if "clv" in columns:
            columns["quadrant"] = quadrants(needs(mixes(mix, known.profiles)).distance, columns["clv"])
        groups = self._grouping.groups(site.id, known.profiles, now)
        writer = ScoreWriter(self._profiles, site, now, lambda profiles: group_of(groups, profiles, now))
        written = writer.write(known.profiles, columns)
        columns["group"] = written.groups
        self._record(site, now, day, known, written, columns)
        self.card = found.card
        if self._cards:
            self._cards.save(site.id, found.card)
        return writer.written

    def _record(
        self,
        site: Site,
        now: int,
        day: date,
        known: History,
        written: Written,
        columns: Mapping[str, np.ndarray],
    ) -> None:
        rows = snapshot(
            site.id, day, now, known.profiles.cast(pa.string()), written.stages, written.refuses, columns
        )
        last = np.zeros(known.people, np.int64)
        np.maximum.at(last, known.person, known.ts)
        marks = self._erased.cutoffs(site.id)
        self._warehouse.record_scores(site.id, day, without_erased(rows, site.id, last, marks))


def rfm(of: History) -> dict[str, Floats]:
    """``recency``, ``frequency``, ``monetary`` (n,): 5 for the best fifth of the customers, 1 for the last. ``cell``:
    the place of their RFM cell in ``profiles.standing.CELLS``, absent with fewer than 20 customers. NaN for those who
    gave all back."""
    orders = of.total(of.orders * of.stands)
    buys = orders > 0
    last = np.zeros(of.people)
    np.maximum.at(last, of.person[of.stands], of.ts[of.stands])
    parts = [fifths(values[buys]) for values in (last, orders, of.total(of.revenue))]
    columns: dict[str, np.ndarray] = dict(zip(("recency", "frequency", "monetary"), parts, strict=True))
    if np.count_nonzero(buys) >= FEWEST_CUSTOMERS:
        columns["cell"] = cells(parts[0], parts[1], parts[2], orders[buys])
    return {name: _among(buys, values) for name, values in columns.items()}


def _among(which: np.ndarray, values: np.ndarray) -> Floats:
    everybody = np.full(len(which), np.nan)
    everybody[which] = values
    return everybody


def mixes(bought: pa.Table, profiles: pa.Array) -> Mixes:
    """The columns of ``warehouse.customers.category_mix`` for customers in the order of ``profiles``."""
    customer = pc.index_in(bought["profile"], profiles)
    known = pc.is_valid(customer)
    rows = bought.filter(known)
    category = rows["category"].combine_chunks().dictionary_encode().indices
    counts = rows["count"].to_numpy().astype(np.float64)
    return Mixes(
        len(profiles), customer.filter(known).to_numpy().astype(np.int64), category.to_numpy(), counts
    )
