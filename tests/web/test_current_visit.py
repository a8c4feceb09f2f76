"""What a visit is: everything that /v1/personalize decides follows the site's own session settings."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from ingest.enrich.channels import arrival
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, apply
from profiles.model import ItemTouch, Profile, Session, Touch
from profiles.session_rules import rules_of
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.event import Event
from tracker.sites import Site

pytestmark = pytest.mark.redis

SPRING, SUMMER = ("https://shop.example/?utm_campaign=" + name for name in ("spring", "summer"))
MINUTE = 60
StageOf = Callable[..., Stage]


@pytest.fixture
def stage_with(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> StageOf:
    """An installation whose site has these settings, with an offer that a visitor may see once a session."""

    def made(**settings: Any) -> Stage:
        stage = stage_of(tmp_path, redis_url, msgspec.structs.replace(site, **settings), clock)
        offer(stage, "hero", caps=[{"limit": 1, "per": "session"}])
        return stage

    return made


def offer(stage: Stage, campaign: str, **more: Any) -> None:
    creative = {"id": "a", "kind": "json", "content": {"title": "Hi"}}
    body = {"name": campaign, "status": "live", "slot": campaign, "creatives": [creative], **more}
    assert stage.call("PUT", f"/v1/campaigns/{campaign}", json=body).status_code == 200


def shown(stage: Stage, slot: str = "hero", url: str | None = None) -> bool:
    asked = {
        "visitor": "a1",
        "slots": [{"id": slot, "kind": "offer"}],
        **({"page": {"url": url}} if url else {}),
    }
    answer = stage.call("POST", "/v1/personalize", "wk_test", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json["slots"][slot]["offer"] is not None


def view_page(stage: Stage, clock: Clock, campaign: str = "") -> None:
    """What ingest makes of a page that the visitor looks at now."""
    store, ts = stage.profiles, int(clock() * 1000)
    stored = store.load("default", ["v:a1"])["v:a1"]
    profile = stored.profile or Profile("v:a1", visitors=["a1"])
    event = Event(
        site="default", id=f"e{ts}", type="page", visitor="a1", ts=ts, received=ts, source="snippet"
    )
    settings = Settings(rules_of(stage.site))
    apply(profile, event, Facts(campaign_key=campaign), settings, LogPosition("a1", 0, ts))
    assert store.save("default", [Write("v:a1", stored.version or ABSENT, profile)])


def answers(stage: Stage, clock: Clock, minutes: list[float], viewing: bool) -> list[bool]:
    """Whether the offer is shown at each of these minutes; ``viewing``: ingest hears of a page view each time."""
    told, began = [], clock.now
    for minute in minutes:
        clock.now = began + MINUTE * minute
        told.append(shown(stage))
        if viewing:
            view_page(stage, clock)
    return told


@pytest.mark.parametrize("viewing", [True, False], ids=["ingest knows", "ingest lags"])
@pytest.mark.parametrize(
    ("settings", "minutes", "expected"),
    [
        ({}, [0, 29, 59, 90], [True, False, False, True]),
        ({"session_timeout_minutes": 60}, [1, 39, 98, 159], [True, False, False, True]),
        ({"session_timeout_minutes": 10}, [1, 10, 20, 31], [True, False, False, True]),
        ({"session_timeout_minutes": 1}, [0, 0.8, 1.6, 2.4, 3.5], [True, False, False, False, True]),
        ({"session_max_hours": 1}, [0, 25, 50, 61, 80], [True, False, False, True, False]),
        ({"session_max_hours": 1}, [0, 30, 59.9, 60], [True, False, False, True]),
    ],
)
def test_a_cap_of_one_a_session_follows_the_sites_settings(
    stage_with: StageOf,
    clock: Clock,
    viewing: bool,
    settings: dict[str, Any],
    minutes: list[float],
    expected: list[bool],
) -> None:
    assert answers(stage_with(**settings), clock, minutes, viewing) == expected


@pytest.mark.parametrize("viewing", [True, False], ids=["ingest knows", "ingest lags"])
@pytest.mark.parametrize("split", [True, False])
def test_midnight_of_the_sites_timezone_begins_a_visit_where_the_site_wants_it(
    stage_with: StageOf, clock: Clock, viewing: bool, split: bool
) -> None:
    stage = stage_with(timezone="Asia/Seoul", session_split_midnight=split)
    clock.now = datetime(2026, 11, 18, 23, 45, tzinfo=ZoneInfo("Asia/Seoul")).timestamp()
    assert answers(stage, clock, [0, 14, 16, 25], viewing) == [True, False, split, False]


@pytest.mark.parametrize("split", [True, False])
def test_another_campaign_begins_a_visit_unless_the_site_does_not_want_it(
    stage_with: StageOf, clock: Clock, split: bool
) -> None:
    stage = stage_with(session_split_campaign=split)
    told = []
    for url in (SPRING, SPRING, SUMMER, SUMMER, None):
        told.append(shown(stage, url=url))
        clock.advance(MINUTE)
    assert told == [True, False, split, False, False]


def test_a_campaign_that_only_ingest_knows_begins_a_visit(stage_with: StageOf, clock: Clock) -> None:
    """The shop's server asks, and says nothing of the page."""
    stage = stage_with()
    assert shown(stage)
    view_page(stage, clock)
    clock.advance(5 * MINUTE)
    view_page(stage, clock, "spring")
    assert [shown(stage), shown(stage)] == [True, False]


def test_a_page_that_is_loaded_again_does_not_begin_a_visit(stage_with: StageOf, clock: Clock) -> None:
    stage = stage_with()
    told = []
    for _ in range(3):
        told.append(shown(stage, url=SPRING))
        view_page(stage, clock, arrival(SPRING, "").key)  # type: ignore[union-attr]
        clock.advance(MINUTE)
    assert told == [True, False, False]


@pytest.mark.parametrize(("minutes", "expected"), [(60, [False, False, True]), (10, [False, True, True])])
def test_audiences_ask_about_the_visit_before_the_one_going_on(
    stage_with: StageOf, clock: Clock, minutes: int, expected: list[bool]
) -> None:
    stage = stage_with(session_timeout_minutes=minutes)
    offer(stage, "back", audience="days_since_last_visit exists")
    view_page(stage, clock)
    told = []
    for wait in (5, 34, 61):
        clock.advance(wait * MINUTE)
        told.append(shown(stage, "back"))
    assert told == expected


@pytest.mark.parametrize(("minutes", "expected"), [(60, ("shoes",)), (10, ())])
def test_recommendations_follow_the_visit_going_on(
    stage_with: StageOf, clock: Clock, minutes: int, expected: tuple[str, ...]
) -> None:
    stage, now = stage_with(session_timeout_minutes=minutes), int(clock() * 1000)
    profile = Profile("v:a1", visitors=["a1"], items=[ItemTouch("shoes", "view", now)])
    profile.sessions = [Session("aaaaaaaa1", now, now, Touch(), 1)]
    clock.advance(39 * MINUTE)
    recommender = stage.stores.models.shops("default").recommender
    assert recommender.visitor(profile, rules=rules_of(stage.site)).session == expected
