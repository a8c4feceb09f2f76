"""Scores: from orders in a real warehouse onto profiles."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from customers.groups.groups import Groups
from dangol.jobs.scoring import Scoring
from offers.audience.audience import Audience
from profiles.erasures import Cutoffs, digest
from profiles.model import Counts, Profile
from profiles.standing import cell_of, quadrant_of
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ABSENT, Write
from tests.support.scored_shop import SITE, history, order, shop
from tests.support.warehouse_rows import NOON
from tracker.durations import DAY_MS
from warehouse.question.scope import Scope


def known(*ids: str) -> MemoryProfiles:
    profiles = MemoryProfiles()
    profiles.save("default", [Write(each, ABSENT, Profile(id=each, scores={"taste": 3.0})) for each in ids])
    return profiles


def test_a_young_shop_has_fifths_only(tmp_path: Path) -> None:
    rows = [order(f"v:{n}", NOON - n * DAY_MS, 10.0 * (n + 1), str(n)) for n in range(5)]
    profiles = known(*(f"v:{n}" for n in range(4)))
    scoring = Scoring(shop(tmp_path, rows), profiles, clock=lambda: NOON / 1000)
    assert scoring.run(SITE) == 4, "who was erased is not made again"
    found = profiles.find("default", "0")
    fifths = {"recency": 5.0, "frequency": 3.0, "monetary": 1.0}
    assert found and found.scores == {"taste": 3.0, **fifths, "contribution": 10.0, "day": NOON // DAY_MS}
    assert profiles.find("default", "4") is None
    assert scoring.run(SITE) == 0, "nothing changed, nothing is written"
    for days, written in ((6, 0), (7, 4)):
        later = NOON + days * DAY_MS
        again = Scoring(scoring._warehouse, profiles, clock=lambda later=later: later / 1000)  # type: ignore[misc]
        assert again.run(SITE) == written, "scores say of which day they are, a week old at most"
    found = profiles.find("default", "0")
    assert found and found.scores == {"taste": 3.0, **fifths, "contribution": 10.0, "day": NOON // DAY_MS + 7}


def test_risk_and_value_of_a_shop_with_history(tmp_path: Path) -> None:
    rows = history(400, 300)
    rows += [order("v:faithful", NOON - day * DAY_MS, 30.0, f"f{day}") for day in range(5, 300, 10)]
    rows += [order("v:gone", NOON - day * DAY_MS, 30.0, f"g{day}") for day in range(200, 300, 10)]
    rows += [order("v:returned", NOON - 20 * DAY_MS, 300.0, "r")]
    rows += [order("v:returned", NOON - 10 * DAY_MS, -300.0, "r", "Order Refunded")]
    rows += [
        order("v:noted", NOON - 20 * DAY_MS, 300.0, "n"),
        order("v:noted", NOON, -300.0, "", "Order Refunded"),
    ]
    rows[-1] = rows[-1]._replace(order=None)
    names = ("faithful", "gone", "returned", "noted")
    profiles = known(*(f"v:{name}" for name in names))
    profiles.update("default", "v:gone", lambda one: one)
    scoring = Scoring(shop(tmp_path, rows), profiles, risk_days=60, clock=lambda: NOON / 1000)
    scoring.run(SITE)
    faithful, gone, returned, noted = (
        found.scores for name in names if (found := profiles.find("default", name))
    )
    assert faithful["risk60"] < 0.25 < 0.85 < gone["risk60"]
    assert 400 < faithful["clv"] < 30 * 36.5, "30 every ten days, were they sure to stay all year"
    assert faithful["clv_low"] < faithful["clv"] < faithful["clv_high"]
    assert gone["clv"] < 0.1 * faithful["clv"]
    assert 0 <= faithful["next_order"] - NOON // DAY_MS <= 12 and "next_order" not in gone
    assert (faithful["recency"], faithful["frequency"], faithful["monetary"]) == (5, 5, 5)
    for nothing_left in (returned, noted):
        assert nothing_left["clv"] == nothing_left["clv_high"] == nothing_left["contribution"] == 0
        assert "risk60" not in nothing_left and "recency" not in nothing_left
    card = scoring.card
    assert card and card.risk and card.value and card.risk.better and card.value.better
    assert card.risk.days == 60 and card.risk.held <= card.risk.said
    assert card.value.low < card.value.happened < card.value.high


def test_scores_that_are_not_computed_any_more_go(tmp_path: Path) -> None:
    rows = [order("v:one", NOON, 10.0, "1")]
    profiles = MemoryProfiles()
    old = {"churn": 0.9, "risk90": 0.9, "clv": 50.0, "taste": 3.0}
    profiles.save("default", [Write("v:one", ABSENT, Profile(id="v:one", scores=old))])
    Scoring(shop(tmp_path, rows), profiles, clock=lambda: NOON / 1000).run(SITE)
    found = profiles.find("default", "one")
    assert found and found.scores.keys() == {
        "taste",
        "recency",
        "frequency",
        "monetary",
        "contribution",
        "day",
    }


def test_a_profile_that_changes_meanwhile_keeps_both(tmp_path: Path) -> None:
    """Ingest writes between the job's read and its write."""

    class Busy(MemoryProfiles):
        def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
            if len(writes) > 1:
                self.update(site, writes[0].id, lambda one: setattr(one, "lang", "ko") or one)
            return super().save(site, writes)

    profiles = Busy()
    for name in ("v:0", "v:1"):
        profiles.save("default", [Write(name, ABSENT, Profile(id=name))])
    rows = [order(f"v:{n}", NOON, 10.0, str(n)) for n in range(2)]
    assert Scoring(shop(tmp_path, rows), profiles, clock=lambda: NOON / 1000).run(SITE) == 2
    found = profiles.find("default", "0")
    assert found and found.lang == "ko" and found.scores["contribution"] == 10.0


