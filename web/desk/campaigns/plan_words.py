"""A campaign's plan in sentences: what its experiment can find, and when."""

from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.campaign.document import parse
from offers.planning.baseline import CONVERSIONS_LEAST, DAYS_LEAST
from offers.planning.outlook import Outlook, ShareOutlook
from tracker.sites import Site
from web.campaigns.plan import PATIENCE_SECONDS, CampaignPlan, CampaignPlans
from web.desk.campaigns.form import CampaignDraft, document_of
from web.drawing import formats
from web.language import gettext as _
from web.language import ngettext
from web.reports.cache import StillCounting

UNNAMED = {
    "id": "plan",
    "name": "plan",
    "coupons": "",
    "creatives": [{"id": "a", "kind": "json", "content": {"a": 1}}],
}
"""What a draft may still lack without its plan being another."""


def plan_lines(plans: CampaignPlans, site: Site, draft: CampaignDraft) -> tuple[str, ...]:
    """What a draft's experiment can find; nothing while the draft's plan, goal or audience cannot be read."""
    try:
        document = {**document_of(draft), **UNNAMED}
        campaign = parse({**document, "slots": document["slots"] or ["plan"]}, zone=site.zone)
    except CampaignInvalid:
        return ()
    try:
        plan = plans.plan(site, campaign, PATIENCE_SECONDS)
    except StillCounting:
        return (_("The last 28 days are being counted. Update the preview in a moment."),)
    if plan.outlook is None:
        return (
            _(
                "Too little history for a plan: it takes %(days)s days with visitors and %(goals)s goals reached.",
                days=DAYS_LEAST,
                goals=CONVERSIONS_LEAST,
            ),
        )
    return _found(plan, plan.outlook, campaign, site)


def _found(plan: CampaignPlan, outlook: Outlook, campaign: Campaign, site: Site) -> tuple[str, ...]:
    lines = []
    if outlook.planned is None:
        lines.append(_("Without a holdout the effect of the campaign cannot be measured."))
    else:
        lines.append(_planned(outlook.planned, plan, campaign))
    quickest = outlook.quickest
    if quickest.days is not None and (
        outlook.planned is None or (outlook.planned.days or quickest.days + 1) > quickest.days
    ):
        told = {"share": formats.percent(quickest.holdout, 0), "days": _days(quickest.days)}
        lines.append(_("The quickest holdout is %(share)s: %(days)s.", **told))
    return (*lines, _history(plan, campaign, site))


def _planned(planned: ShareOutlook, plan: CampaignPlan, campaign: Campaign) -> str:
    told = {
        "share": formats.percent(planned.holdout, 0 if round(planned.holdout * 1000) % 10 == 0 else 1),
        "people": formats.number(round(plan.baseline.people_a_day)),
        "effect": formats.percent(planned.effect, 0 if planned.effect >= 0.1 else 1),
        "days": _days(campaign.plan.days),
        "wanted": formats.percent(campaign.plan.effect, 0 if campaign.plan.effect >= 0.1 else 1),
    }
    if campaign.plan.measure == "rate":
        first = _(
            "With %(share)s holdout and %(people)s people a day you find ±%(effect)s of the rate in %(days)s.",
            **told,
        )
    else:
        first = _(
            "With %(share)s holdout and %(people)s people a day you find ±%(effect)s of revenue in %(days)s.",
            **told,
        )
    if planned.days is None:
        return first + " " + _("To find ±%(wanted)s you would need more than ten years.", **told)
    return first + " " + _("To find ±%(wanted)s you need %(needed)s.", **told, needed=_days(planned.days))


def _history(plan: CampaignPlan, campaign: Campaign, site: Site) -> str:
    window = formats.span_of(campaign.goal.window_ms / 1000)
    rate = formats.percent(plan.baseline.rate, 2 if plan.baseline.rate < 0.01 else 1)
    who = (
        _("Counted from the people who met a campaign in these slots in 28 days.")
        if plan.met
        else _("Counted from all visitors of 28 days, since too few met a campaign in these slots.")
    )
    reached = (
        _("Of them %(rate)s reached the goal within %(window)s.", rate=rate, window=window)
        if plan.own_rate
        else _("Of everybody %(rate)s reached the goal within %(window)s.", rate=rate, window=window)
    )
    share = formats.percent(plan.matched, 0)
    inside = _("%(share)s of them are in the audience.", share=share) if campaign.audience else ""
    money = ""
    if campaign.plan.measure == "revenue":
        money = _(
            "On average they spent %(money)s.", money=formats.money(plan.baseline.revenue, site.currency)
        )
    return " ".join(filter(None, (who, inside, reached, money)))


def _days(count: int) -> str:
    return ngettext("%(count)s day", "%(count)s days", count, count=formats.number(count))
