"""The compose file and the split processes that it starts: what may be said of them without a Docker engine."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, RedisServer
from installation import SECRET, WRITE, Installation, eventually

from dangol import settings
from tracker.app import Tracker
from tracker.memory_log import MemoryLog
from tracker.sites import Sites


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return document


def test_every_service_is_watched_and_what_lasts_is_on_a_volume(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services.keys() >= {"kafka", "redis", "tracker", "ingest", "scheduler", "web"}
    assert all("healthcheck" in service and "restart" in service for service in services.values())
    kept = {mount.split(":")[0] for service in services.values() for mount in service.get("volumes", [])}
    assert kept == set(compose["volumes"]) == {"data", "kafka", "redis"}


def test_every_setting_in_it_exists(compose: dict[str, Any]) -> None:
    known = {name for name, _, _ in settings.table()}
    assert compose["x-dangol"]["environment"].keys() <= known


def test_the_front_sends_the_trackers_paths_to_the_tracker(compose: dict[str, Any], tmp_path: Path) -> None:
    caddyfile = compose["configs"]["caddyfile"]["content"]
    paths = re.search(r"@collect path (.*?)\n  handle", caddyfile, re.S)
    assert paths
    listed = paths[1].replace("\\\n", " ").split()
    tracker = Tracker(Sites(tmp_path / "sites.json"), MemoryLog("memory://"))
    owned = [path for path in listed if not path.endswith("*") and tracker.owns(path)]
    assert {"/dangol.js", "/t.gif", "/v1/batch", "/v1/track", "/v1/b"} <= set(owned)
    assert not [path for path in ("/v1/personalize", "/v1/items", "/desk") if path in listed]
    tracker.close()


@pytest.mark.slow
@pytest.mark.redis
def test_tracker_ingest_and_web_as_processes_of_their_own(tmp_path: Path, own_redis: RedisServer) -> None:
    """What the compose file starts, with Redis Streams for Kafka: an event posted to one is reported by the other."""
    shared = {"log": f"{own_redis.url}?stream=events", "profiles": own_redis.url}
    collect, web = Installation(tmp_path, **shared), Installation(tmp_path, **shared)
    commands = ((collect, "tracker"), (collect, "ingest"), (web, "web"))
    processes = [start(installation.environ, name) for installation, name in commands]
    try:
        for installation in (collect, web):
            eventually(lambda installation=installation: ready(installation), 60)
        assert "ok" in collect.run("doctor")
        event = {"event": "Product Viewed", "anonymousId": "a", "properties": {"product_id": "p"}}
        assert collect.call("POST", "/v1/track", {**event, "writeKey": WRITE}, key="")[0] == 200
        eventually(lambda: web.report("overview")["events"] == 1)
        assert web.call("GET", "/v1/profiles/a", key=SECRET)[1]["counts"]["views"] == 1
        assert collect.call("GET", "/v1/profiles/a", key=SECRET)[0] == 404
    finally:
        for process in processes:
            process.terminate()
        codes = [process.wait(30) for process in processes]
    assert codes == [0, 0, 0]


def start(environ: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dangol", name], env={**os.environ, **environ}, cwd=ROOT)


def ready(installation: Installation) -> bool:
    try:
        return installation.call("GET", "/readyz", key="")[0] == 200
    except OSError:
        return False
