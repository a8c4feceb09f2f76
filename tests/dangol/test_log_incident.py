"""The doctor, the desk and the metrics report events that the log lost, for some days."""

import time
from contextlib import closing
from pathlib import Path

import pytest
import redis

from dangol import compose
from dangol.doctor import doctor
from dangol.settings import load
from ingest.worker.log_generations import Incident
from tests.support.ingest_streams import event, records
from tests.support.machine import Clock
from tests.support.web_stage import stage_of
from tracker.durations import DAY_SECONDS
from tracker.sites import Site
from warehouse.delta import WarehouseUnavailable

pytestmark = pytest.mark.redis
CHECK = "events lost in the log"


def test_the_doctor_reports_a_log_that_was_recreated(redis_url: str, tmp_path: Path) -> None:
    settings = load({"DANGOL_DATA": str(tmp_path), "DANGOL_LOG": redis_url, "DANGOL_PROFILES": redis_url})

    def count(numbers: range) -> None:
        with closing(compose.log(settings)) as log:
            log.append(records([event(f"e{n}", n, visitor=f"v{n}") for n in numbers]))
            worker = compose.worker(settings, "w")
            deadline = time.monotonic() + 30
            while log.lag(compose.INGEST_GROUP) and time.monotonic() < deadline:
                worker.step()
                worker.flush()
            worker.close()

    def found() -> doctor.Finding:
        return next(each for each in doctor.examine(settings) if each.what == CHECK)

    count(range(100))
    assert found().ok
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.delete("events:0", "events:3")
    count(range(100, 150))
    assert not found().ok and "2 partitions were recreated" in found().says
    incident = compose.log_incident(settings, time.time())
    assert incident is not None and incident.partitions == 2
    assert compose.log_incident(settings, time.time() + compose.INCIDENT_DAYS * DAY_SECONDS) is None


def test_the_desk_and_the_metrics_report_lost_events(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock)
    assert "event log" not in stage.desk().get("/desk/setup").text

    def telling(log_incident) -> None:
        nonlocal stage
        stage = stage.with_health(log_incident=log_incident)

    telling(lambda: Incident(int(clock() * 1000), 4, 0))
    page = stage.desk().get("/desk/setup").text
    assert "The event log was recreated or rolled back on" in page and "removed" not in page
    telling(lambda: Incident(int(clock() * 1000), 0, 1234))
    page = stage.desk().get("/desk/setup").text
    assert "The event log removed 1,234 events before" in page and "recreated" not in page
    assert "dangol_log_lost_events 1234.0" in stage.call("GET", "/metrics").text

    def away() -> Incident:
        raise WarehouseUnavailable("away")

    telling(away)
    assert stage.desk().get("/desk/setup").status_code == 200
    assert "dangol_log_lost_events" not in stage.call("GET", "/metrics").text
