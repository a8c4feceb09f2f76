"""The campaign: what a marketer writes once and Dangol decides about for every visitor.

One canonical document, checked as a whole when it is written; what is stored needs no second look.
"""

from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml

from offers.bandit.thompson_sampling import Reward
from offers.campaign.checks import CampaignInvalid as CampaignInvalid
from offers.campaign.checks import check, check_unique, placed
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from tracker.values import settled

Tier = Literal["override", "standard", "fallback"]
Status = Literal["draft", "live", "paused", "ended"]
Period = Literal["session", "hour", "day", "week", "ever"]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UTC = ZoneInfo("UTC")
WINDOW_MS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


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
    """One variant. ``content`` is HTML source, any JSON object, or ``{"src", "alt", "link"}``.

    ``weight`` is the variant's part under a fixed allocation. ``items`` asks for recommendations inside the offer,
    as an item slot of ``/v1/personalize`` does: ``{"strategy", "limit", "filter"}``.
    """

    id: str
    kind: Literal["html", "json", "image"]
    content: Any
    weight: float = 1.0
    items: dict[str, Any] | None = None


class Campaign(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A campaign as it is stored. ``start`` and ``end`` are ISO; without an offset they are the site's local time.

    Allocation ``aa`` shows everybody the first creative, under the variants' names: a test of the testing.
    ``group`` names a mutual-exclusion group: of its live campaigns a visitor can meet one only.
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
    allocation: Literal["bandit", "fixed", "aa"] = "bandit"
    reward: Reward = "click"
    group: str = ""
    creatives: tuple[Creative, ...]

    def starts(self, zone: ZoneInfo) -> int | None:
        """The first millisecond at which it may be shown."""
        return None if self.start is None else _instant("start", self.start, zone)

    def ends(self, zone: ZoneInfo) -> int | None:
        """The first millisecond at which it may no longer be shown; an ``end`` that is a day includes that day."""
        return None if self.end is None else _instant("end", self.end, zone)


def parse(document: object, campaign_id: str | None = None, zone: ZoneInfo = UTC) -> Campaign:
    """The campaign in a decoded JSON or YAML document. Raises CampaignInvalid naming the field. ``zone``: the site's.

    ``slot: hero`` may stand for ``slots: [hero]``; a cap list may be one cap, a budget a number of impressions.
    """
    draft = _canonical(document, campaign_id)
    try:
        campaign = msgspec.convert(draft, Campaign)
    except msgspec.ValidationError as error:
        raise CampaignInvalid(*placed(error)) from error
    check(campaign, zone)
    return campaign


def document(campaign: Campaign) -> dict[str, Any]:
    """The canonical document, as JSON or YAML would hold it."""
    built: dict[str, Any] = msgspec.to_builtins(campaign)
    return built


class _Loader(yaml.SafeLoader):
    """Without aliases: nine levels of them, each naming the one before ten times, are a billion values."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"it has aliases (*name) on line {self.line + 1}, which are not read")
        return super().compose_node(parent, index)


def load_yaml(path: Path, zone: ZoneInfo = UTC) -> list[Campaign]:
    """The campaigns of a YAML file: a list, or ``campaigns:`` with a list. Raises CampaignInvalid."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise CampaignInvalid("", f"{path.name} is not YAML: {error}") from error
    listed = loaded.get("campaigns") if isinstance(loaded, dict) else loaded
    if not isinstance(listed, list):
        raise CampaignInvalid("campaigns", f"{path.name} holds no list of campaigns")
    campaigns: list[Campaign] = []
    for index, each in enumerate(listed):
        try:
            campaigns.append(parse(_plain(each), zone=zone))
        except CampaignInvalid as error:
            where = f"campaigns[{index}]" + (f".{error.field}" if error.field else "")
            raise CampaignInvalid(where, error.message) from error
    check_unique("campaigns", "id", [campaign.id for campaign in campaigns])
    return campaigns


def _plain(document: object) -> object:
    """Settled (``tracker.values``) but for the days and times that YAML reads by itself."""
    if isinstance(document, dict):
        return {key: each if isinstance(each, date) else settled(each) for key, each in document.items()}
    return document


def dump_yaml(campaigns: list[Campaign]) -> str:
    """A YAML file that ``load_yaml`` reads back."""
    documents = {"campaigns": [document(campaign) for campaign in campaigns]}
    return yaml.safe_dump(documents, allow_unicode=True, sort_keys=False)


def _canonical(document: object, campaign_id: str | None) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise CampaignInvalid("", "a campaign is an object")
    draft = {str(key): value for key, value in document.items()}
    if campaign_id is not None and draft.setdefault("id", campaign_id) != campaign_id:
        raise CampaignInvalid("id", f"is {draft['id']!r}, but the campaign's address says {campaign_id!r}")
    if "slot" in draft:
        if "slots" in draft:
            raise CampaignInvalid("slot", "give slot or slots, not both")
        draft["slots"] = [draft.pop("slot")]
    for key in ("start", "end"):
        if isinstance(draft.get(key), date):  # YAML reads an unquoted day or instant by itself
            draft[key] = draft[key].isoformat()
    if isinstance(draft.get("dayparts"), list):
        draft["dayparts"] = [_clocked(part) for part in draft["dayparts"]]
    if isinstance(draft.get("caps"), dict):
        draft["caps"] = [draft["caps"]]
    if isinstance(draft.get("budget"), int) and not isinstance(draft.get("budget"), bool):
        draft["budget"] = {"impressions": draft["budget"]}
    for key in ("audience", "caps", "dayparts", "group", "goal"):
        if draft.get(key, "") is None:
            del draft[key]
    return draft


def _clocked(part: object) -> object:
    """YAML reads an unquoted 18:00 as the number 1080: minutes in base 60."""
    if not isinstance(part, dict):
        return part
    minutes = {key: value for key, value in part.items() if key in ("from", "to") and type(value) is int}
    return {**part, **{key: f"{value // 60:02}:{value % 60:02}" for key, value in minutes.items()}}


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
