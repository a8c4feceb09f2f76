"""What no event tells: who entered a segment, whose day it is, moments, and the hour at which somebody visits."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from messages.occasions.dates import best_hour, day_of, due_on, falls_on, next_at
from messages.occasions.sweep import MemberStore, Sweep
from offers.segments.segment import Segment
from offers.segments.store import SegmentStore
from profiles.model import Counts, Profile, Session, Touch
from tests.support.machine import Clock
from tests.support.sending import Post, Scripted, buyer, campaign_document
from tracker.durations import DAY_MS, DAY_SECONDS, HOUR_MS

SEOUL = ZoneInfo("Asia/Seoul")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        *(("1990-05-17", (5, 17)), ("--05-17", (5, 17)), ("05-17", (5, 17)), ("1992-02-29", (2, 29))),
        *(("1990-05-17T00:00:00Z", (5, 17)), ("1990-13-01", None), ("17.5.1990", None), ("", None)),
        *((None, None), (19900517, None), ("1990-02-30", None), ("9" * 100, None)),
    ],
)
def test_the_day_of_a_trait(value: Any, day: tuple[int, int] | None):
    assert day_of(value) == day


def test_everybody_has_one_birthday_in_every_year():
    for year in (2026, 2027, 2028):
        days = [
            date.fromordinal(at)
            for at in range(date(year, 1, 1).toordinal(), date(year + 1, 1, 1).toordinal())
        ]
        for born in ((2, 28), (2, 29), (3, 1), (12, 31)):
            assert sum(falls_on(born, day) for day in days) == 1
    assert falls_on((2, 29), date(2028, 2, 29)) and not falls_on((2, 29), date(2028, 2, 28))


def test_days_begin_in_the_sites_timezone():
    due = datetime.fromtimestamp(due_on(date(2026, 12, 1), SEOUL) / 1000, UTC)
    assert (due.day, due.hour) == (1, 0)


def visiting(*starts: int) -> Profile:
    return Profile("u:1", sessions=[Session(str(at), at, at, Touch()) for at in starts])


def test_the_hour_at_which_a_person_visits():
    noon = 1_795_003_200_000  # 2026-11-18 12:00 UTC
    assert best_hour(visiting(noon, noon + DAY_MS), SEOUL) is None
    profile = visiting(noon, noon + DAY_MS + 60_000, noon + 5 * HOUR_MS)
    assert best_hour(profile, SEOUL) == 21
    assert next_at(21, noon, SEOUL) == noon
    assert next_at(21, noon + HOUR_MS, SEOUL) == noon + DAY_MS


@pytest.fixture
def channel() -> Scripted:
    return Scripted()


@pytest.fixture
def post(redis_url: str, tmp_path: Path, clock: Clock, channel: Scripted) -> Post:
    return Post(redis_url, clock, channel, folder=tmp_path)


def sweep_of(post: Post, clock: Clock) -> Sweep:
    segments = SegmentStore(post.url)
    stores = post.sites, post.campaigns, segments, post.profiles, post.ledger, MemberStore(post.url)
    return Sweep(*stores, clock=clock)


def test_entering_a_segment_counts_and_being_in_it_does_not(post: Post, clock: Clock, channel: Scripted):
    SegmentStore(post.url).put("default", Segment(id="buyers", name="Buyers", audience="orders > 0"))
    post.live(campaign_document(send={"when": {"enters": "buyers"}, "again": "1d"}))
    born = int(clock() * 1000) - DAY_MS
    one, two = buyer(1, born, counts=Counts(orders=1)), buyer(2, born)
    post.keep(one, two)
    sweep = sweep_of(post, clock)
    assert sweep.sweep(post.site) == 0  # the first look: who is in it has not entered it
    post.keep(structs.replace(two, counts=Counts(orders=1)))
    assert sweep.sweep(post.site) == 1
    assert sweep.sweep(post.site) == 0
    post.send()
    assert [each.address for each in channel.given] == ["p2@shop.example"]
    post.keep(two)
    assert sweep.sweep(post.site) == 0
    clock.advance(2 * DAY_SECONDS)
    post.keep(structs.replace(two, counts=Counts(orders=1)))
    assert sweep.sweep(post.site) == 1  # entered again


def test_a_sweep_that_was_broken_off_finds_the_same(
    post: Post, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    SegmentStore(post.url).put("default", Segment(id="buyers", name="Buyers", audience="orders > 0"))
    post.live(campaign_document(send={"when": {"enters": "buyers"}}))
    sweep = sweep_of(post, clock)
    sweep.sweep(post.site)
    post.keep(buyer(1, 0, counts=Counts(orders=1)), buyer(2, 0, counts=Counts(orders=2)))
    with monkeypatch.context() as broken:
        broken.setattr(MemberStore, "done", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sweep.sweep(post.site)
    assert sweep.sweep(post.site) == 0
    assert post.ledger.counts("default", "cart")["due"] == 2


def test_a_birthday_is_sent_once_a_year(post: Post, clock: Clock, channel: Scripted):
    post.live(campaign_document(send={"when": {"date": "trait.birthday"}}))
    today = datetime.fromtimestamp(clock(), UTC).date()
    traits = {"email": "p1@shop.example", "birthday": f"1990-{today:%m-%d}"}
    born = int(clock() * 1000)
    post.keep(buyer(1, born, traits=traits), buyer(2, born, traits={**traits, "birthday": "1990-01-01"}))
    sweep = sweep_of(post, clock)
    assert [sweep.sweep(post.site) for _ in range(3)] == [1, 0, 0]
    post.send()
    assert len(channel.given) == 1


def test_a_moment_comes_once_for_everybody(post: Post, clock: Clock):
    at = datetime.fromtimestamp(clock() + DAY_SECONDS, UTC).isoformat()
    post.live(campaign_document(send={"when": {"at": at}}))
    post.keep(buyer(1, 0), buyer(2, 0))
    sweep = sweep_of(post, clock)
    assert sweep.sweep(post.site) == 0
    clock.advance(DAY_SECONDS)
    assert [sweep.sweep(post.site) for _ in range(2)] == [2, 0]
