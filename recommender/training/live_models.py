"""The models that a candidate is compared with: the one that serves, and the anchor, the best of late."""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from recommender.data.interactions import Interactions
from recommender.evaluation.cases import Case
from recommender.evaluation.gate import GateDecision, compare, excuse, measure, next_anchor, outgrown
from recommender.model.card import Card
from recommender.model.model import Model, ModelUnusable
from recommender.model.registry import ModelRegistry
from recommender.training.held_out import HeldOut
from recommender.training.renewal import renewed

log = logging.getLogger("dangol.recommender")


class LiveModels(NamedTuple):
    """``live`` is the training that serves, not its quick refresh: that knows the sessions to be judged by.
    ``refreshed`` says that it serves with such a refresh. ``wanted``: about how many sessions the last comparison with
    it would have needed."""

    live: Model | None = None
    anchor: Model | None = None
    refreshed: bool = False
    wanted: int = 0

    @property
    def unseen(self) -> int:
        """From when on (ms) sessions are new to all of them."""
        return max((each.card.last + 1 for each in (self.live, self.anchor) if each), default=0)

    def held_out(self) -> HeldOut:
        """While the live model stays, the sessions that are new to it grow in number, and so does what is held out."""
        return HeldOut(self.unseen, sessions=2 * self.wanted)

    def judge(
        self,
        candidate: Card,
        before: Model | None,
        cases: Sequence[Case],
        known: Interactions | None,
        now: int,
    ) -> GateDecision:
        """Whether the ``candidate`` may go live, by ``before``, which is the same without the newest sessions and was
        trained on ``known``. ``now`` in ms."""
        if self.live is None:
            measured = {"candidate": measure(before, cases)} if before else {}
            told = "first model" if before else "not judged: too few sessions"
            return GateDecision(True, told, measured, reason="first")
        excused = excuse(candidate, self.live.card, now)
        cases = [case for case in cases if case.start >= self.unseen]
        live, anchor = (self._serving(each, known) if each else None for each in (self.live, self.anchor))
        return compare(before or self.live, live or self.live, cases if before else [], anchor, excused)

    def _serving(self, model: Model, known: Interactions | None) -> Model:
        """The model as it would have served just before the sessions to be judged by."""
        return renewed(model, known) if self.refreshed and known is not None else model

    def anchor_after(self, decision: GateDecision) -> str:
        """Which model the next candidates are compared with, beside the live one; "" is the one decided about."""
        return next_anchor(self.live.card, decision) if self.live and decision.accepted else ""


def live_models(registry: ModelRegistry) -> LiveModels:
    """The models of a site; none where none serves, or what serves cannot be read."""
    version = registry.live_version()
    serving = _loaded(registry, version) if version else None
    refreshed = serving.card.refreshed if serving else ""
    live = _loaded(registry, refreshed) if refreshed else serving
    if live is None:
        return LiveModels()
    anchor = _loaded(registry, live.card.anchor) if live.card.anchor else None
    if anchor and outgrown(live.card, anchor.card):
        anchor = None
    return LiveModels(live, anchor, bool(refreshed), _wanted(registry, live.card.version))


def _loaded(registry: ModelRegistry, version: str) -> Model | None:
    try:
        return registry.load(version)
    except ModelUnusable as error:
        log.warning("model %s not compared with: %s", version, error)
        return None


def _wanted(registry: ModelRegistry, live: str) -> int:
    for card in registry.cards():
        if card.compared and card.compared.against == live:
            return max(each.needed for each in (card.compared, card.anchored) if each)
    return 0
