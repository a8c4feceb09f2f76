"""Events that wait on the server's disk are told on every page of the desk, and by the doctor."""

from pathlib import Path

import pytest

from dangol.doctor import doctor
from dangol.settings import load
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.delivery.spool import Spool
from tracker.delivery.spool_backlog import SpoolWatch
from tracker.log.port import Record
from tracker.sites import Site

pytestmark = pytest.mark.redis

WAIT = "and are missing in the reports"
UNREADABLE = "events could not be read back"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path / "stage", redis_url, site, clock)


def event(received: float) -> Record:
    return Record("k", b'{"received":%d}' % int(received * 1000))


def test_every_page_says_that_events_wait(stage: Stage, tmp_path: Path) -> None:
    now = stage.stores.clock()
    desk = stage.with_health(spooled=SpoolWatch(tmp_path).look).desk()
    pages = ("/desk/setup", "/desk/models", "/desk/campaigns")
    box = Spool(tmp_path / "3")
    box.write([event(now - 5)])
    assert all(WAIT not in desk.get(page).text for page in pages), "it has only just come"
    box.read()
    box.drop()
    box.write([event(now - 600)])
    assert all(WAIT in desk.get(page).text for page in pages)
    assert UNREADABLE not in desk.get("/desk/setup").text
    assert "서버 디스크에 대기 중" in desk.get("/desk/setup", headers={"Accept-Language": "ko"}).text
    box.read()
    box.drop()
    (tmp_path / "3" / "00000001-20.bad").write_bytes(b"x")
    assert all(WAIT not in desk.get(page).text and UNREADABLE in desk.get(page).text for page in pages)
    box.close()


def test_a_disk_that_does_not_answer_breaks_no_page(stage: Stage) -> None:
    def broken() -> None:
        raise PermissionError("no")

    desk = stage.with_health(spooled=broken).desk()
    assert desk.get("/desk/setup").status_code == 200


@pytest.mark.parametrize("kind", ["waits", "damaged", "refused"])
def test_the_doctor_says_what_lies_on_the_disk(tmp_path: Path, kind: str) -> None:
    settings = load({"DANGOL_DATA": str(tmp_path)})
    assert doctor.spool_drains(settings) == "nothing waits"
    box = Spool(tmp_path / "spool" / "0")
    if kind == "waits":
        box.write([event(1_700_000_000)] * 7)
        box.close()
        said = r"7 events .* since 2023-11-14 22:13 UTC, 1 spools held by no process"
    elif kind == "damaged":
        (box.folder / "00000001-20.bad").write_bytes(b"x" * 12)
        said = "12 bytes .* could not be read"
    else:
        box.keep(event(1))
        said = r"bytes of events that the log never takes are in .*refused\.bad"
    with pytest.raises(doctor.EventsStuck, match=said):
        doctor.spool_drains(settings)
