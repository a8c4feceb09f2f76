"""The models page: what serves, how each version was judged, how far a training is; and for administrators the way
back and a new training."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from recommender.jobs.runs import Run
from recommender.model.card import Card
from tracker.sites import Site
from tracker.unavailable import Unavailable
from web.api.models import MEASURES, asked, served, state_of
from web.desk.pages import Pages
from web.drawing import formats
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.stores import Stores

STAGES = {
    "read": _l("Reading events"),
    "rehearse": _l("Training without the newest visits"),
    "blend": _l("Tuning the blend of strategies"),
    "learn": _l("Training on all data"),
    "judge": _l("Comparing with the live model"),
    "save": _l("Saving"),
}


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


def models_blueprint(pages: Pages, stores: Stores) -> Blueprint:
    blueprint = Blueprint("desk_models", __name__)

    @blueprint.get("/desk/models")
    def show() -> Response:
        site = pages.site()
        run = stores.models.runs.read(site.id)
        view: dict[str, Any] = {
            "run": run,
            "stages": STAGES,
            "busy": run and run.state in ("waiting", "running"),
        }
        if "part" in request.args:
            return pages.show("desk/models_training.html", "models", site, **view)
        registry = stores.models.shops(site.id).registry
        live = registry.live_version()
        rows = [_row(card, live, site) for card in registry.cards()]
        return pages.show("desk/models.html", "models", site, rows=rows, **view)

    @blueprint.app_context_processor
    def trouble() -> dict[str, Any]:
        """``training_failed(site)`` for every page: whoever looks at the desk learns that models grow old."""

        def training_failed(site: Site) -> Run | None:
            try:
                run = stores.models.runs.read(site.id)
            except Unavailable:
                return None
            return run if run and run.failures else None

        return {"training_failed": training_failed}

    return pages.guard(blueprint)


def training_blueprint(pages: Pages, stores: Stores) -> Blueprint:
    blueprint = Blueprint("desk_training", __name__)

    @blueprint.post("/desk/models/train")
    def train() -> ResponseReturnValue:
        asked(stores, pages.site().id)
        return redirect("/desk/models")

    @blueprint.post("/desk/models/live")
    def live() -> ResponseReturnValue:
        served(stores, pages.site().id, request.form.get("version", ""))
        return redirect("/desk/models")

    return pages.guard(blueprint, "admin")


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
    if card.compared:
        values: dict[str, Any] = {
            "version": card.compared.against,
            "visits": formats.number(card.compared.sessions),
            "difference": f"{card.compared.difference:+.4f}".replace("-", "−"),
            "margin": f"{card.compared.margin:.4f}",
        }
        if card.accepted:
            return _(
                "Accepted: not worse than %(version)s on %(visits)s newer visits, MRR@20 %(difference)s ± %(margin)s.",
                **values,
            )
        return _(
            "Rejected: worse than %(version)s on %(visits)s newer visits, MRR@20 %(difference)s ± %(margin)s.",
            **values,
        )
    if not card.metrics:
        return _("Not compared: too few new visits.")
    return _("The first model.") if "live" not in card.metrics else card.verdict
