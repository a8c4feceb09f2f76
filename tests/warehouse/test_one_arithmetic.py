"""Every report counts the same visits, whatever happened: events of all kinds through a real ingest worker."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.worker.worker import Bounds
from profiles.facts import Facts
from profiles.model import Profile
from tests.support.ingest_streams import START, MemoryIngest, records, sites_of
from tests.support.visit_histories import arrivals, histories
from tests.support.visits_oracle import Sent, Visit, visits_of
from tracker.durations import DAY_MS
from tracker.event import Event
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.history import history as happened
from warehouse.funnel.funnel import Rules, funnel, parse_step
from warehouse.question.span import Span
from warehouse.reports.filtered import filtered
from warehouse.reports.goals import goals
from warehouse.reports.live import live
from warehouse.reports.overview import overview
from warehouse.reports.paths import paths
from web.desk.visitors.history import visits_of as timeline

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
EVER = Span(START - 2 * DAY_MS, START + 3 * DAY_MS, SITE.zone)
DAYS = [Span.parse(SITE, str(day), str(day)) for day in EVER.days()][1:-1]
WHOLE = Span(DAYS[0].start, DAYS[-1].end, SITE.zone)


def renamed(sent: Sent, person: int) -> Sent:
    """The same of another person."""
    event = sent.event
    visitor, user = (each and f"{each}-{person}" for each in (event.visitor, event.user))
    return sent._replace(
        event=msgspec.structs.replace(event, id=f"{event.id}-{person}", visitor=visitor, user=user)
    )


@st.composite
def shops(draw: st.DrawFn) -> tuple[list[Sent], list[Sent]]:
    """What several people did, by time, and in the order in which it arrived."""
    people = [
        draw(histories(10, draw(st.sampled_from([0.05, 1.0, 1.6])))) for _ in range(draw(st.integers(1, 4)))
    ]
    every = [renamed(one, person) for person, mine in enumerate(people) for one in mine]
    every.sort(key=lambda one: one.event.ts)
    return every, draw(st.just(every) | arrivals(every))


def stored(folder: Path, sent: Sequence[Sent], batch: int) -> tuple[Warehouse, list[Profile]]:
    """A warehouse and profiles after all of it went through ingest."""
    setup = MemoryIngest(folder, sites_of(folder, SITE))
    facts = {one.event.id: one.facts for one in sent}

    def known(event: Event, _site: Site) -> Facts:
        return facts[event.id]

    setup.log.append(records([one.event for one in sent]))
    warehouse = Warehouse(str(folder / "warehouse"))
    bounds = Bounds(batch=batch, poll_seconds=0.0, flush_rows=batch, flush_seconds=1e9)
    worker = setup.worker_with(bounds, warehouse=warehouse, facts=known)
    while worker.step():
        pass
    worker.flush()
    worker.close()
    return warehouse, list(setup.store.scan("default"))


def timelines(warehouse: Warehouse, profiles: Sequence[Profile]) -> int:
    """How many visits the desk's pages of all people show."""
    shown = [
        timeline(happened(warehouse, "default", profile.id, 0, 1000), SITE, lambda _: None)
        for profile in profiles
    ]
    return sum(visit.visited for visits in shown for visit in visits)


def visits_in(warehouse: Warehouse, span: Span) -> dict[str, int]:
    """How many visits each report has."""
    found = overview(warehouse, "default", span, "EUR")
    ways = [paths(warehouse, "default", span, direction=each) for each in ("from", "to")]  # type: ignore[arg-type]
    anything = Rules(window=DAY_MS, by_session=True)
    counted = {
        "overview": found.sessions,
        "series": sum(day.sessions for day in found.series),
        "by hour": sum(hour.sessions for hour in found.by_hour) if found.by_hour else found.sessions,
        "hours": sum(hour.sessions for hour in found.hours),
        "paths": ways[0].visits,
        "paths to": ways[1].visits,
        "starts of paths": sum(flow.visits for flow in ways[0].flows if flow.depth == 0),
    }
    for name in ("channels", "entries", "exits", "devices", "browsers", "countries"):
        counted[name] = sum(group.sessions for group in getattr(found, name))
    counted["filtered"] = sum(
        overview(filtered(warehouse, {"channel": each.channel}), "default", span, "EUR").sessions
        for each in found.channels
    )
    step = parse_step("page:*")
    in_funnel = funnel(warehouse, "default", [step], anything, span).steps[0].visitors
    (goal,) = goals(warehouse, "default", [step], span)
    without = sum(group.sessions for group in found.entries if group.name == "")
    counted |= {"funnel": in_funnel + without, "goal": goal.visits + without}
    return counted


def began(visits: Sequence[Visit], span: Span) -> list[Visit]:
    return [visit for visit in visits if span.start <= visit.start < span.end]


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(shop=shops(), batch=st.sampled_from([3, 1000]))
def test_every_report_counts_the_visits_that_there_were(
    shop: tuple[list[Sent], list[Sent]], batch: int
) -> None:
    every, sent = shop
    visits = visits_of(every)
    with tempfile.TemporaryDirectory() as folder:
        warehouse, profiles = stored(Path(folder), sent, batch)
        counted = visits_in(warehouse, WHOLE)
        counted["live"] = live(warehouse, "default", WHOLE.start).sessions
        # What a browser does that only claims to be a customer is in both profiles, and in reports the customer's.
        people = [each for each in profiles if not each.feeds_customer]
        counted["profiles"] = sum(each.counts.visits for each in people)
        counted["timelines"] = timelines(warehouse, people)
        counted["days"] = 0
        for day in DAYS:
            mine = began(visits, day)
            alone = visits_in(warehouse, day)
            assert alone == dict.fromkeys(alone, len(mine))
            counted["days"] += alone["overview"]
        assert counted == dict.fromkeys(counted, len(visits))
        found = overview(warehouse, "default", WHOLE, "EUR")
        assert found.bounce_rate * len(visits) == pytest.approx(
            sum(len(visit.deeds) == 1 for visit in visits)
        )
        # Of several deeds in one millisecond the one with a campaign counts, which a row written before it cannot know.
        if all(len({deed.event.ts for deed in visit.deeds[:2]}) == len(visit.deeds[:2]) for visit in visits):
            assert {each.channel: each.sessions for each in found.channels} == Counter(
                visit.touch.channel for visit in visits
            )
        warehouse.engine.close()
