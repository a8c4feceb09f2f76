"""The campaign editor: a form, and beside it how many it would address and what a chosen visitor would be shown."""

from dataclasses import dataclass
from functools import partial

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from customers.quadrants.treatments import treatment
from offers.campaign.campaign import CampaignInvalid
from offers.campaign.document import parse
from offers.campaign.store import CampaignStore, TooManyCampaigns
from profiles.standing import QUADRANTS
from tracker.sites import Site
from web.access.audit import Audit
from web.campaigns.plan import CampaignPlans
from web.desk.campaigns.audience_form import help_of, segments_asked
from web.desk.campaigns.form import NEW, CampaignDraft, draft_of, draft_of_form, like, pressed, suggested
from web.desk.campaigns.plan_words import plan_lines
from web.desk.campaigns.preview import Preview, campaign_of, previewed
from web.desk.campaigns.versions import NOTED, Written, mark, since
from web.desk.campaigns.words import CHOICES, KINDS, LABELS, VARIANT_LABELS, Trouble, trouble
from web.desk.pages import Pages
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.people.audience_preview import Audiences
from web.reports.campaign_counts import found

WORDS = {"labels": LABELS, "variant_labels": VARIANT_LABELS, "choices_of": CHOICES, "kinds": KINDS}


@dataclass(frozen=True, slots=True)
class CampaignEditor:
    pages: Pages
    campaigns: CampaignStore
    audit: Audit
    audiences: Audiences
    plans: CampaignPlans

    def routes(self) -> Routes:
        return (
            get("/desk/campaigns/edit", self.edit),
            post("/desk/campaigns/edit", self.change),
        )

    def _page(
        self,
        draft: CampaignDraft,
        problem: Trouble | None = None,
        preview: Preview | None = None,
        clash: Written | None = None,
        unsaved: bool = True,
    ) -> Response:
        site = self.pages.site()
        segments = self.pages.segments.all(site.id)
        return self.pages.show(
            "desk/campaigns/campaign_edit.html",
            "campaigns",
            site,
            **WORDS,
            draft=draft,
            problem=problem,
            preview=preview,
            plan=plan_lines(self.plans, site, draft) if preview else (),
            clash=clash,
            unsaved=unsaved,
            segments=segments,
            missing=sorted(segments_asked(draft.text("audience")) - {each.id for each in segments}),
            may=self.pages.user().may("marketer"),
            when=partial(formats.when, zone=site.zone),
            help=help_of(self.pages.reports, site),
        )

    def edit(self) -> Response:
        """One campaign (``id``), a new one for an ``audience``, one ``like`` another for that audience, or the
        suggested ``treatment`` of a quadrant."""
        site, name = self.pages.site(), request.args.get("id", "")
        audience, other = request.args.get("audience", "")[:8_000], request.args.get("like", "")
        if name:
            campaign = found(self.campaigns, site, name)
            version = mark(self.campaigns.versions(site.id, name))
            return self._page(draft_of(campaign, version), unsaved=False)
        if not self.pages.user().may("marketer"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        if other:
            return self._page(like(found(self.campaigns, site, other), audience), unsaved=False)
        if quadrant := next((each for each in QUADRANTS if each == request.args.get("treatment")), None):
            return self._page(suggested(parse(treatment(quadrant), zone=site.zone)), unsaved=False)
        return self._page(CampaignDraft({**NEW, "audience": audience}), unsaved=False)

    def change(self) -> ResponseReturnValue:
        """Save; or show what the form's other buttons make of it."""
        site, button = self.pages.site(), request.form.get("do", "save")
        draft = pressed(draft_of_form(request.form), button)
        if button == "preview":
            return self._page(draft, preview=previewed(self.audiences, site, draft, _visitor()))
        if button != "save":
            return self._page(draft)
        try:
            campaign = campaign_of(draft, site)
        except CampaignInvalid as refused:
            return self._page(draft, problem=trouble(refused))
        if not draft.saved and self.campaigns.get(site.id, campaign.id) is not None:
            taken = CampaignInvalid("id", _("Another campaign uses the id %(id)s", id=campaign.id))
            return self._page(draft, problem=trouble(taken))
        if draft.saved and (clash := self._clashing(site, campaign.id, draft.version)):
            return self._page(draft.begun(str(clash.saved)), clash=clash)
        try:
            self.campaigns.put(site.id, campaign, int(self.pages.clock() * 1000))
        except TooManyCampaigns as full:
            return self._page(draft, problem=Trouble(str(full)))
        return redirect(f"/desk/campaigns/{campaign.id}?saved=yes")

    def _clashing(self, site: Site, campaign_id: str, began: str) -> Written | None:
        versions = self.campaigns.versions(site.id, campaign_id)
        return since(versions, began, self.audit.latest(NOTED), site.id, campaign_id)


@dataclass(frozen=True, slots=True)
class CampaignPreview:
    """What the editor fetches while somebody types; it changes nothing."""

    pages: Pages
    audiences: Audiences
    plans: CampaignPlans

    def routes(self) -> Routes:
        return (post("/desk/campaigns/preview", self.preview),)

    def preview(self) -> Response:
        site, draft = self.pages.site(), draft_of_form(request.form)
        made = previewed(self.audiences, site, draft, _visitor())
        known = {each.id for each in self.pages.segments.all(site.id)}
        missing = sorted(segments_asked(draft.text("audience")) - known)
        view = {"preview": made, "missing": missing, "plan": plan_lines(self.plans, site, draft)}
        return self.pages.show("desk/campaigns/campaign_preview.html", "campaigns", site, **view)


def _visitor() -> str:
    return request.form.get("visitor", "").strip()[:300]
