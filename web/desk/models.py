"""The models page: what serves, how each version was judged, how far a training is; and for administrators the way
back and a new training."""

from dataclasses import dataclass
from typing import Any

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from recommender.evaluation.gate import AGED_DAYS, round_up, undecided
from recommender.evaluation.non_inferiority import ALLOWED
from recommender.model.card import Card, Compared
from tracker.sites import Site
from web.api.models import MEASURES, request_training, serve_version, state_of
from web.desk.pages import Pages
from web.drawing import formats
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.stores import ModelStores

STAGES = {
    "read": _l("Reading events"),
    "rehearse": _l("Training without the newest visits"),
    "blend": _l("Tuning the blend of strategies"),
    "learn": _l("Training on all data"),
    "judge": _l("Comparing with the live model"),
    "save": _l("Saving"),
}


RULES = {"allowed": f"{ALLOWED * 100:.0f}", "days": f"{AGED_DAYS:.0f}"}


@dataclass(frozen=True, slots=True)
class ModelRow:
    """``measured`` holds (name, this model's, the then live one's or None)."""

    version: str
    made: str
    state: str
    window: str
    card: Card
    measured: tuple[tuple[str, float, float | None], ...]
    verdict: str


@dataclass(frozen=True, slots=True)
class ModelsPage:
    pages: Pages
    models: ModelStores

    def routes(self) -> Routes:
        return (get("/desk/models", self.show),)

    def show(self) -> Response:
        site = self.pages.site()
        run = self.models.runs.read(site.id)
        view: dict[str, Any] = {
            "run": run,
            "stages": STAGES,
            "busy": run and run.state in ("waiting", "running"),
        }
        if "part" in request.args:
            return self.pages.show("desk/models_training.html", "models", site, **view)
        registry = self.models.shops(site.id).registry
        live = registry.live_version()
        rows = [_row(card, live, site) for card in registry.cards()]
        return self.pages.show("desk/models.html", "models", site, rows=rows, **RULES, **view)


@dataclass(frozen=True, slots=True)
class ModelTraining:
    """The buttons of administrators: train now, and use another version."""

    pages: Pages
    models: ModelStores

    def routes(self) -> Routes:
        return (post("/desk/models/train", self.train), post("/desk/models/live", self.live))

    def train(self) -> ResponseReturnValue:
        request_training(self.models.runs, self.pages.site().id)
        return redirect("/desk/models")

    def live(self) -> ResponseReturnValue:
        serve_version(self.models.shops(self.pages.site().id).registry, request.form.get("version", ""))
        return redirect("/desk/models")


def _row(card: Card, live: str | None, site: Site) -> ModelRow:
    ours, theirs = card.metrics.get("candidate", {}), card.metrics.get("live", {})
    return ModelRow(
        version=card.version,
        made=formats.when(card.made, site.zone),
        state=state_of(card, live),
        window=formats.days(*(formats.moment(ms, site.zone).date() for ms in (card.first, card.last))),
        card=card,
        measured=tuple((name, ours[name], theirs.get(name)) for name in MEASURES if name in ours),
        verdict=_verdict(card),
    )


def _verdict(card: Card) -> str:
    """The gate's verdict in the reader's language."""
    if card.refreshed:
        return _("Visits and trends were refreshed; the rest is from %(version)s.", version=card.refreshed)
    if card.compared and card.compared.sessions:
        return _compared(card, card.compared)
    if card.compared and not card.accepted:
        return _("Kept %(version)s: no newer visits to compare by.", version=card.compared.against)
    if not card.metrics:
        return _("Not compared: too few new visits.")
    return _("The first model.") if "live" not in card.metrics else card.verdict


def _compared(card: Card, live: Compared) -> str:
    values = _values(live)
    if card.reason == "not shown":
        against = _values(undecided(live, card.anchored))
        return _(
            "Kept %(kept)s: this model is not shown to lose less than %(allowed)s %% to %(version)s. On %(visits)s "
            "newer visits, MRR@20 %(difference)s ± %(margin)s; about %(needed)s visits are needed.",
            **{**against, "kept": live.against, "allowed": RULES["allowed"]},
        )
    if card.reason == "drifted" and card.anchored:
        return _(
            "Kept %(kept)s: worse than %(version)s, the best model of late, on %(visits)s newer visits, "
            "MRR@20 %(difference)s ± %(margin)s.",
            **{**_values(card.anchored), "kept": live.against},
        )
    if card.reason == "outgrown":
        return _(
            "Accepted: %(version)s knows less than half of the history, and on %(visits)s newer visits this model is "
            "not shown to be worse, MRR@20 %(difference)s ± %(margin)s.",
            **values,
        )
    if card.reason == "aged":
        return _(
            "Accepted: %(version)s is over %(days)s days old, and on %(visits)s newer visits this model is not shown "
            "to be worse, MRR@20 %(difference)s ± %(margin)s.",
            **{**values, "days": RULES["days"]},
        )
    if card.accepted:
        return _(
            "Accepted: not worse than %(version)s on %(visits)s newer visits, MRR@20 %(difference)s ± %(margin)s.",
            **values,
        )
    return _(
        "Rejected: worse than %(version)s on %(visits)s newer visits, MRR@20 %(difference)s ± %(margin)s.",
        **values,
    )


def _values(result: Compared) -> dict[str, Any]:
    return {
        "version": result.against,
        "visits": formats.number(result.sessions),
        "difference": f"{result.difference:+.4f}".replace("-", "−"),
        "margin": f"{result.margin:.4f}",
        "needed": formats.number(round_up(result.needed)),
    }
