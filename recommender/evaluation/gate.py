"""The gate: a new model goes live if it is shown not to be worse than the live one on the newest held-out sessions.

Otherwise the live one stays, and its quick refresh keeps its sessions and trends of now. Trainings repeat every day: a
chain of models, each a little worse than the one before, would end anywhere. So each is compared with the anchor, too:
the last model that was shown to be better than the anchor before it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from recommender.evaluation import ranking_metrics
from recommender.evaluation.cases import Case
from recommender.evaluation.measure import ranked_lists
from recommender.evaluation.non_inferiority import ALLOWED, compared, is_better, is_not_worse, is_worse
from recommender.model.card import Card, Compared, Reason
from recommender.model.model import Model
from tracker.durations import DAY_MS

K = 20
OUTGROWN = 2.0
"""A model that learned from so many times fewer events, or knows so many times fewer items, is outgrown."""
AGED_DAYS = 30.0
"""A live model that is older gives way to one that is not shown to be worse: factors of a month ago know little of what
is sold now, and a shop with few sessions could never show more."""


class GateDecision(NamedTuple):
    """Whether the candidate may go live, why, and what was measured of both. ``anchored``: of the anchor."""

    accepted: bool
    verdict: str
    measured: dict[str, dict[str, float]]
    compared: Compared | None = None
    anchored: Compared | None = None
    reason: Reason = ""


def excuse(candidate: Card, live: Card, now: int) -> Reason:
    """Why the candidate may go live although it cannot be shown to be as good: the live model is ``outgrown`` or
    ``aged``; "" where it is neither. ``now`` in ms."""
    if outgrown(candidate, live):
        return "outgrown"
    return "aged" if now - live.made >= AGED_DAYS * DAY_MS else ""


def outgrown(candidate: Card, other: Card) -> bool:
    """Whether ``other`` knows less than half of what the candidate knows."""
    return candidate.events >= OUTGROWN * other.events or candidate.items >= OUTGROWN * other.items


def compare(
    candidate: Model, live: Model, cases: Sequence[Case], anchor: Model | None = None, excused: Reason = ""
) -> GateDecision:
    """Compare the blends of the models on cases that none of them was trained on.

    ``excused``: why a candidate that is not shown to be worse may go live (``excuse``).
    """
    ours, theirs = _ranks(candidate, cases), _ranks(live, cases)
    measured = {"candidate": _measures(ours), "live": _measures(theirs)} if cases else {}
    result = compared(live.card.version, cases, ours, theirs)
    anchored = None
    if anchor is not None and cases:
        best = _ranks(anchor, cases)
        anchored = compared(anchor.card.version, cases, ours, best)
    reason = decide(result, anchored, excused)
    return GateDecision(
        reason in ("not worse", "outgrown", "aged"),
        verdict(reason, result, anchored),
        measured,
        result,
        anchored,
        reason,
    )


def decide(result: Compared, anchored: Compared | None, excused: Reason = "") -> Reason:
    """What follows from the comparisons with the live model and with the anchor."""
    if is_worse(result):
        return "worse"
    if anchored is not None and is_worse(anchored):
        return "drifted"
    if is_not_worse(result) and (anchored is None or is_not_worse(anchored)):
        return "not worse"
    return excused or "not shown"


def verdict(reason: Reason, result: Compared, anchored: Compared | None) -> str:
    """The decision in one sentence."""
    live, told = result.against, _told(result)
    if reason in ("not worse", "worse"):
        return f"{reason} than {live} on {told}"
    if reason == "drifted" and anchored is not None:
        return f"kept {live}: worse than {anchored.against}, the best of late, on {_told(anchored)}"
    if reason == "outgrown":
        return f"{live} knows less than half of the history; not shown to be worse on {told}"
    if reason == "aged":
        return f"{live} is over {AGED_DAYS:.0f} days old; not shown to be worse on {told}"
    if not result.sessions:
        return f"kept {live}: no held-out session is newer"
    open_one = undecided(result, anchored)
    return (
        f"kept {live}: not shown to lose less than {ALLOWED * 100:.0f} % to {open_one.against} on {_told(open_one)}; "
        f"needs about {round_up(open_one.needed):,} sessions, has {open_one.sessions:,}"
    )


def undecided(result: Compared, anchored: Compared | None) -> Compared:
    """The comparison that does not show that the candidate is as good."""
    return result if anchored is None or not is_not_worse(result) else anchored


def round_up(count: int) -> int:
    """To two digits: an estimate is not more exact."""
    unit = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // unit) * unit


def next_anchor(live: Card, decision: GateDecision) -> str:
    """The anchor of an accepted candidate: the live model's, or "", itself, where it was shown to be better or
    outgrew it."""
    against = decision.anchored or decision.compared
    if against is None or is_better(against) or decision.reason == "outgrown":
        return ""
    return live.anchor or live.version


def measure(model: Model, cases: Sequence[Case]) -> dict[str, float]:
    """HR and MRR of the model's blend."""
    return _measures(_ranks(model, cases))


def _told(result: Compared) -> str:
    return f"{result.sessions:,} held-out sessions: MRR@{K} {result.difference:+.4f} ± {result.margin:.4f}"


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
