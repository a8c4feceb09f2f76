"""How many fewer people an experiment needs for the same width where shops know their people from before.

``python -m bench.history [FILE]``: a simulated shop whose people buy again, and the customers of a real one (UCI
Online Retail, as Parquet), of whom a fifth is held out by a draw of ours, many times over.
"""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.results import record
from offers.experiments.draw import Draw, design_of, quantile_of_some
from offers.experiments.intervals import Interval
from offers.experiments.people import Flags, Numbers, Table
from offers.experiments.sequence import Precision, difference

HELD, DRAWS, DAYS_BEFORE, DAYS_AFTER = 0.2, 200, 90, 28


class Customers(NamedTuple):
    """By person: columns of the time before; revenue in the time after."""

    before: Table
    revenue: Numbers


class Saved(NamedTuple):
    """``people``: the part that is saved, on average; ``widest``: the largest interval with history as a part of the
    one without; ``bias``: by how many standard errors history moves the estimate; ``missed``: parts of intervals with
    history that exclude 0."""

    people: float
    widest: float
    bias: float
    missed: float


def simulated(people: int, rng: np.random.Generator) -> Customers:
    """People order by a Poisson process, at rates that differ as a gamma distribution with shape 0.6; three of four
    lose interest some day. They visit eight times for each order, and what they spend differs from person to person."""
    rate = rng.gamma(0.6, 1 / 0.6, people) * 0.4 / 28
    lost = np.where(rng.random(people) < 0.75, rng.exponential(200, people), np.inf)
    lived_before = np.minimum(lost, DAYS_BEFORE)
    lived_after = np.clip(lost - DAYS_BEFORE, 0, DAYS_AFTER)
    orders = rng.poisson(rate * lived_before)
    visits = rng.poisson(rate * lived_before * 8) + 1
    basket = rng.lognormal(3.5, 0.6, people)
    spread = np.exp(0.5 * rng.standard_normal((2, people)))
    before = np.stack([visits, rng.poisson(4.0 * visits), orders, orders * basket * spread[0]], axis=1)
    return Customers(before, rng.poisson(rate * lived_after) * basket * spread[1])


def online_retail(path: Path) -> Customers:
    """Everybody who ordered in the time before the last DAYS_AFTER days of the file. It knows no visits."""
    from pyarrow import compute, parquet

    names = ["InvoiceNo", "InvoiceDate", "Quantity", "UnitPrice", "CustomerID"]
    rows = parquet.read_table(path, columns=names).drop_null()
    told = compute.strptime(rows["InvoiceDate"], format="%m/%d/%y %H:%M", unit="s").to_numpy()
    day = (told - told.min()).astype("timedelta64[m]").astype(float) / 1440
    person, code = np.unique(rows["CustomerID"].to_numpy(), return_inverse=True)
    spent = rows["Quantity"].to_numpy() * rows["UnitPrice"].to_numpy()
    end = day.max() - DAYS_AFTER
    earlier, later = (day < end) & (day >= end - DAYS_BEFORE), day >= end

    def total(mask: Flags, values: Numbers) -> Numbers:
        return np.bincount(code[mask], values[mask], len(person))

    _, first = np.unique(rows["InvoiceNo"].to_numpy(zero_copy_only=False).astype(str), return_index=True)
    invoice = np.zeros(len(day), np.bool_)
    invoice[first] = True
    known = total(day < end, np.ones(len(day))) > 0
    before = np.stack(
        [
            np.zeros(len(person)),
            np.zeros(len(person)),
            total(earlier & invoice & (spent > 0), np.ones(len(day))),
            np.maximum(total(earlier, spent), 0.0),
        ],
        axis=1,
    )
    return Customers(before[known], np.maximum(total(later, spent), 0.0)[known])


def saved(customers: Customers, converted: bool, rng: np.random.Generator) -> Saved:
    """Over DRAWS assignments of which none has an effect. Revenue is capped as it is in reports."""
    revenue = np.minimum(customers.revenue, quantile_of_some(customers.revenue))
    outcome = (revenue > 0).astype(np.float64) if converted else revenue
    share = np.full(len(outcome), HELD)
    designs = [design_of(share, each) for each in (customers.before, customers.before[:, :0])]
    ratios, moved, missed = [], [], 0
    for _ in range(DRAWS):
        held = rng.random(len(outcome)) < HELD
        with_history, without = (_interval(outcome, Draw(held, share, design)) for design in designs)
        ratios.append((with_history.high - with_history.low) / (without.high - without.low))
        moved.append(with_history.value)
        missed += not with_history.low <= 0 <= with_history.high
    error = float(np.std(moved) / DRAWS**0.5)
    return Saved(1 - float(np.mean(ratios)) ** 2, max(ratios), float(np.mean(moved)) / error, missed / DRAWS)


def _interval(outcome: Numbers, draw: Draw) -> Interval:
    found = difference(outcome, draw, Precision(0))
    assert found is not None
    return found


def main(path: str = "../shared/data/online-retail.parquet") -> None:
    rng = np.random.default_rng(1)
    shops = {
        "simulated, 20,000 people": simulated(20_000, rng),
        "simulated, 2,000 people": simulated(2_000, rng),
    }
    if Path(path).exists():
        real = online_retail(Path(path))
        shops[f"Online Retail, {len(real.revenue):,} customers"] = real
    rows = []
    for name, customers in shops.items():
        for converted in (True, False):
            told = saved(customers, converted, rng)
            rows.append(
                (
                    name,
                    "conversion" if converted else "revenue",
                    f"{100 * told.people:.0f} %",
                    f"{told.widest:.3f}",
                    f"{told.bias:+.1f}",
                    f"{100 * told.missed:.1f} %",
                )
            )
    record(
        "Experiments of people who are known from before",
        "python -m bench.history",
        (
            "shop",
            "outcome",
            "people saved",
            "widest, of the width without",
            "bias, standard errors",
            "missed 0",
        ),
        rows,
        f"Before: visits, page views, orders and revenue of {DAYS_BEFORE} days; after: {DAYS_AFTER} days. {DRAWS} draws"
        " that hold out a fifth; fixed intervals. The real shop's file knows no visits.",
    )


if __name__ == "__main__":
    main(*sys.argv[1:2])
