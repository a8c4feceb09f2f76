"""What a campaign must be beyond its shape: names, schedule, amounts, creatives, an audience that can be read."""

import re
from zoneinfo import ZoneInfo

import msgspec

from offers.audience.audience import Audience
from offers.audience.grammar import AudienceInvalid
from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.campaign.creative import content_problem
from offers.campaign.mails.template import mail_problem
from offers.campaign.placeholders import placeholder_problem
from offers.campaign.send import SendInvalid, check_send

DOCUMENT_LIMIT = 256 * 1024
"""Bytes of one campaign document; bounds what every web worker keeps in memory."""
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
WINDOW = re.compile(r"([1-9][0-9]{0,4})([mhd])")
PLAN_DAYS = 365
"""The longest plan."""
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def check(campaign: Campaign, zone: ZoneInfo) -> None:
    """Raises CampaignInvalid naming the field. ``zone`` is the site's."""
    _names(campaign)
    _schedule(campaign, zone)
    _amounts(campaign)
    _send(campaign, zone)
    _creatives(campaign)
    if len(msgspec.json.encode(campaign)) > DOCUMENT_LIMIT:
        raise CampaignInvalid("", f"longer than {DOCUMENT_LIMIT:,} bytes")
    try:
        Audience.parse(campaign.audience)
    except AudienceInvalid as error:
        raise CampaignInvalid("audience", str(error)) from error


def check_unique(field: str, key: str, values: list[str]) -> None:
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            raise CampaignInvalid(f"{field}[{index}]{key and '.'}{key}", f"{value!r} occurs twice")
        seen.add(value)


def placed(error: msgspec.ValidationError) -> tuple[str, str]:
    """msgspec's message as (field, what is wrong)."""
    what, _, where = str(error).partition(" - at `$")
    field = re.sub(r"\[\.\.\.\]", "[]", where.rstrip("`")).lstrip(".")
    named = re.search(r"(?:unknown|required) field `([^`]*)`", what)
    if named:
        field = f"{field}.{named[1]}" if field else named[1]
        what = "unknown field" if "unknown" in what else "is required"
    return field, what


def _names(campaign: Campaign) -> None:
    named = [("id", campaign.id)]
    named += [(f"slots[{index}]", slot) for index, slot in enumerate(campaign.slots)]
    named += [(f"creatives[{index}].id", creative.id) for index, creative in enumerate(campaign.creatives)]
    named += [(field, name) for field in ("group", "coupons") if (name := getattr(campaign, field))]
    for field, value in named:
        if not ID.fullmatch(value):
            raise CampaignInvalid(
                field, "1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit"
            )
    if not campaign.name.strip() or len(campaign.name) > 200:
        raise CampaignInvalid("name", "1 to 200 characters")
    for field, size, limit in (
        ("slots", len(campaign.slots), 20),
        ("creatives", len(campaign.creatives), 20),
    ):
        if not 1 <= size <= limit:
            raise CampaignInvalid(field, f"1 to {limit} of them")
    check_unique("slots", "", list(campaign.slots))
    check_unique("creatives", "id", [creative.id for creative in campaign.creatives])


def _schedule(campaign: Campaign, zone: ZoneInfo) -> None:
    start, end = campaign.starts(zone), campaign.ends(zone)
    if start is not None and end is not None and end <= start:
        raise CampaignInvalid("end", "is not after start")
    for key, window in (("window", campaign.goal.window), ("view_window", campaign.goal.view_window or "1d")):
        if not WINDOW.fullmatch(window):
            raise CampaignInvalid(f"goal.{key}", "a number with m, h or d, such as 7d")
    if not 1 <= len(campaign.goal.event) <= 200:
        raise CampaignInvalid("goal.event", "1 to 200 characters")
    if len(campaign.dayparts) > 21:
        raise CampaignInvalid("dayparts", "at most 21 of them")
    for index, part in enumerate(campaign.dayparts):
        for key, value in (("from", part.start), ("to", part.end)):
            if not CLOCK.fullmatch(value):
                raise CampaignInvalid(f"dayparts[{index}].{key}", "a time of day such as 09:30")
        if part.start == part.end or not part.days:
            raise CampaignInvalid(f"dayparts[{index}]", "is empty")


