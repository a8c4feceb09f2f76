"""How right the scores were, in plain words, and the button that computes them now."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Response, redirect
from flask.typing import ResponseReturnValue

from customers.scoring.card import Absent, RiskCard, ScoreCard, ValueCard
from customers.scoring.card_store import CardStore
from customers.scoring.runs import ScoreRuns
from tracker.sites import Site
from warehouse.question.span import date_of
from web.api.scores import request_scores
from web.desk.pages import Pages
from web.drawing import formats
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.language import lazy_gettext as _l
from web.language import ngettext

SHARE = 100
"""Chances are told as so many of 100."""

MISSING: dict[Absent, object] = {
    "too few customers": _l("there are too few customers with orders to test it"),
    "history too short": _l("the history of orders is too short to test it"),
    "no better than the obvious rule": _l("on the last closed window it was no better than the obvious rule"),
    "no amounts": _l("orders have no amounts in the site's currency"),
}


@dataclass(frozen=True, slots=True)
class JudgedScore:
    """One score: whether it is ``shown``, the ``verdict`` in a sentence, and the ``details`` behind it."""

    name: str
    shown: bool
    verdict: str
    details: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CardView:
    day: str
    scores: tuple[JudgedScore, ...]


@dataclass(frozen=True, slots=True)
class CardPart:
    """``routes``: how far the newest run is, for the page to ask again."""

    pages: Pages
    cards: CardStore
    runs: ScoreRuns

    def routes(self) -> Routes:
        return (get("/desk/customers/scoring", self.progress),)

    def view(self, site: Site) -> dict[str, Any]:
        card = self.cards.load(site.id)
        return {"card": card_view(card, site.currency) if card else None, **self._run(site)}

    def progress(self) -> Response:
        site = self.pages.site()
        return self.pages.show("desk/customers/scoring.html", "customers", site, **self._run(site))

    def _run(self, site: Site) -> dict[str, Any]:
        run = self.runs.read(site.id)
        return {"run": run, "busy": bool(run and run.state in ("waiting", "running"))}


@dataclass(frozen=True, slots=True)
class ScoreButton:
    pages: Pages
    runs: ScoreRuns

    def routes(self) -> Routes:
        return (post("/desk/customers/score", self.score),)

    def score(self) -> ResponseReturnValue:
        request_scores(self.runs, self.pages.site().id)
        return redirect("/desk/customers")


def card_view(card: ScoreCard, currency: str) -> CardView:
    return CardView(formats.day(date_of(card.day)), (_risk(card), _value(card, currency)))


def _risk(card: ScoreCard) -> JudgedScore:
    name = _("Risk of no order in %(days)s days", days=card.risk_days)
    found = card.risk
    if found is None:
        return JudgedScore(name, False, _missing(card.risk_absent), _needs(card.risk_needs))
    verdict = ngettext(
        "%(days)s days ago we said that %(said)s customer would not buy again in that time; %(held)s did not.",
        "%(days)s days ago we said that %(said)s customers would not buy again in that time; %(held)s did not.",
        found.said,
        days=found.days,
        said=formats.number(found.said),
        held=formats.number(found.held),
    )
    if found.source == "back-test":
        verdict = ngettext(
            "With what was known %(days)s days ago, we would have said that %(said)s customer would not buy again in "
            "that time; %(held)s did not.",
            "With what was known %(days)s days ago, we would have said that %(said)s customers would not buy again in "
            "that time; %(held)s did not.",
            found.said,
            days=found.days,
            said=formats.number(found.said),
            held=formats.number(found.held),
        )
    if not found.better:
        return JudgedScore(name, False, _missing(card.risk_absent), (verdict, *_risk_details(found)))
    return JudgedScore(name, True, verdict, tuple(_risk_details(found)))


def _risk_details(found: RiskCard) -> Iterator[str]:
    yield _(
        "Of two customers, one who bought and one who did not, the risk pointed to the right one in %(ours)s of 100 "
        "pairs; days since the last order in %(recency)s of 100 (AUC %(auc)s and %(plain)s).",
        ours=_of_hundred(found.auc),
        recency=_of_hundred(found.auc_recency),
        auc=f"{found.auc:.3f}",
        plain=f"{found.auc_recency:.3f}",
    )
    yield _(
        "The chance that we told was off by %(points)s percentage points on average (calibration); squared error "
        "%(brier)s, with one chance for all %(constant)s.",
        points=f"{SHARE * found.calibration:.1f}",
        brier=f"{found.brier:.3f}",
        constant=f"{found.brier_constant:.3f}",
    )
    if found.drift and found.drift.calibration == "too high":
        yield _("The risks told then were too high in sum: more customers bought than we said.")
    if found.drift and found.drift.calibration == "too low":
        yield _("The risks told then were too low in sum: fewer customers bought than we said.")
    if found.drift and found.drift.customers != "stable":
        yield _("The customers are others than then: judge the scores of today with care.")


def _value(card: ScoreCard, currency: str) -> JudgedScore:
    name = _("Expected contribution of the next 365 days")
    found = card.value
    if found is None:
        return JudgedScore(name, False, _missing(card.value_absent), _needs(card.value_needs))
    verdict = _(
        "For the last %(days)s days we expected %(said)s (%(low)s to %(high)s); %(happened)s came.",
        days=found.days,
        said=formats.money(found.said, currency),
        low=formats.money(found.low, currency),
        high=formats.money(found.high, currency),
        happened=formats.money(found.happened, currency),
    )
    if not found.better or card.value_total is None:
        return JudgedScore(
            name, False, _missing(card.value_absent), (verdict, *_value_details(found, currency))
        )
    total, low, high = (formats.money(each, currency) for each in card.value_total)
    after = _(
        "In the next 365 days all customers together: %(total)s (%(low)s to %(high)s).",
        total=total,
        low=low,
        high=high,
    )
    return JudgedScore(name, True, verdict, (after, *_value_details(found, currency)))


def _value_details(found: ValueCard, currency: str) -> Iterator[str]:
    yield _(
        "For one customer the typical error was %(ours)s; with the mean for all %(mean)s, with as much as in the days "
        "before %(repeat)s.",
        ours=formats.money(found.error, currency),
        mean=formats.money(found.error_constant, currency),
        repeat=formats.money(found.error_repeat, currency),
    )
    if found.covered is not None:
        yield _(
            "%(covered)s of 100 customers brought what their own interval said.",
            covered=_of_hundred(found.covered),
        )


def _missing(absent: Absent | None) -> str:
    return _("Not shown: %(why)s.", why=MISSING[absent] if absent else _("nothing to judge"))


def _needs(needs: str) -> tuple[str, ...]:
    return (needs,) if needs else ()


def _of_hundred(share: float) -> str:
    return f"{SHARE * share:.0f}"
