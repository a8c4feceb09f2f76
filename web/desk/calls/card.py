"""A caller in five lines: who they are, what they are worth, whether they stay, what they like, what they allowed."""

from collections.abc import Mapping
from dataclasses import dataclass

from offers.audience.visitor import View
from profiles.model import Profile
from profiles.standing import cell_of
from web.desk.pages import STAGES
from web.desk.visitors.person import name_of
from web.desk.visitors.scores import score_facts
from web.drawing import formats
from web.labels import channel, rfm_cell
from web.language import gettext as _
from web.people.answers import ConsentRow, answers_of

INTERESTS, ANSWERS = 4, 4


@dataclass(frozen=True, slots=True)
class CallerView:
    """``lines`` are (label, sentence)."""

    id: str
    name: str
    stage: str
    demo: bool
    contact: tuple[str, ...]
    lines: tuple[tuple[str, str], ...]
    consents: tuple[ConsentRow, ...]
    marketing: bool | None
    scores: tuple[tuple[str, str], ...]


def caller_of(view: View, segments: Mapping[str, str]) -> CallerView:
    """``segments`` are names by id."""
    profile, site = view.profile, view.site
    lines = (
        (_("Who"), _who(view, segments)),
        (_("Orders"), _orders(view)),
        (_("Last seen"), _seen(view)),
        (_("Interests"), _interests(view)),
        (_("Cart"), _cart(view)),
    )
    return CallerView(
        id=profile.id,
        name=name_of(profile),
        stage=view.stage,
        demo=profile.demo,
        contact=_contact(profile),
        lines=tuple((label, text) for label, text in lines if text),
        consents=answers_of(profile, site)[:ANSWERS],
        marketing=profile.consent.get("marketing"),
        scores=tuple(score_facts(profile, site)),
    )


def _contact(profile: Profile) -> tuple[str, ...]:
    told = (profile.traits.get(name) for name in ("email", "phone", "mobile"))
    return tuple(dict.fromkeys(str(each) for each in told if each))


def _who(view: View, segments: Mapping[str, str]) -> str:
    profile = view.profile
    parts = [str(STAGES.get(view.stage, view.stage))]
    if cell := cell_of(profile.scores):
        parts.append(rfm_cell(cell))
    parts.append(
        _("known since %(day)s", day=formats.day(formats.moment(profile.first_seen, view.site.zone)))
    )
    parts += [segments[each] for each in view.segments if each in segments]
    return " · ".join(parts)


def _orders(view: View) -> str:
    profile, site = view.profile, view.site
    if not profile.counts.orders:
        return _("None yet.")
    parts = [
        formats.number(profile.counts.orders),
        formats.money(profile.counts.revenue, site.currency),
    ]
    if profile.last_order:
        parts.append(_("the last %(when)s", when=formats.ago(profile.last_order, view.now / 1000)))
    return " · ".join(parts)


def _seen(view: View) -> str:
    profile = view.profile
    parts = [formats.ago(profile.last_seen, view.now / 1000)]
    parts.append(_("visits: %(count)s", count=formats.number(profile.counts.visits)))
    if profile.last_touch.ts:
        parts.append(channel(profile.last_touch.channel))
    return " · ".join(parts)


def _interests(view: View) -> str:
    ranked = sorted(view.shares.items(), key=lambda pair: -pair[1])[:INTERESTS]
    return " · ".join(f"{name} {formats.percent(share, 0)}" for name, share in ranked)


def _cart(view: View) -> str:
    cart, site = view.profile.cart, view.site
    if not cart:
        return ""
    total = sum(line.quantity * line.price for line in cart.values())
    return " · ".join(
        (_("items: %(count)s", count=formats.number(len(cart))), formats.money(total, site.currency))
    )
