"""A campaign's fields: what is shown to whom, when, how often, and for which goal."""

from datetime import date, datetime, time, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from offers.campaign.send import Send
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from tracker.refusal import Invalid

Tier = Literal["override", "standard", "fallback"]
Status = Literal["draft", "live", "paused", "ended"]
Period = Literal["session", "hour", "day", "week", "ever"]
Kind = Literal["html", "json", "image", "email", "push"]
Reward = Literal["click", "conversion", "revenue"]
"""What the bandit maximises."""
Measure = Literal["rate", "revenue"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UTC = ZoneInfo("UTC")
WINDOW_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


class CampaignInvalid(Invalid):
    """A document that is no campaign. ``field`` is its path, like ``creatives[1].kind``."""


class Cap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At most ``limit`` decisions of one visitor per period. Hour, day and week are the site's clock's."""

    limit: int
    per: Period = "session"


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a campaign's means, over all visitors. Spend is priced by ``cpm`` (a thousand views) and ``cpc``."""

    impressions: int | None = None
    clicks: int | None = None
    spend: float | None = None
    cpm: float = 0.0
    cpc: float = 0.0


class Goal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the campaign is for: an event within ``window`` of an offer that was clicked on, or within
    ``view_window`` (the same, when it is not given) of one that was only seen. A number with m, h or d."""

    event: str = "Order Completed"
    window: str = "7d"
    view_window: str = ""

    @property
    def window_ms(self) -> int:
        return int(self.window[:-1]) * WINDOW_MS[self.window[-1]]

    @property
    def view_window_ms(self) -> int:
        window = self.view_window or self.window
        return int(window[:-1]) * WINDOW_MS[window[-1]]


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the experiment is for: to find a relative ``effect`` (0.1: ten percent) on ``measure`` within ``days`` of
    enrolment. ``measure``: the rate of the goal, or revenue for each person."""

    days: int = 28
    effect: float = 0.1
    measure: Measure = "rate"


class Daypart(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    rename={"start": "from", "end": "to"},
):
    """Hours in which the campaign runs, in the site's timezone: from inclusive, to exclusive; may pass midnight."""

    days: tuple[Weekday, ...] = WEEKDAYS
    start: str = "00:00"
    end: str = "24:00"


class Creative(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One variant. ``content`` is HTML source, any JSON object, or ``{"src", "alt", "link"}``; of kinds "email" and
    "push", which only a campaign with ``send`` has, the message as its channel writes it.

    ``weight`` is the variant's part under a fixed allocation. ``items`` asks for recommendations inside the offer,
    as an item slot of ``/v1/personalize`` does: ``{"strategy", "limit", "filter"}``.
    """

    id: str
    kind: Kind
    content: Any
    weight: float = 1.0
    items: dict[str, Any] | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A campaign as it is stored. ``start`` and ``end`` are ISO; without an offset they are the site's local time.

    Allocation ``aa`` shows everybody the first creative, under the variants' names: a test of the testing.
    ``group`` names a mutual-exclusion group: of its live campaigns a visitor can meet one only.
    ``coupons`` names a pool of codes: ``{{ coupon }}`` in a creative is the person's own, and who can have none is not
    shown the campaign.
    ``send``: the campaign is a message, and its channel is its only slot.
    """

    id: str
    name: str
    status: Status = "draft"
    slots: tuple[str, ...]
    tier: Tier = "standard"
    priority: int = 0
    audience: str = ""
    start: str | None = None
    end: str | None = None
    dayparts: tuple[Daypart, ...] = ()
    caps: tuple[Cap, ...] = ()
    holdout: float = 0.0
    budget: Budget | None = None
    goal: Goal = Goal()
    plan: Plan = Plan()
    allocation: Literal["bandit", "fixed", "aa"] = "bandit"
    reward: Reward = "click"
    group: str = ""
    coupons: str = ""
    creatives: tuple[Creative, ...]
    send: Send | None = None

    def starts(self, zone: ZoneInfo) -> int | None:
        """The first millisecond at which it may be shown."""
        return None if self.start is None else _instant("start", self.start, zone)

    def ends(self, zone: ZoneInfo) -> int | None:
        """The first millisecond at which it may no longer be shown; an ``end`` that is a day includes that day."""
        return None if self.end is None else _instant("end", self.end, zone)


def _instant(field: Literal["start", "end"], text: str, zone: ZoneInfo) -> int:
    """Milliseconds of an ISO day or instant; local to ``zone`` when it names no offset."""
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            if field == "end" and day < date.max:  # the last day there is has no next
                day += timedelta(days=1)
            moment = datetime.combine(day, time(), zone)
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return int(moment.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise CampaignInvalid(
            field, "an ISO day or instant such as 2026-12-01 or 2026-12-01T09:00"
        ) from error
