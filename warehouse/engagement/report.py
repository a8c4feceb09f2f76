"""For how long pages were in front of visitors and how far they were read, by page and by channel.

A page tells it with ``Page Engaged`` (``events: 'all'`` of the snippet), several times while it is open: seconds add
up, of the part that was seen the largest counts. Each belongs to the newest view before it of its page in its visit. A
view or visit without any is not measured, and is in no average. Views and visits are those of the overview: a visit
counts whole where it begins, under the channel of its first deed.
"""

from dataclasses import dataclass

from tracker.durations import DAY_SECONDS
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import ORDER
from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

LIMIT = 200

_MOST_SECONDS = DAY_SECONDS
"""Of one event: a page that says more is wrong."""

_VIEWS = f"""
select session, path, ts, row_number() over (order by session, {ORDER}) as view
from visit_events where {PAGEVIEW}
"""
_CAME = f"""
select session, arg_min(channel, place) as channel, coalesce(bool_or(demo), false) as demo from (
    select session, channel, demo, row_number() over (partition by session order by {ORDER}) as place
    from visit_events where {CAUSED}
) group by session
"""
_TOLD = f"""
select session, if(told = '', '/', try(url_decode(told))) as path, ts, seconds, scroll from (
    select session, ts, props ->> '$.href' as href,
           regexp_extract(href, '^[^:/?#]+://[^/?#]*([^?#]*)', 1) as told,
           try_cast(props ->> '$.seconds' as double) as seconds, try_cast(props ->> '$.scroll' as double) as scroll
    from visit_events where type = 'track' and name = 'Page Engaged'
) where href like '%://%' and seconds > 0 and seconds <= {_MOST_SECONDS}
"""
_MEASURED = """
select view, sum(seconds) as seconds, max(least(greatest(scroll, 0), 100)) as scroll
from told asof join views on told.session = views.session and told.path = views.path and told.ts >= views.ts
group by view
"""
_READ = "select * from views join came using (session) left join measured using (view)"
_OF_VIEWS = """
count(*) as views, count(seconds) as measured, avg(seconds) as seconds, median(seconds) as seconds_median,
quantile_cont(scroll, 0.25) as scroll_low, median(scroll) as scroll_median, quantile_cont(scroll, 0.75) as scroll_high
"""
_OF_VISITS = """
select channel, session, sum(seconds) as seconds from came left join read using (session, channel) group by all
"""
_VISIT_FIGURES = """
count(*) as visits, count(seconds) as visits_measured, avg(seconds) as visit_seconds,
median(seconds) as visit_seconds_median
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewFigures:
    """Of page views, ``measured`` are those that told of themselves; the rest is about these, None without any:
    seconds in front, their mean and median, and how much of the page was seen, in percent, with both quartiles."""

    views: int
    measured: int
    seconds: float | None
    seconds_median: float | None
    scroll_low: float | None
    scroll_median: float | None
    scroll_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagedPage(ViewFigures):
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagedChannel(ViewFigures):
    """``visits`` of the channel, and of those that were measured the seconds in front, all pages together."""

    channel: str
    visits: int
    visits_measured: int
    visit_seconds: float | None
    visit_seconds_median: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Engagement(ViewFigures):
    """Lists hold those with the most views first. ``demo`` says that some of it is demo data."""

    visits: int
    visits_measured: int
    visit_seconds: float | None
    visit_seconds_median: float | None
    demo: bool
    pages: tuple[EngagedPage, ...]
    channels: tuple[EngagedChannel, ...]


def engagement(events: Events, site: str, span: Span, most: int = LIMIT) -> Engagement:
    """Of the visits to ``site`` that begin in ``span``; lists hold at most ``most``. Raises WarehouseUnavailable."""
    prepared = {
        "views": _VIEWS,
        "came": _CAME,
        "told": _TOLD,
        "measured": _MEASURED,
        "read": _READ,
        "visited": _OF_VISITS,
    }
    queries = {
        "whole": f"""
            select v.*, s.*, coalesce((select bool_or(demo) from came), false) as demo
            from (select {_OF_VIEWS} from read) v, (select {_VISIT_FIGURES} from visited) s
        """,
        "pages": f"select path, {_OF_VIEWS} from read group by path order by views desc, path limit $most",
        "channels": f"""
            select s.channel, s.* exclude (channel), v.* exclude (channel)
            from (select channel, {_VISIT_FIGURES} from visited group by channel) s
            left join (select channel, {_OF_VIEWS} from read group by channel) v using (channel)
            order by visits desc, channel limit $most
        """,
    }
    tables = events.tables(queries, Scope(site, span.start, span.end), {"most": most}, prepared)
    rows = {name: table.to_pylist() for name, table in tables.items()}
    channels = [
        {**row, "views": row["views"] or 0, "measured": row["measured"] or 0} for row in rows["channels"]
    ]
    return Engagement(
        **rows["whole"][0],
        pages=tuple(EngagedPage(**row) for row in rows["pages"]),
        channels=tuple(EngagedChannel(**row) for row in channels),
    )
