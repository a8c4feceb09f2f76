"""The editor's preview: how many a campaign would address, and what a chosen visitor would see of it."""

import json
import re
from dataclasses import dataclass
from html import unescape
from typing import Any

from markupsafe import Markup, escape

from offers.audience.audience import Verdict
from offers.campaign.campaign import Campaign, CampaignInvalid, Creative
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.creative import sanitise
from offers.campaign.document import parse
from offers.campaign.placeholders import Told
from offers.decision.holdout import held_out, subject
from profiles.consent.rules import allows
from profiles.model import Profile
from recommender.serving.request import parse_slot_request
from tracker.refusal import Refusal
from tracker.sites import Site
from web.api.campaigns import check_items
from web.desk.campaigns.form import CampaignDraft, document_of
from web.desk.campaigns.words import Trouble, trouble
from web.http.problem import Problem
from web.language import gettext as _
from web.people.audience_preview import Audiences, Size, parsed

SAMPLE_COUPON = "SAMPLE-CODE"
_IMG = re.compile(r'<img((?:\s+[\w-]+="[^"]*")*)\s*/?>')
_ATTRIBUTE = re.compile(r'(?<![\w-])([\w-]++)="([^"]*+)"')


@dataclass(frozen=True, slots=True)
class Picture:
    src: str
    alt: str
    link: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """Sanitised ``html``, or a ``picture``, else ``data`` as JSON."""

    html: Markup | None = None
    picture: Picture | None = None
    data: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """One variant: as the snippet draws it on a page, and what the shop's ``backend`` would be told where that is
    more. ``items`` says what is recommended inside."""

    id: str
    page: Drawn
    backend: Drawn | None
    items: str


@dataclass(frozen=True, slots=True)
class Preview:
    """``problem`` says what is still wrong; the other parts are there as far as they can be told.

    ``withdrawn``: the visitor does not consent to personalization. ``held``: the draw withholds it from them.
    """

    size: Size | None = None
    who: str = ""
    matched: bool | None = None
    clauses: tuple[Verdict, ...] = ()
    failed: tuple[str, ...] = ()
    shown: tuple[Shown, ...] = ()
    problem: Trouble | None = None
    withdrawn: bool = False
    held: bool = False


def campaign_of(draft: CampaignDraft, site: Site) -> Campaign:
    """Raises CampaignInvalid."""
    campaign = parse(document_of(draft), zone=site.zone)
    check_items(campaign)
    return campaign


def previewed(audiences: Audiences, site: Site, draft: CampaignDraft, who: str) -> Preview:
    """The size of the audience, and how one visitor stands to it and what they would see."""
    try:
        audience = parsed(draft.text("audience"))
    except Problem as wrong:
        return Preview(problem=trouble(CampaignInvalid("audience", wrong.message)), who=who)
    size = audiences.size(site, audience)
    if not who:
        return Preview(size)
    try:
        profile, why = audiences.explain(site, audience, who)
    except Problem as unknown:
        return Preview(size, who, problem=Trouble(unknown.message))
    withdrawn = not allows(profile.consent, "personalization")
    failed = tuple(verdict.clause for verdict in why.failed)
    matched = audience.everyone if withdrawn else why.matched
    try:
        campaign = campaign_of(draft, site)
    except CampaignInvalid as wrong:
        return Preview(size, who, matched, tuple(why.clauses), failed, (), trouble(wrong), withdrawn)
    held = held_out(site.id, campaign.id, subject(profile), campaign.holdout)
    shown = _variants(audiences, site, campaign, profile, withdrawn)
    return Preview(size, who, matched, tuple(why.clauses), failed, shown, None, withdrawn, held)


def _variants(
    audiences: Audiences, site: Site, campaign: Campaign, profile: Profile, withdrawn: bool
) -> tuple[Shown, ...]:
    ready = CompiledCampaign(campaign, site.zone)
    view = None if withdrawn else audiences.view(site, profile)
    shown = []
    for name, creative in ready.creatives.items():
        page, backend = (
            ready.content(name, Told(view, traits, SAMPLE_COUPON)) for traits in (False, not withdrawn)
        )
        more = _drawn(creative.kind, backend) if backend != page else None
        shown.append(Shown(name, _drawn(creative.kind, page), more, _items(creative)))
    return tuple(shown)


def _drawn(kind: str, content: Any) -> Drawn:
    if kind == "html":
        # Sanitised as for a shop's page: nothing in it runs, and the desk's own policy refuses what would.
        return Drawn(html=Markup(sanitise(_IMG.sub(_picture_named, content))))  # noqa: S704
    if kind == "image":
        return Drawn(picture=Picture(content["src"], content.get("alt", ""), content.get("link") or ""))
    return Drawn(data=json.dumps(content, ensure_ascii=False, indent=2))


def _picture_named(match: re.Match[str]) -> str:
    """The desk loads nothing from elsewhere: what it would be stands there instead."""
    told = {name: unescape(value) for name, value in _ATTRIBUTE.findall(match[1])}
    text = _("Image “%(alt)s”: %(src)s", alt=told.get("alt", ""), src=told.get("src", ""))
    return f'<span class="unloaded">{escape(text)}</span>'


def _items(creative: Creative) -> str:
    ask = parse_slot_request(creative.items) if creative.items is not None else None
    if ask is None or isinstance(ask, Refusal):
        return ""
    return _(
        "Items: up to %(count)s products, strategy “%(strategy)s”", count=ask.limit, strategy=ask.strategy
    )
