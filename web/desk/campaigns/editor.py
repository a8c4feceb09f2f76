"""The campaign editor: a form, and beside it how many it would address and what a chosen visitor would be shown."""

from functools import partial

from flask import Blueprint, Response, redirect, request
from flask.typing import ResponseReturnValue

from offers.campaign.campaign import CampaignInvalid
from offers.campaign.store import TooManyCampaigns
from tracker.sites import Site
from web.api.audiences import Audiences
from web.desk.campaigns.audience_form import help_of, segments_asked
from web.desk.campaigns.form import NEW, CampaignDraft, draft_of, draft_of_form, like, pressed
from web.desk.campaigns.preview import Preview, campaign_of, previewed
from web.desk.campaigns.versions import NOTED, Written, mark, since
from web.desk.campaigns.words import CHOICES, KINDS, LABELS, VARIANT_LABELS, Trouble, trouble
from web.desk.pages import Pages
from web.drawing import formats
from web.http.problem import Problem
from web.language import gettext as _
from web.reports.campaign_counts import found
from web.stores import Stores

WORDS = {"labels": LABELS, "variant_labels": VARIANT_LABELS, "choices_of": CHOICES, "kinds": KINDS}


def editor_blueprint(pages: Pages, stores: Stores, audiences: Audiences) -> Blueprint:
    blueprint = Blueprint("desk_campaign_editor", __name__)

    def page(
        draft: CampaignDraft,
        problem: Trouble | None = None,
        preview: Preview | None = None,
        clash: Written | None = None,
        unsaved: bool = True,
    ) -> Response:
        site = pages.site()
        segments = stores.segments.store.all(site.id)
        return pages.show(
            "desk/campaigns/campaign_edit.html",
            "campaigns",
            site,
            **WORDS,
            draft=draft,
            problem=problem,
            preview=preview,
            clash=clash,
            unsaved=unsaved,
            segments=segments,
            missing=sorted(segments_asked(draft.text("audience")) - {each.id for each in segments}),
            may=pages.user().may("marketer"),
            when=partial(formats.when, zone=site.zone),
            help=help_of(pages.reports, site),
        )

    @blueprint.get("/desk/campaigns/edit")
    def edit() -> Response:
        """One campaign (``id``), a new one for an ``audience``, or one ``like`` another for that audience."""
        site, name = pages.site(), request.args.get("id", "")
        audience, other = request.args.get("audience", "")[:8_000], request.args.get("like", "")
        if name:
            campaign = found(stores, site, name)
            version = mark(stores.campaigns.store.versions(site.id, name))
            return page(draft_of(campaign, version), unsaved=False)
        if not pages.user().may("marketer"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        if other:
            return page(like(found(stores, site, other), audience), unsaved=False)
        return page(CampaignDraft({**NEW, "audience": audience}), unsaved=False)

    @blueprint.post("/desk/campaigns/edit")
    def change() -> ResponseReturnValue:
        """Save; or show what the form's other buttons make of it."""
        site, button = pages.site(), request.form.get("do", "save")
        draft = pressed(draft_of_form(request.form), button)
        if button == "preview":
            return page(draft, preview=previewed(audiences, site, draft, _visitor()))
        if button != "save":
            return page(draft)
        try:
            campaign = campaign_of(draft, site)
        except CampaignInvalid as refused:
            return page(draft, problem=trouble(refused))
        if not draft.saved and stores.campaigns.store.get(site.id, campaign.id) is not None:
            taken = CampaignInvalid("id", _("Another campaign uses the id %(id)s", id=campaign.id))
            return page(draft, problem=trouble(taken))
        if draft.saved and (clash := clashing(site, campaign.id, draft.version)):
            return page(draft.begun(str(clash.saved)), clash=clash)
        try:
            stores.campaigns.store.put(site.id, campaign, int(stores.clock() * 1000))
        except TooManyCampaigns as full:
            return page(draft, problem=Trouble(str(full)))
        return redirect(f"/desk/campaigns/{campaign.id}?saved=yes")

    def clashing(site: Site, campaign_id: str, began: str) -> Written | None:
        versions = stores.campaigns.store.versions(site.id, campaign_id)
        return since(versions, began, stores.access.audit.latest(NOTED), site.id, campaign_id)

    return pages.guard(blueprint)


def preview_blueprint(pages: Pages, audiences: Audiences) -> Blueprint:
    """What the editor fetches while somebody types; it changes nothing."""
    blueprint = Blueprint("desk_campaign_preview", __name__)

    @blueprint.post("/desk/campaigns/preview")
    def preview() -> Response:
        site, draft = pages.site(), draft_of_form(request.form)
        made = previewed(audiences, site, draft, _visitor())
        known = {each.id for each in pages.segments.all(site.id)}
        missing = sorted(segments_asked(draft.text("audience")) - known)
        view = {"preview": made, "missing": missing}
        return pages.show("desk/campaigns/campaign_preview.html", "campaigns", site, **view)

    return pages.guard(blueprint, harmless=True)


def _visitor() -> str:
    return request.form.get("visitor", "").strip()[:300]
