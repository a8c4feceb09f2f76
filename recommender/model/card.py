"""The model card: the history a version was trained on, how it was evaluated, and why it was accepted or refused."""

from typing import Literal

import msgspec

from recommender.data.params import Params

Reason = Literal["", "first", "not worse", "outgrown", "aged", "worse", "drifted", "not shown"]
"""Why a version went live (``first`` to ``aged``) or not: it is worse than the live model, worse than the best of late,
or not shown to be as good. "" in cards of former releases."""


class Compared(msgspec.Struct, frozen=True):
    """A comparison of the gate: the mean difference in MRR@20 to the version ``against``, ± ``margin`` (95 %), on so
    many held-out ``sessions``.

    ``allowed`` is how much may be lost; about ``needed`` sessions show that an equally good model loses less.
    """

    against: str
    sessions: int
    difference: float
    margin: float
    allowed: float = 0.0
    needed: int = 0


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """``first`` and ``last`` bound the history it learned from (ms); ``metrics`` are those of held-out sessions.

    ``refreshed`` names the trained version whose factors a quick refresh kept, "" for a training. ``compared`` is the
    comparison with the live model, ``anchored`` that with the best model of late; ``anchor`` names which the next ones
    are compared with, "" for this one.
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
    anchored: Compared | None = None
    anchor: str = ""
    reason: Reason = ""
    refreshed: str = ""
    accepted: bool = True
    verdict: str = "first model"
