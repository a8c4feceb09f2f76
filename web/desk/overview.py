"""The overview: figures of a period beside the one before, by day, by channel, by page."""

from dataclasses import dataclass

from web.charts import Plot

METRICS = ("visitors", "sessions", "pageviews", "orders", "revenue", "bounce_rate")
LABELS = {
    "visitors": "Visitors",
    "sessions": "Visits",
    "pageviews": "Page views",
    "orders": "Orders",
    "revenue": "Revenue",
    "bounce_rate": "Bounce rate",
}
DAILY = METRICS[:-1]
CHANNELS = {
    "direct": "Direct",
    "search": "Search engines",
    "organic": "Search engines",
    "paid": "Paid search",
    "paid-search": "Paid search",
    "social": "Social networks",
    "paid-social": "Paid social",
    "email": "E-mail",
    "referral": "Other sites",
    "display": "Display ads",
    "affiliate": "Affiliates",
    "campaign": "Campaigns",
    "internal": "Own pages",
}
ROWS = 10
AXIS_LABELS = 6


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    label: str
    value: str
    change: float | None
    better: str
    href: str
    daily: bool


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    value: float
    share: float
    extra: str


@dataclass(frozen=True, slots=True)
class Day:
    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OverviewView:
    """What the template draws. ``plot_points`` is JSON for the cursor of desk.js."""

    demo: bool
    nothing_ever: bool
    headline: str
    metric: str
    figures: tuple[Figure, ...]
    plot: Plot
    plot_points: str
    plot_label: str
    ticks: tuple[str, ...]
    axis: tuple[str, ...]
    days: tuple[Day, ...]
    channels: tuple[Row, ...]
    pages: tuple[Row, ...]
