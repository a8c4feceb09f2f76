"""Health checks of processes without a port: they tell of that process, and of nothing else."""

import os
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from dangol.cli import main
from dangol.doctor import doctor
from dangol.machine.heartbeat import EVERY_SECONDS, QUIET_SECONDS, Heartbeat, Rounds, fault, file_of
from dangol.settings import load
from recommender.jobs.scheduler import Job, Scheduler
from tests.support.kafka_broker import KafkaBroker
from tests.support.machine import Clock


class Free:
    def take(self) -> bool:
        return True

    def keep(self) -> bool:
        return True

    def release(self) -> None: ...


def aged(folder: Path, role: str, seconds: float) -> float:
    """The time at which the last sign of life is ``seconds`` old."""
    return file_of(folder, role).stat().st_mtime + seconds


def test_who_asks_whether_to_stop_is_alive(tmp_path: Path, clock: Clock) -> None:
    assert "never ran" in (fault(tmp_path, "ingest", clock()) or "")
    stop = Rounds(Heartbeat(tmp_path, "ingest", clock))
    limit = QUIET_SECONDS["ingest"]
    assert fault(tmp_path, "ingest", aged(tmp_path, "ingest", limit - 1)) is None
    assert f"{limit + 1:.0f} s" in (fault(tmp_path, "ingest", aged(tmp_path, "ingest", limit + 1)) or "")
    for ask in (stop.is_set, lambda: stop.wait(0)):
        os.utime(file_of(tmp_path, "ingest"), (1, 1))
        clock.advance(EVERY_SECONDS)
        assert ask() is False and file_of(tmp_path, "ingest").stat().st_mtime > 1
    stop.set()
    assert stop.is_set() and stop.wait(0)


def test_a_disk_that_is_full_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "alive").write_text("in the way")
    Heartbeat(tmp_path, "ingest").beat()


def test_a_job_that_ends_is_a_sign_of_life_however_it_ends() -> None:
    ended = threading.Semaphore(0)
    jobs = [Job("good", lambda: None, 60), Job("bad", lambda: 1 / 0, 60)]
    schedule = Scheduler(jobs, lambda _: Free(), ended=ended.release)
    assert schedule.run("good") and ended.acquire(blocking=False)
    assert not schedule.run("bad") and ended.acquire(blocking=False)


@pytest.mark.parametrize("role", ["ingest", "scheduler", "messages"])
def test_the_command_tells_of_this_process_though_nothing_else_is_there(tmp_path: Path, role: str) -> None:
    """No Kafka, no Redis, no warehouse: what they do is not this process's fault."""
    environ = {"DANGOL_DATA": str(tmp_path), "DANGOL_LOG": "kafka://127.0.0.1:1/events"}
    environ["DANGOL_PROFILES"] = "redis://127.0.0.1:1/0"
    asked = CliRunner().invoke(main, ["alive", role], env=environ)
    assert asked.exit_code == 1 and "never ran" in asked.output
    Heartbeat(tmp_path, role)
    assert CliRunner().invoke(main, ["alive", role], env=environ).exit_code == 0
    os.utime(file_of(tmp_path, role), (1, 1))
    asked = CliRunner().invoke(main, ["alive", role], env=environ)
    assert asked.exit_code == 1 and f"{role} has not got on" in asked.output


@pytest.mark.slow
@pytest.mark.kafka
def test_one_replica_is_a_warning_and_a_broker_that_is_away_a_fault(
    own_kafka: KafkaBroker, redis_url: str, tmp_path: Path
) -> None:
    environ = {
        "DANGOL_DATA": str(tmp_path),
        "DANGOL_LOG": f"{own_kafka.url}/events",
        "DANGOL_PROFILES": redis_url,
    }
    found = {each.what: each for each in doctor.examine(load(environ))}
    assert not [each for each in found.values() if not each.ok]
    assert found["event log"].weak and "one replica" in found["event log"].says
    said = CliRunner().invoke(main, ["doctor", "--quiet"], env=environ)
    assert said.exit_code == 0 and said.output.startswith(
        "WARN event log: Kafka topic events has one replica"
    )
    own_kafka.kill()
    said = CliRunner().invoke(main, ["doctor", "--quiet"], env=environ)
    assert said.exit_code == 1 and "BAD  event log" in said.output
