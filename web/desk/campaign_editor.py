"""The campaign editor: a form, and beside it how many it would address and what a chosen visitor would be shown."""

import json
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from offers.audience import Verdict
from offers.campaign import Campaign, CampaignInvalid, parse
from offers.eligibility import Ready
from tracker.sites import Site
from web.audiences import Audiences, Size, parsed
from web.campaigns import check_items
from web.desk.audience_form import help_of
from web.desk.campaign_form import NEW, CampaignDraft, document_of, draft_of, draft_of_form, pressed
from web.desk.pages import Pages
from web.offers import found
from web.problem import Problem
from web.services import Services


@dataclass(frozen=True, slots=True)
class Shown:
    """What one variant would show: sanitised ``html``, else ``data`` as JSON."""

    id: str
    html: Markup | None
    data: str


@dataclass(frozen=True, slots=True)
class Preview:
    """``problem`` says what is still wrong; the other parts are there as far as they can be told."""

    size: Size | None = None
    who: str = ""
    matched: bool | None = None
    clauses: tuple[Verdict, ...] = ()
    failed: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    problem: str = ""


def editor_blueprint(pages: Pages, services: Services, audiences: Audiences) -> Blueprint:
    blueprint = Blueprint("desk_campaign_editor", __name__)

    def page(draft: CampaignDraft, problem: str = "", preview: Preview | None = None) -> Response:
        site = pages.site()
        segments = services.segments.all(site.id)
        view = {"draft": draft, "problem": problem, "preview": preview, "segments": segments}
        view["help"] = help_of(pages.reports, site)
        return pages.show("desk/campaign_edit.html", "campaigns", site, **view)

    @blueprint.get("/desk/campaigns/edit")
    def edit() -> Response:
        site, name = pages.site(), request.args.get("id", "")
        if name:
            return page(draft_of(found(services, site, name)))
        return page(CampaignDraft({**NEW, "audience": request.args.get("audience", "")[:8_000]}))

    @blueprint.post("/desk/campaigns/edit")
    def change() -> ResponseReturnValue:
        """Save; or show what the form's other buttons make of it."""
        site, button = pages.site(), request.form.get("do", "save")
        draft = pressed(draft_of_form(request.form), button)
        if button == "preview":
            return page(draft, preview=previewed(audiences, site, draft))
        if button != "save":
            return page(draft)
        try:
            campaign = campaign_of(draft)
        except CampaignInvalid as refused:
            return page(draft, problem=str(refused))
        if not draft.saved and services.campaigns.get(site.id, campaign.id) is not None:
            return page(draft, problem=f"id: {campaign.id!r} is another campaign's")
        services.campaigns.put(site.id, campaign, int(services.clock() * 1000))
        return redirect(f"/desk/campaigns/{campaign.id}?saved=yes")

    return pages.guard(blueprint)


def preview_blueprint(pages: Pages, audiences: Audiences) -> Blueprint:
    """What the editor fetches while somebody types; it changes nothing."""
    blueprint = Blueprint("desk_campaign_preview", __name__)

    @blueprint.post("/desk/campaigns/preview")
    def preview() -> Response:
        site, draft = pages.site(), draft_of_form(request.form)
        made = previewed(audiences, site, draft)
        return pages.show("desk/campaign_preview.html", "campaigns", site, preview=made)

    return pages.guard(blueprint, harmless=True)


def campaign_of(draft: CampaignDraft) -> Campaign:
    """Raises CampaignInvalid."""
    campaign = parse(document_of(draft))
    check_items(campaign)
    return campaign


def previewed(audiences: Audiences, site: Site, draft: CampaignDraft) -> Preview:
    """The size of the audience, and how one visitor stands to it and what they would see: as ``visitor`` says."""
    who = request.form.get("visitor", "").strip()[:300]
    try:
        audience = parsed(draft.text("audience"))
    except Problem as wrong:
        return Preview(problem=f"audience: {wrong.message}", who=who)
    size = audiences.size(site, audience)
    if not who:
        return Preview(size)
    try:
        profile, why = audiences.explain(site, audience, who)
    except Problem as unknown:
        return Preview(size, who, problem=unknown.message)
    told = Preview(
        size, who, why.matched, tuple(why.clauses), tuple(verdict.clause for verdict in why.failed)
    )
    try:
        ready = Ready(campaign_of(draft), site.zone)
    except CampaignInvalid as wrong:
        return Preview(size, who, why.matched, told.clauses, told.failed, problem=str(wrong))
    view = audiences.view(site, profile)
    shown = tuple(
        _shown(name, creative.kind, ready.content(name, view, traits=True))
        for name, creative in ready.creatives.items()
    )
    return Preview(size, who, why.matched, told.clauses, told.failed, shown)


def _shown(name: str, kind: str, content: Any) -> Shown:
    # Sanitised as for a shop's page: nothing in it runs, and the desk's own policy refuses what would.
    if kind == "html":
        return Shown(name, Markup(content), "")  # noqa: S704
    return Shown(name, None, json.dumps(content, ensure_ascii=False, indent=2))