def _amounts(campaign: Campaign) -> None:
    if not -1_000_000 <= campaign.priority <= 1_000_000:
        raise CampaignInvalid("priority", "between -1000000 and 1000000")
    if not 0.0 <= campaign.holdout <= 0.9:
        raise CampaignInvalid("holdout", "between 0 and 0.9: the share of visitors who are not shown it")
    check_unique("caps", "per", [cap.per for cap in campaign.caps])
    for index, cap in enumerate(campaign.caps):
        if not 1 <= cap.limit <= 1_000_000:
            raise CampaignInvalid(f"caps[{index}].limit", "between 1 and 1000000")
    if not 1 <= campaign.plan.days <= PLAN_DAYS:
        raise CampaignInvalid("plan.days", f"between 1 and {PLAN_DAYS}")
    if not 0.01 <= campaign.plan.effect <= 10:
        raise CampaignInvalid("plan.effect", "between 0.01 and 10: a relative change, 0.1 is ten percent")
    budget = campaign.budget
    if budget is None:
        return
    for key in ("impressions", "clicks", "spend"):
        if not 0 <= (getattr(budget, key) or 0) < 1e15:
            raise CampaignInvalid(f"budget.{key}", "is an amount of 0 or more")
    for key in ("cpm", "cpc"):
        if not 0 <= getattr(budget, key) < 1e9:
            raise CampaignInvalid(f"budget.{key}", "is a price of 0 or more")
    if budget.spend is not None and budget.cpm <= 0 and budget.cpc <= 0:
        raise CampaignInvalid("budget.spend", "needs a price: cpm (per 1000 views) or cpc (per click)")


def _creatives(campaign: Campaign) -> None:
    for index, creative in enumerate(campaign.creatives):
        if creative.kind == "email":
            problem = mail_problem(creative.content, bool(campaign.coupons))
        else:
            problem = content_problem(creative.kind, creative.content)
        if campaign.send is None:  # a message's placeholders are its channel's to read
            problem = problem or placeholder_problem(creative.content, coupons=bool(campaign.coupons))
        if problem:
            raise CampaignInvalid(f"creatives[{index}].content", problem)
        if not 0.0 <= creative.weight <= 1e6:
            raise CampaignInvalid(f"creatives[{index}].weight", "between 0 and 1000000")
    if not any(creative.weight > 0 for creative in campaign.creatives):
        raise CampaignInvalid("creatives[0].weight", "every weight is 0")


def _send(campaign: Campaign, zone: ZoneInfo) -> None:
    """A message has one slot, its channel, and creatives that the channel can write."""
    send = campaign.send
    for index, creative in enumerate(campaign.creatives):
        wanted = send.kind if send else ""
        if (wanted and creative.kind != wanted) or (not send and creative.kind in ("email", "push")):
            message = f"{send.channel} takes creatives of kind {wanted}" if send else "needs send"
            raise CampaignInvalid(f"creatives[{index}].kind", message)
    if send is None:
        return
    if campaign.slots != (send.channel,):
        raise CampaignInvalid(
            "slots", f"a campaign with send has its channel as its only slot: {send.channel}"
        )
    if campaign.tier != "standard":
        raise CampaignInvalid("tier", "a campaign with send is standard: nothing takes its place")
    for index, cap in enumerate(campaign.caps):
        if cap.per == "session":
            raise CampaignInvalid(f"caps[{index}].per", "a message has no session; hour, day, week or ever")
    try:
        check_send(send, campaign.id, zone)
    except SendInvalid as error:
        raise CampaignInvalid(f"send.{error.field}", error.message) from error
