"""``dangol demo-traffic`` against a running installation: what it says it sent is what the pages count."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.desk_reader import DeskReader
from tests.support.installation import WRITE, Installation, eventually
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

pytestmark = [pytest.mark.redis, pytest.mark.slow]

_UNMADE = """
select count(*) as n from events e where e.name like 'Offer %' and not exists (
    select 1 from events d where d.session = e.session and d.session <> '' and d.profile = e.profile
    and (d.type = 'page' or d.name = 'Product Viewed') and d.ts <= e.ts)
"""


def test_the_pages_count_what_the_demo_sent(tmp_path: Path) -> None:
    with Installation(tmp_path, "--demo") as running:
        said = running.run("demo-traffic", "--visitors", "120", "--seed", "3")
        visitors, visits, events, orders, offers = (
            int(number.replace(",", ""))
            for number in re.findall(r"([\d,]+) (?:visitors|visits|events|orders|offers)", said)
        )
        assert offers > 40 and orders > 5
        today = datetime.now(UTC).date()
        span = {"from": str(today - timedelta(30)), "to": str(today)}
        overview = eventually(
            lambda: (found := running.report("overview", **span))["events"] >= events and found
        )
        assert (overview["visitors"], overview["sessions"], overview["orders"]) == (visitors, visits, orders)
        assert overview["events"] == events and overview["demo"]
        counted = running.report("campaigns", **span)["campaigns"]
        assert sum(each["impressions"] for each in counted) == offers
        decided = [running.report(f"campaigns/{each['campaign']}", **span)["total"] for each in counted]
        assert sum(each["decisions"] for each in decided) == offers
        days = sorted(day["sessions"] for day in overview["series"])
        assert days[-1] < 0.15 * visits
        until = int(datetime.now(UTC).timestamp() * 1000) + DAY_MS
        stored = Warehouse(str(running.folder / "data" / "warehouse"))
        assert stored.rows(_UNMADE, Scope("default", 0, until)) == [{"n": 0}]


PAGES = (
    *("/desk", "/desk/live", "/desk/funnel?step=page:/shop/&step=event:Product+Viewed", "/desk/paths"),
    *(
        "/desk/retention",
        "/desk/products",
        "/desk/goals",
        "/desk/visitors",
        "/desk/segments",
        "/desk/segments/edit",
    ),
    *(
        "/desk/campaigns",
        "/desk/campaigns/hero-everyone",
        "/desk/campaigns/edit?id=hero-everyone",
        "/desk/models",
    ),
)


@pytest.mark.parametrize("demo", [True, False])
def test_the_badge_stands_where_demo_data_is_part_of_a_number(tmp_path: Path, demo: bool) -> None:
    with Installation(tmp_path, "--demo") as running:
        if demo:
            running.run("demo-traffic", "--visitors", "40")
        context = {"page": {"url": "http://shop.example/"}, "demo": demo}
        page = {"type": "page", "anonymousId": "a", "context": context}
        assert running.call("POST", "/v1/batch", {"batch": [page]}, WRITE)[0] == 200
        eventually(lambda: running.report("live")["visitors"])
        desk = DeskReader(running.url, "en")
        badged = {page: 'class="badge demo"' in desk.page(page) for page in PAGES}
        assert badged == dict.fromkeys(PAGES, demo)
