"""The model card: the history a version was trained on, how it was evaluated, and why it was accepted or refused."""

import msgspec

from recommender.data.params import Params


class Compared(msgspec.Struct, frozen=True):
    """The result of the gate: the mean difference in MRR@20 to the version ``against``, ± ``margin`` (95 %)."""

    against: str
    sessions: int
    difference: float
    margin: float


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """``first`` and ``last`` bound the history it learned from (ms); ``metrics`` are those of held-out sessions.

    ``refreshed`` names the trained version whose factors a quick refresh kept, "" for a training.
    """

    version: str
    site: str
    made: int
    first: int = 0
    last: int = 0
    events: int = 0
    profiles: int = 0
    sessions: int = 0
    items: int = 0
    factors: int = 0
    alpha: float = 40.0  # of one unit of weight
    seconds: float = 0.0
    params: Params = Params()
    revisit: float | None = None
    blend: dict[str, float] = {}
    metrics: dict[str, dict[str, float]] = {}
    compared: Compared | None = None
    refreshed: str = ""
    accepted: bool = True
    verdict: str = "first model"
