"""The history that a plan is made from, against a count by hand."""

import json
import random
from pathlib import Path

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.campaigns.plan_history import plan_history
from warehouse.delta import Warehouse
from warehouse.tables.schema import EventRow

START, UNTIL = NOON, NOON + 10 * DAY_MS
WINDOW = 2 * DAY_MS


def played() -> list[EventRow]:
    """Visits, offers and orders of 60 people over 14 days, of which two are before the history and two after it."""
    draw, rows = random.Random(5), []
    for number in range(60):
        who = {"profile": f"v:{number}", "visitor": str(number)}
        for turn in range(draw.randrange(1, 5)):
            ts = NOON + draw.randrange(-2 * DAY_MS, 12 * DAY_MS)
            rows.append(row(ts, id=f"p{number}-{turn}", **who))
            if draw.random() < 0.4:
                props = json.dumps({"campaign": draw.choice(("boots", "hats")), "token": "t"})
                name = draw.choice(("Offer Viewed", "Offer Withheld", "Offer Decided"))
                offer = {"type": "track", "name": name, "props": props}
                rows.append(row(ts + 1000, id=f"o{number}-{turn}", **offer, **who))
            if draw.random() < 0.3:
                later = ts + draw.randrange(3 * DAY_MS)
                order = {
                    "type": "track",
                    "name": "Order Completed",
                    "order": f"{number}-{turn}",
                    "revenue": 12.5,
                }
                rows.append(row(later, id=f"b{number}-{turn}", **order, **who))
            if draw.random() < 0.2:
                rows.append(row(ts + HOUR_MS, id=f"s{number}-{turn}", type="track", name="Signed Up", **who))
    return rows


def by_hand(rows: list[EventRow], goal: str, campaign: str = "") -> dict[str, tuple[int, bool, float]]:
    def came(each: EventRow) -> bool:
        if not START <= each.ts < UNTIL:
            return False
        if campaign:
            return each.name.startswith("Offer ") and f'"{campaign}"' in each.props
        return each.type == "page" or each.name in ("Signed Up", "Order Completed")

    since: dict[str, int] = {}
    for each in rows:
        if came(each):
            since[each.profile] = min(each.ts, since.get(each.profile, each.ts))
    told = {}
    for profile, ts in since.items():
        mine = [each for each in rows if each.profile == profile and ts <= each.ts <= ts + WINDOW]
        paid = sum(each.revenue or 0.0 for each in mine if each.name == "Order Completed")
        told[profile] = (ts, any(each.name == goal for each in mine), paid)
    return told


def test_people_goals_and_revenue_are_those_of_a_count_by_hand(tmp_path: Path) -> None:
    warehouse, rows = Warehouse(str(tmp_path / "warehouse")), played()
    warehouse.append(rows, [], {})
    for goal in ("Order Completed", "Signed Up"):
        for campaign in ("", "boots"):
            named = [campaign] if campaign else []
            table = plan_history(warehouse, "default", START, UNTIL, goal, WINDOW, "EUR", named)
            told = {
                each["profile"]: (each["since"], each["converted"], each["revenue"])
                for each in table.to_pylist()
            }
            expected = by_hand(rows, goal, campaign)
            assert told == expected and len(expected) > 10
            assert any(each[1] for each in expected.values()) and not all(
                each[1] for each in expected.values()
            )