def test_a_run_leaves_a_snapshot_of_its_day_once_and_without_who_was_erased(tmp_path: Path) -> None:
    rows = [order(f"v:{n}", NOON - n * DAY_MS, 10.0 * (n + 1), str(n)) for n in range(25)]
    warehouse, profiles = shop(tmp_path, rows), known(*(f"v:{n}" for n in range(24)))

    class Marks:
        def cutoffs(self, site: str) -> Cutoffs:
            return Cutoffs({digest(site, "v:7"): NOON + 1, digest(site, "v:8"): NOON - 9 * DAY_MS})

    for hours in (0, 2, 24):  # 21:00 in Seoul, then still that day, and the next one
        Scoring(warehouse, profiles, Marks(), clock=lambda at=hours: NOON / 1000 + at * 3600).run(SITE)  # type: ignore[misc]
    sql = "select day, profile, stage, r, f, m, cell, clv from scores order by day, r desc, profile"
    found = warehouse.rows(sql, Scope("default"))
    days = sorted({row["day"] for row in found})
    assert [each.isoformat() for each in days] == ["2026-11-01", "2026-11-02"]
    first = {row["profile"]: row for row in found if row["day"] == days[0]}
    assert first.keys() == {f"v:{n}" for n in range(25)} - {"v:7"}
    assert len(found) == 2 * len(first)
    profile = profiles.find("default", "3")
    assert profile
    one = first["v:3"]
    assert (one["r"], one["f"], one["m"]) == tuple(
        profile.scores[name] for name in ("recency", "frequency", "monetary")
    )
    assert one["cell"] == cell_of(profile.scores) == "new"
    assert one["stage"] == "prospect", "of a profile that knows no order"
    assert first["v:24"]["stage"] is None, "its profile is gone"
    assert {row["clv"] for row in found} == {None}


class StoredGroups:
    """In memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Groups] = {}

    def load(self, site: str) -> Groups | None:
        return self.kept.get(site)

    def save(self, site: str, groups: Groups) -> None:
        self.kept[site] = groups


@pytest.mark.slow
def test_groups_and_quadrants_reach_profiles_and_snapshot(tmp_path: Path) -> None:
    """Half buy shoes, often, and half once, anything; every tenth of the first buys hats alone."""
    chance = np.random.default_rng(3)
    rows, profiles = [], MemoryProfiles()
    for number in range(240):
        often, hats = number % 2 == 0, number % 20 == 0
        days = sorted({int(each) for each in chance.integers(1, 200, 14 if often else 1)})
        for at, day in enumerate(days):
            lines = (
                ["hats"] if hats else list(chance.choice(["shoes", "socks", "coats"], 3, p=[0.6, 0.3, 0.1]))
            )
            items = [
                {"product": f"p{place}", "category": each, "quantity": 1.0, "price": 9.0}
                for place, each in enumerate(lines)
            ]
            name = f"v:{number}"
            rows.append(
                order(name, NOON - day * DAY_MS, 90.0 if often else 9.0, f"{number}-{at}")._replace(
                    items=items
                )
            )
        counts = Counts(orders=len(days), revenue=90.0 * len(days), visits=60 if often else 2, views=2)
        last = NOON - days[0] * DAY_MS
        one = Profile(
            f"v:{number}", counts=counts, last_order=last, last_seen=last, first_seen=NOON - 300 * DAY_MS
        )
        profiles.save("default", [Write(one.id, ABSENT, one)])
    groups, warehouse = StoredGroups(), shop(tmp_path, rows)
    Scoring(warehouse, profiles, groups=groups, clock=lambda: NOON / 1000).run(SITE)
    assert len(groups.kept["default"].groups) == 2
    found = {
        each["profile"]: each
        for each in warehouse.rows('select profile, "group", quadrant, stage from scores', Scope("default"))
    }
    assert len(found) == 240
    assert len({found[f"v:{n}"]["group"] for n in range(0, 240, 2)}) == 1
    assert found["v:0"]["group"] != found["v:1"]["group"]
    assert {found[f"v:{n}"]["quadrant"] for n in range(0, 240, 20)} == {"one-to-one"}
    once = Counter(found[f"v:{n}"]["quadrant"] for n in range(1, 240, 2))
    assert once.keys() == {"not worth personalizing", "help to choose"}, (
        "of little value, whatever they bought"
    )
    assert once["not worth personalizing"] > 60
    for number in (0, 1, 2):
        profile = profiles.find("default", str(number))
        assert profile
        assert quadrant_of(profile.scores) == found[profile.id]["quadrant"]
        assert str(int(profile.scores["group"])) == found[profile.id]["group"]
    named = next(each for each in groups.kept["default"].groups if str(each.id) == found["v:0"]["group"])
    held = [
        Audience.parse(named.audience).matches(profiles.find("default", str(n)) or Profile(""), NOON, SITE)
        for n in range(240)
    ]
    assert held == [n % 2 == 0 for n in range(240)]
    # A run with groups of this week asks them; a score that is not known any more goes.
    groups.kept["default"] = Groups(NOON // DAY_MS, 240)
    Scoring(warehouse, profiles, groups=groups, clock=lambda: NOON / 1000).run(SITE)
    profile = profiles.find("default", "0")
    assert profile
    assert "group" not in profile.scores
