"""A customer's scores in words, with units and intervals."""

from collections.abc import Iterator

from profiles.model import Profile
from profiles.standing import SCORED_DAY, cell_of, is_computed, quadrant_of
from tracker.sites import Site
from warehouse.question.span import date_of
from web.drawing import formats
from web.labels import QUADRANT_LABELS, rfm_cell
from web.language import gettext as _


def score_facts(profile: Profile, site: Site) -> list[tuple[str, str]]:
    """Rows of name and value; without scores none."""
    scores = profile.scores
    facts = [*_standing(profile), *_risk(profile), *_value(profile, site)]
    facts += [(name, f"{value:.3g}") for name, value in scores.items() if not is_computed(name)]
    if SCORED_DAY in scores:
        facts.append((_("Scores of"), formats.day(date_of(int(scores[SCORED_DAY])))))
    return facts


def _standing(profile: Profile) -> Iterator[tuple[str, str]]:
    if cell := cell_of(profile.scores):
        yield _("RFM cell"), rfm_cell(cell)
    if quadrant := quadrant_of(profile.scores):
        yield _("Needs and value"), str(QUADRANT_LABELS[quadrant])
    if "group" in profile.scores:
        yield _("Group"), formats.number(profile.scores["group"])
    names = {
        "recency": _("Recency"), "frequency": _("Frequency"), "monetary": _("Monetary value"),
    }  # fmt: skip
    for name, label in names.items():
        if name in profile.scores:
            yield label, _("%(fifth)s of 5", fifth=formats.number(profile.scores[name]))


def _risk(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, value in profile.scores.items():
        days = name.removeprefix("risk")
        if days != name and days.isdecimal():
            label = _("Risk of no order in %(days)s days", days=days)
            yield label, formats.percent(value, 0)
    if "next_order" in profile.scores:
        yield _("Next order expected by"), formats.day(date_of(int(profile.scores["next_order"])))


def _value(profile: Profile, site: Site) -> Iterator[tuple[str, str]]:
    def money(name: str) -> str:
        return formats.money(profile.scores[name], site.currency)

    if "contribution" in profile.scores:
        yield _("Contribution so far"), money("contribution")
    if {"clv", "clv_low", "clv_high"} <= profile.scores.keys():
        between = _(
            "%(value)s (with 9 of 10 such customers: %(low)s to %(high)s)",
            value=money("clv"),
            low=money("clv_low"),
            high=money("clv_high"),
        )
        yield _("Expected contribution of the next 365 days"), between
