"""A campaign made ready to be decided about: audience compiled, schedule in milliseconds, creatives made safe."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import structs

from offers.audience.audience import Audience
from offers.audience.visitor import View
from offers.campaign.campaign import WEEKDAYS, Campaign
from offers.campaign.creative import served
from offers.campaign.placeholders import Told, filled, has_placeholders

NEVER = 1 << 62
TIERS = {"override": 0, "standard": 1, "fallback": 2}


class CompiledCampaign:
    """One campaign of one site, compiled for its timezone. Immutable."""

    __slots__ = (
        "_dayparts",
        "audience",
        "campaign",
        "creatives",
        "end",
        "id",
        "live",
        "personal",
        "rank",
        "slots",
        "start",
        "test",
        "weights",
    )

    def __init__(self, campaign: Campaign, zone: ZoneInfo) -> None:
        self.campaign, self.id = campaign, campaign.id
        self.audience = Audience.parse(campaign.audience)
        self.test = self.audience.test
        self.live, self.slots = campaign.status == "live", frozenset(campaign.slots)
        self.start, self.end = campaign.starts(zone) or 0, campaign.ends(zone) or NEVER
        self.rank = (TIERS[campaign.tier], -campaign.priority)
        same = campaign.allocation == "aa"
        shown = {each.id: campaign.creatives[0] if same else each for each in campaign.creatives}
        self.creatives = {
            name: structs.replace(each, content=served(each.kind, each.content))
            for name, each in shown.items()
        }
        # A message's placeholders are its channel's to fill in.
        page = campaign.send is None
        self.personal = {name for name, each in shown.items() if page and has_placeholders(each.content)}
        weights = {each.id: 1.0 if same else each.weight for each in campaign.creatives}
        total = sum(weights.values())
        self.weights = {name: weight / total for name, weight in weights.items()}
        self._dayparts = [
            ({WEEKDAYS.index(day) for day in part.days}, _minutes(part.start), _minutes(part.end))
            for part in campaign.dayparts
        ]

    def runs(self, now: int) -> bool:
        """Live, begun and not over at ``now`` (ms), be it outside of its hours."""
        return self.live and self.start <= now < self.end

    def scheduled(self, view: View) -> bool:
        """Running, and within its hours."""
        if not self.runs(view.now):
            return False
        return not self._dayparts or any(_within(part, view.local) for part in self._dayparts)

    def content(self, variant: str, told: Told) -> Any:
        """What a visitor is shown of whom placeholders may tell ``told``."""
        creative = self.creatives[variant]
        if variant not in self.personal:
            return creative.content
        return filled(creative.kind, creative.content, told)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _within(part: tuple[set[int], int, int], local: datetime) -> bool:
    """Hours past midnight belong to the day on which they began."""
    days, start, end = part
    minute, today = local.hour * 60 + local.minute, local.weekday()
    if start < end:
        return today in days and start <= minute < end
    return (today in days and minute >= start) or ((today - 1) % 7 in days and minute < end)
