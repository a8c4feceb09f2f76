"""RFM: equal customers get equal fifths, better ones never a lower one, and each cell means what its name says."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.rfm.cells import GRID, cells
from customers.rfm.fifths import fifths
from dangol.jobs.scoring import rfm
from offers.audience.audience import Audience
from profiles.model import Profile
from profiles.standing import CELLS, cell_of
from tests.support.machine import ROOT
from tests.support.purchase_histories import online_retail
from tests.support.sites import site_with

finite = st.floats(allow_nan=False, allow_infinity=False)


def naive(values: list[float]) -> list[int]:
    """By the definition: who is below, and half of who is equal, counted one by one; in whole numbers."""
    found = []
    for mine in values:
        doubled = 2 * sum(other < mine for other in values) + sum(other == mine for other in values)
        found.append(min(5, 1 + 5 * doubled // (2 * len(values))))
    return found


@given(st.lists(st.one_of(st.sampled_from([0.0, 1.0, 2.0]), finite), max_size=60))
def test_fifths_are_mid_ranks(values: list[float]) -> None:
    assert fifths(np.array(values, float)).tolist() == naive(values)


@given(st.lists(finite, min_size=1, max_size=60), st.randoms())
def test_fifths_depend_on_order_alone(values: list[float], chance) -> None:  # type: ignore[no-untyped-def]
    mixed = list(range(len(values)))
    chance.shuffle(mixed)
    whole = fifths(np.array(values))
    assert fifths(np.array(values)[mixed]).tolist() == whole[mixed].tolist()
    ranks = np.unique(values, return_inverse=True)[1].astype(float)
    assert fifths(ranks).tolist() == whole.tolist()
    turned = fifths(-ranks)
    assert np.all(np.abs(turned + whole - 6) <= 1), "from below as from above, but for who stands on an edge"


@pytest.mark.parametrize("customers", [1, 3, 20, 1000])
def test_equal_customers_are_in_the_middle(customers: int) -> None:
    assert fifths(np.full(customers, 7.0)).tolist() == [3] * customers


def test_of_nobody_there_are_no_fifths() -> None:
    assert fifths(np.zeros(0)).tolist() == []


def test_many_who_ordered_once_are_not_all_the_last() -> None:
    orders = np.array([1.0] * 70 + [2.0] * 20 + [9.0] * 10)
    found = fifths(orders)
    assert {int(n) for n in found[:70]} == {2}
    assert {int(n) for n in found[70:90]} == {5}
    assert {int(n) for n in found[90:]} == {5}


def named(r: int, f: int, m: int, orders: int) -> str:
    one = (np.array([each], np.int8) for each in (r, f, m))
    return CELLS[cells(*one, np.array([float(orders)]))[0]]


@pytest.mark.parametrize(
    ("r", "f", "m", "orders", "name"),
    [
        (5, 5, 5, 9, "champions"),
        (5, 4, 3, 4, "champions"),
        (4, 5, 5, 9, "loyal"),
        (5, 3, 5, 1, "new"),
        (4, 3, 5, 1, "promising"),
        (5, 3, 3, 2, "potential loyalists"),
        (3, 3, 3, 2, "needs attention"),
        (3, 3, 3, 1, "about to sleep"),
        (2, 4, 4, 5, "at risk"),
        (1, 5, 5, 9, "can't lose"),
        (2, 2, 2, 2, "hibernating"),
        (1, 2, 5, 1, "lost"),
    ],
)
def test_a_cell_means_what_marketers_mean(r: int, f: int, m: int, orders: int, name: str) -> None:
    assert named(r, f, m, orders) == name


def test_every_name_has_a_place_and_is_an_audience() -> None:
    assert {name for row in GRID for name in row} == set(CELLS)
    for place, name in enumerate(CELLS):
        assert cell_of({"cell": float(place)}) == name
        quoted = name.replace("'", "''")
        asked = Audience.parse(f"rfm = '{quoted}'")
        other = {"cell": float((place + 1) % len(CELLS))}
        held = [
            asked.matches(Profile("u:a", scores=each), 0, site_with())
            for each in ({"cell": place}, other, {})
        ]
        assert held == [True, False, False]
    assert cell_of({"cell": 99.0}) is None
    assert cell_of({}) is None


def test_the_docs_show_the_grid_as_it_is() -> None:
    text = Path(ROOT / "docs" / "counting.md").read_text("utf-8")
    rows = [
        line for line in text.splitlines() if line.startswith(("| 1 |", "| 2 |", "| 3 |", "| 4 |", "| 5 |"))
    ]
    shown = {
        int(cells[0]): cells[1:] for cells in ([c.strip() for c in row.strip("|").split("|")] for row in rows)
    }
    assert shown == {n: list(row) for n, row in enumerate(GRID, 1)}


def test_a_real_wholesaler(shared_data: Path) -> None:
    """UCI's Online Retail against a count in SQL, customer by customer."""
    import duckdb

    path = shared_data / "online-retail.parquet"
    found = online_retail(shared_data)
    if found is None:
        pytest.skip("the data set is absent: online-retail.parquet in DANGOL_TEST_DATA")
    columns = rfm(found)
    rows = duckdb.sql(f"""
        with days as (
            select CustomerID::varchar as customer, strptime(InvoiceDate, '%m/%d/%y %H:%M')::date as day,
                   sum(Quantity * UnitPrice) as value
            from '{path}' where CustomerID is not null and Quantity > 0 group by all
        ), people as (
            select customer, max(day) as last, count(*) as orders, sum(value) as revenue from days group by all
        ), ranks as (
            select *, count(*) over () as n,
                   rank() over (order by last) as r, count(*) over (partition by last) as rs,
                   rank() over (order by orders) as f, count(*) over (partition by orders) as fs
            from people
        )
        select customer, least(5, 1 + 5 * (2 * (r - 1) + rs) // (2 * n)) as recency,
               least(5, 1 + 5 * (2 * (f - 1) + fs) // (2 * n)) as frequency, revenue
        from ranks order by customer
    """).fetchall()  # fmt: skip
    assert found.profiles.to_pylist() == [row[0] for row in rows] and len(rows) > 2500
    assert columns["recency"].tolist() == [row[1] for row in rows]
    assert columns["frequency"].tolist() == [row[2] for row in rows]
    revenue, fifth = np.array([row[3] for row in rows]), columns["monetary"]
    assert all(revenue[fifth == low].max() <= revenue[fifth == low + 1].min() for low in range(1, 5))
    sizes = [np.count_nonzero(fifth == each) for each in range(1, 6)]
    assert max(sizes) - min(sizes) <= 2, "money hardly ties"
    names = Counter(CELLS[int(place)] for place in columns["cell"])
    assert len(names) >= 9 and names["champions"] > 100
    best = columns["cell"] == CELLS.index("champions")
    assert found.total(found.revenue)[best].mean() > 3 * found.total(found.revenue).mean()
