"""Known exports of ad accounts, by the names of their columns: who was paid, and for which channel."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from ingest.enrich.channels import arrival
from ingest.files.columns import plain
from tracker.fields.channel_rules import CHANNELS
from tracker.sites import Site


class CostPreset(NamedTuple):
    """An export is known by ``marks``: for each group of names, one that it has. ``source`` as links of it are tagged
    (utm_source); ``channel`` where no type of campaign says more."""

    name: str
    marks: tuple[tuple[str, ...], ...]
    source: str = ""
    channel: str = ""
    currency: str = ""


OTHER = CostPreset("", ())
_TYPE = ("campaigntype", "캠페인유형", "kampagnentyp")
PRESETS = (
    CostPreset(
        "Google Ads API",
        (("costmicros", "metricscostmicros"), ("segmentsdate", "date", "day")),
        "google",
        "paid search",
    ),
    CostPreset(
        "Meta Ads",
        (("campaignname", "캠페인이름", "kampagnenname"), ("reportingstarts", "보고시작", "berichtsstart")),
        "facebook",
        "paid social",
    ),
    CostPreset(
        "Naver Ads",
        (("캠페인", "campaign", "캠페인명"), ("총비용vat포함원", "총비용vat제외원", "총비용", "costkrw")),
        "naver",
        "paid search",
        "KRW",
    ),
    CostPreset(
        "Microsoft Ads",
        (("gregoriandate", "timeperiod", "day", "date"), ("campaignname", "campaign"), ("spend",)),
        "bing",
        "paid search",
    ),
    CostPreset(
        "TikTok Ads",
        (
            ("campaignname",),
            ("cost", "totalcost"),
            ("byday", "statdate", "date"),
            ("clicksdestination", "cpcdestination", "ctrdestination", "videoviews", "currency"),
        ),
        "tiktok",
        "paid social",
    ),
    CostPreset(
        "Google Ads",
        (
            ("campaign", "캠페인", "kampagne"),
            ("cost", "비용", "kosten"),
            ("currencycode", "통화코드", "währungscode", "impr", *_TYPE),
        ),
        "google",
        "paid search",
    ),
)

_TYPES: Mapping[str, str] = {
    **dict.fromkeys(
        ("search", "검색", "파워링크", "브랜드검색", "파워컨텐츠", "플레이스", "suche"), "paid search"
    ),
    **dict.fromkeys(("display", "디스플레이", "discovery", "demandgen"), "display"),
    **dict.fromkeys(("video", "동영상"), "paid video"),
    **dict.fromkeys(("shopping", "쇼핑", "쇼핑검색"), "paid shopping"),
    **dict.fromkeys(("performancemax", "실적최대화", "smart", "multichannel", "app"), ""),
}
"""Types of campaigns, as ``plain`` writes them. Those that run everywhere are of the preset's channel."""

_CHANNELS = {plain(name).removesuffix("s"): name for name in CHANNELS}
"""By their plain names, also in the plural."""


def preset_of(names: Sequence[str]) -> CostPreset:
    """The export that has these columns, else OTHER. A file that names its sources is none."""
    have = {plain(name) for name in names}
    have |= {plain(name.partition("(")[0]) for name in names}
    if have & {"source", "utmsource"}:
        return OTHER
    return next((each for each in PRESETS if all(have.intersection(group) for group in each.marks)), OTHER)


def channel_of_type(kind: str) -> str:
    """The channel of a campaign's type, "" for one that is not known or runs everywhere."""
    return _TYPES.get(plain(kind), "")


def channel_of(site: Site, source: str, medium: str, campaign: str, usual: str = "") -> str:
    """The channel that a visit so tagged has: by the site's own rules, else ``usual``, else by source and medium. A
    cost without a medium was paid by click."""
    tags = urlencode({"utm_source": source, "utm_medium": medium or "cpc", "utm_campaign": campaign})
    url = f"https://shop.example/?{tags}"
    came, ruled = arrival(url, ""), arrival(url, "", site)
    if came is None or ruled is None:
        return usual
    return ruled.channel if ruled.channel != came.channel else usual or came.channel


def channel_name(told: str) -> str:
    """A channel as visits name it; one that none has in small letters.

    >>> channel_name("Paid_Search"), channel_name("Email"), channel_name("Stickers")
    ('paid search', 'e-mail', 'stickers')
    """
    return _CHANNELS.get(plain(told).removesuffix("s"), " ".join(told.lower().split()))
