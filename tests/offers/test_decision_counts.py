"""Decision counts: each decision once, by day of the site."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from offers.decision import decision_counts as decided_module
from offers.decision.decision_counts import (
    KEEP_DAYS,
    DecisionCounts,
    DecisionCountStore,
    DecisionCountsUnavailable,
    count_decisions,
)
from tests.support.machine import Clock, RedisServer
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.sites import Site

pytestmark = pytest.mark.redis

PHONE, DESKTOP = "regular|phone|mail", "prospect|desktop|search"


def today(clock: Clock, zone: str = "UTC") -> date:
    return datetime.fromtimestamp(clock(), ZoneInfo(zone)).date()


def read(store: DecisionCountStore, site: Site, *days: date, campaign: str = "c") -> DecisionCounts:
    found = store.read(site, campaign, days)
    assert found is not None
    return found


def test_counts_of_several_processes_add_up(redis_url: str, clock: Clock, site: Site) -> None:
    one, two = (DecisionCountStore(redis_url, timeout=10, clock=clock) for _ in range(2))
    one.add(site, [("c", "a", PHONE), ("c", "b", DESKTOP), ("other", "a", PHONE)])
    one.add(site, [("c", "a", "")])
    two.add(site, [("c", "a", PHONE)])
    assert read(one, site, today(clock)).total == 0  # nothing was written yet
    for store in (one, two, one):
        store.flush()
    two.add(site, [("c", "a", PHONE)])
    two.flush()
    day = today(clock)
    assert read(two, site, day) == DecisionCounts(
        {"a": 4, "b": 1},
        {day.isoformat(): 5},
        {"regular": 3, "prospect": 1, "": 1},
        {"phone": 3, "desktop": 1, "": 1},
        {"mail": 3, "search": 1, "": 1},
    )
    assert read(two, site, day, campaign="other").total == 1
    assert read(two, site, day, campaign="nothing").total == 0


def test_a_day_is_the_site_s(redis_url: str, clock: Clock) -> None:
    seoul = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
    store = DecisionCountStore(redis_url, timeout=10, clock=clock)
    clock.now = 1_795_014_000  # 15:00 UTC: midnight in Seoul
    for _ in range(2):
        store.add(seoul, [("c", "a", PHONE)])
        clock.now -= 1
    store.flush()
    days = [date(2026, 11, 18), date(2026, 11, 19)]
    assert read(store, seoul, *days).days == {each.isoformat(): 1 for each in days}
    assert read(store, seoul, days[1]).total == 1


def test_what_was_written_though_nobody_heard_is_not_written_twice(
    redis_url: str, clock: Clock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = DecisionCountStore(redis_url, timeout=10, clock=clock)
    store.add(site, [("c", "a", PHONE), ("d", "a", PHONE)])
    whole, answers = store._commands.execute, iter([False])

    def deaf(commands):
        told = whole(commands)
        if next(answers, True):
            return told
        raise OSError("the answer was lost")

    monkeypatch.setattr(store._commands, "execute", deaf)
    with pytest.raises(DecisionCountsUnavailable):
        store.flush()
    store.add(site, [("c", "a", PHONE)])
    store.flush()  # what was left, and what came since
    day = today(clock)
    assert read(store, site, day).total == 2
    store.flush()
    assert (read(store, site, day).total, read(store, site, day, campaign="d").total) == (2, 1)


def test_counts_wait_for_a_redis_that_comes_back(own_redis: RedisServer, clock: Clock, site: Site) -> None:
    store = DecisionCountStore(own_redis.url, timeout=10, clock=clock)
    store.add(site, [("c", "a", PHONE)])
    own_redis.kill()
    for _ in range(2):
        with pytest.raises(DecisionCountsUnavailable):
            store.flush()
    with pytest.raises(DecisionCountsUnavailable):
        store.read(site, "c", [today(clock)])
    own_redis.start()
    store.flush()
    assert read(store, site, today(clock)).total == 1


def test_counts_have_a_lifetime_and_a_day_s_names_are_bounded(
    redis_url: str, clock: Clock, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decided_module, "FIELDS_MOST", 20)
    store = DecisionCountStore(redis_url, timeout=10, clock=clock)
    store.add(site, [("c", "a", PHONE)])
    store.flush()
    store.add(site, [("c", "a", f"regular|phone|{n}") for n in range(100)])
    store.flush()
    key = f"dg:decided:default:c:{today(clock)}"
    client = store._commands._client
    assert client.hlen(key) <= 21
    assert read(store, site, today(clock)).total == 101
    assert (KEEP_DAYS - 1) * DAY_SECONDS < client.ttl(key) <= KEEP_DAYS * DAY_SECONDS
    clock.advance(KEEP_DAYS * DAY_SECONDS)
    assert store.read(site, "c", [date(2026, 11, 18)]) is None


def test_decisions_known_one_by_one_are_counted_alike() -> None:
    found = count_decisions([("a", 0, PHONE), ("b", DAY_MS, ""), ("a", 5, "x|y")], UTC)
    assert found.total == 3 and found.days == {"1970-01-01": 2, "1970-01-02": 1}
    assert found.devices == {"phone": 1, "": 1, "y": 1} and found.channels == {"mail": 1, "": 2}
