"""The purchases of a site's customers as columns: who bought on which day, and for how much."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracker.durations import DAY_MS
from warehouse.customers.behaviour_days import behaviour_days
from warehouse.events import Events
from warehouse.feeds.purchase_days import NO_COSTS, purchase_days
from warehouse.question.span import Span

ACTIVITY_DAYS = 730
Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Activity(NamedTuple):
    """Of k days of people on the site, by person and day, each array of shape (k,). Empty without web history."""

    person: Ints
    """Row of ``History.profiles``."""
    day: Ints
    visits: Floats
    views: Floats
    """Of products."""
    categories: Floats
    """Of the products viewed."""
    carts: Floats
    """What was put into one, and checkouts that began."""

    def rows(self, which: Mask) -> "Activity":
        return Activity(
            self.person[which],
            self.day[which],
            self.visits[which],
            self.views[which],
            self.categories[which],
            self.carts[which],
        )


_NO_DAYS, _NOTHING = np.zeros(0, np.int32), np.zeros(0)
NO_ACTIVITY = Activity(_NO_DAYS, _NO_DAYS, _NOTHING, _NOTHING, _NOTHING, _NOTHING)


class History(NamedTuple):
    """Of n people m days with an order, by person and day. A day is the site's own, as days since 1970-01-01.

    A day of which nothing stands any more, as all was given back or cancelled, has 0 ``orders``.
    """

    profiles: pa.Array
    """(n,): profile ids, sorted."""
    person: Ints
    """(m,): row of ``profiles``."""
    day: Ints
    ts: Longs
    """(m,): of the day's last order, ms."""
    orders: Ints
    """(m,): orders that stand."""
    gross: Floats
    """(m,): as ordered, whatever was given back later, in the site's currency."""
    revenue: Floats
    """(m,): what is left of it after refunds, cancellations and credit notes; 0 at least."""
    cost: Floats
    """(m,): what that cost the shop, where it is known."""
    costed: Floats
    """(m,): the revenue of which the cost is known."""
    activity: Activity = NO_ACTIVITY
    """What they did on the site; whole, whatever days of purchases are picked, but for ``until``."""

    @property
    def people(self) -> int:
        return len(self.profiles)

    @property
    def stands(self) -> Mask:
        """(m,): the days with an order that stands, and that a credit note did not wholly take back: the purchases."""
        stands: Mask = (self.orders > 0) & ((self.revenue > 0) | (self.gross == 0))
        return stands

    def rows(self, which: Mask) -> "History":
        """Some of the days, (m,); all people stay, each in their row."""
        return History(
            self.profiles,
            self.person[which],
            self.day[which],
            self.ts[which],
            self.orders[which],
            self.gross[which],
            self.revenue[which],
            self.cost[which],
            self.costed[which],
            self.activity,
        )

    def until(self, day: int) -> "History":
        """What was bought and done before ``day``: the history as it was then, but for what was given back later."""
        return self.rows(self.day < day)._replace(activity=self.activity.rows(self.activity.day < day))

    def between(self, first: int, end: int) -> "History":
        """What was bought on ``first`` ≤ day < ``end``."""
        return self.rows((self.day >= first) & (self.day < end))

    def some(self, people: Mask) -> "History":
        """Those of ``people`` (n,) only."""
        row = np.cumsum(people, dtype=np.int32) - np.int32(1)
        kept = self.rows(people[self.person])
        seen = self.activity.rows(people[self.activity.person])
        return kept._replace(
            profiles=self.profiles.filter(pa.array(people)),
            person=row[kept.person],
            activity=seen._replace(person=row[seen.person]),
        )

    def sample(self, most: int) -> "History":
        """``most`` of the people at most, by chance, the same each time."""
        if self.people <= most:
            return self
        chosen = np.zeros(self.people, np.bool_)
        chosen[np.random.default_rng(1).choice(self.people, most, replace=False)] = True
        return self.some(chosen)

    def total(self, values: NDArray[np.generic]) -> Floats:
        """(n,): the sum of a column (m,) by person."""
        total: Floats = np.bincount(self.person, values, self.people).astype(np.float64)
        return total


def history(
    warehouse: Events, site: str, span: Span, currency: str, unit_costs: Mapping[str, float] = NO_COSTS
) -> History:
    """Of all who ordered on ``site`` within ``span``; money is in ``currency``, the site's own, other orders count
    without theirs. ``unit_costs``: of products, for orders that do not tell their own. Raises WarehouseUnavailable."""
    known = from_table(purchase_days(warehouse, site, span, currency, unit_costs))
    return with_activity(known, behaviour_days(warehouse, site, recent(span), currency))


def recent(span: Span) -> Span:
    """The end of ``span`` that behaviour is read of: what somebody did on the site years ago says nothing of now."""
    return Span(max(span.start, span.end - ACTIVITY_DAYS * DAY_MS), span.end, span.zone)


def with_activity(known: History, table: pa.Table) -> History:
    """From the columns of ``warehouse.customers.behaviour_days``, in its order."""
    person = pc.index_in(table["profile"], known.profiles)
    rows = table.filter(pc.is_valid(person))
    columns = (rows[name].to_numpy() for name in ("day", "visits", "views", "categories", "carts"))
    return known._replace(activity=Activity(person.drop_null().to_numpy().astype(np.int32), *columns))


def from_table(table: pa.Table) -> History:
    """From the columns of ``warehouse.feeds.purchase_days``, in its order."""
    profile = table["profile"].combine_chunks().dictionary_encode()
    columns = (
        table[name].to_numpy() for name in ("day", "ts", "orders", "gross", "revenue", "cost", "costed")
    )
    return History(profile.dictionary, profile.indices.to_numpy(), *columns)
