"""What the live view and the live report cover: the last minutes."""

from tracker.durations import MINUTE_MS
from tracker.sites import Site
from warehouse.question.span import Span
from web.reports.filters import Filters
from web.reports.reports import ReportScope

MINUTES = 5


def just_now(site: Site, filters: Filters, now: float) -> ReportScope:
    """The last MINUTES before ``now`` (seconds), narrowed by ``filters``."""
    end = int(now * 1000) + 1
    return ReportScope(site, Span(end - 1 - MINUTES * MINUTE_MS, end, site.zone), filters)
