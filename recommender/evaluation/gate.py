"""The gate: a new model goes live only if it is not worse than the live one on the newest held-out sessions."""

from collections.abc import Sequence
from typing import NamedTuple

from recommender.evaluation import ranking_metrics
from recommender.evaluation.cases import Case
from recommender.evaluation.measure import ranked_lists
from recommender.model.card import Compared
from recommender.model.model import Model

MIN_SESSIONS = 100
"""A difference over fewer sessions is chance."""

K = 20


class GateDecision(NamedTuple):
    """Whether the candidate may go live, why, and what was measured of both."""

    accepted: bool
    verdict: str
    measured: dict[str, dict[str, float]]
    compared: Compared | None = None


def compare(candidate: Model, live: Model, cases: Sequence[Case]) -> GateDecision:
    """Compare the blends of both models on cases that neither was trained on.

    The difference in MRR@20 is averaged per session, as moments of one session are not independent. The candidate is
    refused when even the upper end of the 95 % interval is below zero.
    """
    sessions = len({case.group for case in cases})
    if sessions < MIN_SESSIONS:
        return GateDecision(True, f"not compared: {sessions} sessions are new to {live.card.version}", {})
    ours, theirs = (_ranks(model, cases) for model in (candidate, live))
    by_session: dict[int, list[float]] = {}
    for case, mine, other in zip(cases, ours, theirs, strict=True):
        by_session.setdefault(case.group, []).append(mine - other)
    mean, half = ranking_metrics.mean_interval([sum(each) / len(each) for each in by_session.values()])
    accepted = mean + half >= 0
    verdict = (
        f"{'not worse' if accepted else 'worse'} than {live.card.version} on {sessions} held-out sessions: "
        f"MRR@{K} {mean:+.4f} ± {half:.4f}"
    )
    measured = {name: _measures(ranks) for name, ranks in (("candidate", ours), ("live", theirs))}
    compared = Compared(live.card.version, sessions, round(mean, 5), round(half, 5))
    return GateDecision(accepted, verdict, measured, compared)


def measure(model: Model, cases: Sequence[Case]) -> dict[str, float]:
    """HR and MRR of the model's blend."""
    return _measures(_ranks(model, cases))


def _ranks(model: Model, cases: Sequence[Case]) -> list[float]:
    """The reciprocal rank of what was chosen, by case."""
    shown, _ = ranked_lists(model, cases, model.card.params, "blend", K)
    return [ranking_metrics.reciprocal_rank(row, case.chosen) for row, case in zip(shown, cases, strict=True)]


def _measures(ranks: Sequence[float]) -> dict[str, float]:
    count = max(len(ranks), 1)
    return {
        f"HR@{K}": round(sum(rank > 0 for rank in ranks) / count, 4),
        f"MRR@{K}": round(sum(ranks) / count, 4),
        "moments": float(len(ranks)),
    }
