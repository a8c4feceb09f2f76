"""Non-inferiority: how often the gate accepts models whose true quality is known, and where a chain of them ends."""

import numpy as np
import pytest

from recommender.evaluation.cases import Case
from recommender.evaluation.gate import AGED_DAYS, decide, excuse, outgrown, round_up, verdict
from recommender.evaluation.non_inferiority import ALLOWED, compared, is_better, is_not_worse, is_worse
from recommender.model.card import Card, Compared
from tests.support.paired_models import cases, paired
from tracker.durations import DAY_MS


def accepted(change: float, sessions: int, rounds: int = 400) -> float:
    """The share of candidates that go live, without an excuse."""
    chance, rows = np.random.default_rng(7), cases(sessions)
    return float(
        np.mean(
            [
                decide(compared("live", rows, *paired(change, sessions, chance)), None) == "not worse"
                for _ in range(rounds)
            ]
        )
    )


@pytest.mark.parametrize("sessions", [30, 100, 400, 1_600])
def test_a_model_that_is_worse_by_what_is_allowed_rarely_goes_live(sessions: int):
    assert accepted(-ALLOWED, sessions) <= 0.05


def test_an_equal_model_goes_live_where_there_are_sessions_enough_and_a_better_one_before_that():
    chance = np.random.default_rng(1)
    needed = compared("live", cases(400), *paired(0.0, 400, chance)).needed
    assert 2_000 < needed < 5_000
    assert accepted(0.0, 100) < 0.1
    assert 0.8 < accepted(0.0, needed, 200) < 0.98
    assert accepted(0.05, needed // 2, 200) > 0.85


def test_few_sessions_show_nothing_even_if_all_of_them_are_equal():
    for count in (0, 1, 30, 99):
        result = compared("live", cases(count), [0.33] * count, [0.33] * count)
        assert decide(result, None) == "not shown"
    assert decide(compared("live", cases(400), [0.33] * 400, [0.33] * 400), None) == "not worse"


def test_the_interval_is_that_of_the_paired_differences():
    """Ten sessions won by 0.5 and ten lost, and one more of each, wholly: (20 · 0.25 + 2) ** 0.5 / 20 · 1.96."""
    ours, theirs = [1.0, 0.5] * 10, [0.5, 1.0] * 10
    result = compared("live", cases(20), ours, theirs)
    assert (result.difference, result.sessions) == (0.0, 20)
    assert result.margin == pytest.approx(1.96 * 7**0.5 / 20, abs=1e-5)
    assert result.allowed == pytest.approx(0.05 * 0.75)
    assert result.needed == pytest.approx((3.24**2) * 7 / 20 / 0.0375**2, abs=1)


def test_moments_of_one_session_and_sessions_of_one_person_are_not_independent():
    one = [Case(n // 10, (), 0, 0, frozenset()) for n in range(100)]
    assert compared("live", one, [1.0] * 100, [0.5] * 100).sessions == 10
    chance = np.random.default_rng(3)
    won = np.repeat(chance.choice([-0.3, 0.3], 40), 10)
    people = [Case(n, (), 0, 0, frozenset(), person=n // 10) for n in range(400)]
    alone = compared("live", cases(400), 0.5 + won, [0.5] * 400)
    together = compared("live", people, 0.5 + won, [0.5] * 400)
    assert together.margin > 2.5 * alone.margin
    assert together.difference == alone.difference


def test_what_follows_from_the_comparisons():
    good = Compared("live", 900, 0.001, 0.01, 0.015, 500)
    bad, open_one = (
        good.__class__("v", 900, -0.03, 0.01, 0.015, 500),
        Compared("v", 140, 0.0, 0.05, 0.015, 2_257),
    )
    assert is_worse(bad) and not is_worse(open_one) and not is_not_worse(open_one) and not is_better(good)
    assert decide(good, None) == decide(good, good) == "not worse"
    assert decide(bad, None, "aged") == decide(bad, good, "outgrown") == "worse"
    assert decide(good, bad, "aged") == "drifted"
    assert decide(good, open_one) == decide(open_one, good) == "not shown"
    assert decide(good, open_one, "aged") == decide(open_one, None, "aged") == "aged"
    told = verdict("not shown", good, open_one)
    assert told.startswith("kept live: not shown to lose less than 5 % to v on 140 held-out sessions")
    assert told.endswith("needs about 2,300 sessions, has 140")
    assert [round_up(count) for count in (0, 7, 99, 101, 2_257, 68_001)] == [0, 7, 99, 110, 2_300, 69_000]


def test_an_old_or_outgrown_live_model_excuses():
    now = 1_000 * DAY_MS
    live = Card(version="v", site="s", made=now - 29 * DAY_MS, events=1_000, items=100)
    candidate = Card(version="w", site="s", made=now, events=1_999, items=199)
    assert excuse(candidate, live, now) == ""
    assert excuse(candidate, live, int(live.made + AGED_DAYS * DAY_MS)) == "aged"
    for more in ({"events": 2_000}, {"items": 200}):
        grown = Card(**{"version": "w", "site": "s", "made": now, "events": 1_999, "items": 199, **more})
        assert outgrown(grown, live)
        assert excuse(grown, live, now) == "outgrown"


def chain(change: float, sessions: int, anchored: bool, trainings: int = 100) -> float:
    """The quality that is left after trainings each of which makes the live model's next one ``change`` better."""
    chance, rows, quality, best = np.random.default_rng(2), cases(sessions), 1.0, 1.0
    for _ in range(trainings):
        candidate = quality * (1 + change)
        to_live = compared("live", rows, *paired(change, sessions, chance))
        to_best = (
            compared("best", rows, *paired(candidate / best - 1, sessions, chance)) if anchored else None
        )
        if decide(to_live, to_best) == "not worse":
            quality = candidate
            if is_better(to_best or to_live):
                best = candidate
    return quality


def test_a_hundred_slightly_worse_models_do_not_drift_without_end():
    """Each one loses less than is allowed to the one before. Without the anchor almost nothing is left in the end."""
    assert chain(-0.02, 3_000, anchored=False) < 0.7
    for change, sessions in ((-0.02, 3_000), (-0.01, 6_000), (-0.04, 3_000)):
        assert chain(change, sessions, anchored=True) >= 1 - 1.5 * ALLOWED


def test_the_anchor_does_not_hold_back_what_is_better():
    assert chain(0.02, 6_000, anchored=True, trainings=15) > 1.15
