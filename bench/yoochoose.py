"""YooChoose clicks, next item: our kinds beside plain session kNN and bestsellers, on the published split and others.

The other windows end earlier: what was fitted to the published last day does not help there. The data: the two files
yoochoose-100k-{train,test}.tsv in DANGOL_TEST_DATA.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench.results import record
from recommender.data.interactions import Interactions
from recommender.data.params import Params
from recommender.evaluation import ranking_metrics
from recommender.evaluation.cases import Case, next_item
from recommender.offline.evaluate import compare, split
from recommender.offline.interaction_file import load
from tracker.durations import DAY_MS

K = 20
RECENT, NEIGHBOURS = 1000, 100
EARLIER = (0, 1, 2)
"""Days of the training file that are left off at its end; its then last day is the test."""

Shows = Callable[[Case], Sequence[str]]


def bestsellers(past: Interactions) -> Shows:
    most = [past.items[code] for code, _ in Counter(past.item.tolist()).most_common(K)]
    return lambda _: most


def session_knn(past: Interactions) -> Shows:
    """SKNN (Jannach & Ludewig, RecSys 2017): cosine of item sets among the most recent sessions that share an item."""
    sessions: dict[int, set[str]] = defaultdict(set)
    holding: dict[str, list[int]] = defaultdict(list)
    for session, code in zip(past.session.tolist(), past.item.tolist(), strict=True):
        item = past.items[code]
        if item not in sessions[session]:
            sessions[session].add(item)
            holding[item].append(session)
    age = {session: place for place, session in enumerate(dict.fromkeys(past.session[::-1].tolist()))}

    def shown(case: Case) -> Sequence[str]:
        mine = {touch.item for touch in case.touches}
        shared = Counter(session for item in mine for session in holding[item])
        recent = sorted(shared, key=age.__getitem__)[:RECENT]
        near = sorted(((shared[s] / (len(mine) * len(sessions[s])) ** 0.5, s) for s in recent), reverse=True)
        votes: dict[str, float] = defaultdict(float)
        for alike, session in near[:NEIGHBOURS]:
            for item in sessions[session]:
                votes[item] += alike
        return sorted(votes, key=votes.__getitem__, reverse=True)[:K]

    return shown


def reached(shows: Shows, cases: Sequence[Case]) -> tuple[float, float]:
    """HR@20 and MRR@20."""
    pairs = [(shows(case), case.chosen) for case in cases]
    return float(np.mean([ranking_metrics.hit(*pair) for pair in pairs])), float(
        np.mean([ranking_metrics.reciprocal_rank(*pair) for pair in pairs])
    )


def windows(folder: Path) -> list[tuple[str, Interactions, Interactions]]:
    """(name, what is known, what is foreseen)."""
    train = load(folder / "yoochoose-100k-train.tsv")
    found = [("published split", train, load(folder / "yoochoose-100k-test.tsv"))]
    for days in EARLIER:
        until = int(train.ts[-1]) - days * DAY_MS
        found.append((f"{days + 1}. last day of the training file", *split(train.between(0, until), 1.0)))
    return found


def main() -> None:
    folder = Path(os.environ.get("DANGOL_TEST_DATA", "../shared/data"))
    if not (folder / "yoochoose-100k-train.tsv").is_file():
        print("not measured: bench.yoochoose needs yoochoose-100k-{train,test}.tsv in DANGOL_TEST_DATA")
        return
    rows = []
    for name, past, future in windows(folder):
        report = compare(past, future, Params(), k=K)
        cases = list(next_item(future, past))
        ours = [report.kinds[kind] for kind in ("blend", "session")]
        results = [(each["HR@20"], each["MRR@20"]) for each in ours]
        results += [reached(plain(past), cases) for plain in (session_knn, bestsellers)]
        rows.append([f"{name}, {len(cases):,} moments", *(f"{hr:.3f}, {mrr:.3f}" for hr, mrr in results)])
    header = ["HR@20, MRR@20", "blend", "session", "plain session kNN", "bestsellers"]
    record(
        "YooChoose",
        "python -m bench.yoochoose",
        header,
        rows,
        "Every prefix of every test session, repeats allowed.",
    )


if __name__ == "__main__":
    main()
