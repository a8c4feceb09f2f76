"""The days a page looks at: from the address, in the site's timezone, with the period before for comparison."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode

from tracker.sites import Site
from warehouse.question.span import Span
from web.drawing import formats
from web.language import lazy_gettext as _l
from web.reports.filters import Filters, filters_of
from web.reports.reports import ReportScope

DEFAULT_DAYS = 28
LONGEST_DAYS = 3 * 366
PRESETS = ((_l("Today"), 1), (_l("7 days"), 7), (_l("28 days"), 28), (_l("90 days"), 90))


@dataclass(frozen=True, slots=True)
class Preset:
    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days, both inclusive, and what the page is narrowed to. ``path`` and ``page_query`` make the links;
    ``chosen`` says that the address named the days."""

    first: date
    last: date
    today: date
    path: str = "/desk"
    page_query: tuple[tuple[str, str], ...] = ()
    filters: Filters = field(default_factory=Filters)
    chosen: bool = False

    def span(self, site: Site) -> Span:
        """What the reports take."""
        return Span.parse(site, self.first.isoformat(), self.last.isoformat())

    def scope(self, site: Site) -> ReportScope:
        return ReportScope(site, self.span(site), self.filters)

    def scope_before(self, site: Site) -> ReportScope:
        return ReportScope(site, self.span(site).before(), self.filters)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> tuple[date, date]:
        """The period of the same length that went before."""
        return self.first - timedelta(self.days), self.first - timedelta(1)

    @property
    def title(self) -> str:
        return formats.days(self.first, self.last)

    @property
    def before_title(self) -> str:
        return formats.days(*self.before)

    @property
    def query(self) -> list[tuple[str, str]]:
        """The period and the filters, as every link of the page carries them."""
        return [("from", self.first.isoformat()), ("to", self.last.isoformat()), *self.filters.query]

    @property
    def said(self) -> list[tuple[str, str]]:
        """The dates, where the address names them, for a page that takes none but hands them on."""
        return self.query[:2] if self.chosen else []

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the menu takes along to other pages: dates only where they were chosen, so that today stays today."""
        return [*self.said, *self.filters.query]

    def link(self, **changes: str) -> str:
        """The page with these filters changed."""
        query = [*self.page_query, *replace(self, filters=replace(self.filters, **changes)).query]
        return f"{self.path}?{urlencode(query)}"

    @property
    def presets(self) -> list[Preset]:
        return [self._preset(str(label), days) for label, days in PRESETS]

    def _preset(self, label: str, days: int) -> Preset:
        first = self.today - timedelta(days - 1)
        query = [*self.page_query, *replace(self, first=first, last=self.today).query]
        current = (self.first, self.last) == (first, self.today)
        return Preset(label, f"{self.path}?{urlencode(query)}", current)


def period_of(
    args: Mapping[str, str], site: Site, now: float, path: str, page_query: tuple[tuple[str, str], ...] = ()
) -> Period:
    """The period that ``from`` and ``to`` name; the last DEFAULT_DAYS when they name none that can be shown."""
    today = datetime.fromtimestamp(now, site.zone).date()
    filters = filters_of(args)
    usual = Period(today - timedelta(DEFAULT_DAYS - 1), today, today, path, page_query, filters)
    try:
        first, last = date.fromisoformat(args.get("from", "")), date.fromisoformat(args.get("to", ""))
    except ValueError:
        return usual
    first, last = min(first, last), min(max(first, last), today)
    if first > last or first.year < 2000:
        return usual
    return Period(
        max(first, last - timedelta(LONGEST_DAYS)), last, today, path, page_query, filters, chosen=True
    )
