"""The compose file and the split processes that it starts: what may be said of them without a Docker engine."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from werkzeug import Response

from dangol import settings
from tests.support.browser import chromium
from tests.support.installation import SECRET, WRITE, Installation, eventually
from tests.support.machine import ROOT, Clock, RedisServer, free_port
from tests.support.web_stage import stage_of
from tests.support.wsgi import serving
from tracker.app import Tracker
from tracker.log.memory import MemoryLog
from tracker.sites import Site, Sites


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


def test_what_must_be_set_is_told_where_it_is_set(compose: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    required = set(re.findall(r"\$\{(\w+):\?", text))
    head = text.partition("x-dangol:")[0]
    numbers = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
    (said,) = re.findall(r"the (\w+) secrets", head)
    readme = (ROOT / "README.md").read_text()
    (announced, block) = re.findall(r"It needs (\w+) secrets in `.env`:\n\n(.*?)\n\n", readme, re.DOTALL)[0]
    assert set(re.findall(r"^ +(DANGOL_\w+)=", block, re.MULTILINE)) == required
    assert numbers[said] == numbers[announced] == len(required)


def test_the_front_sends_every_path_to_who_answers_it(
    compose: dict[str, Any], tmp_path: Path, redis_url: str, site: Site, clock: Clock
) -> None:
    """Both ways, from the tables themselves: a route that somebody adds and forgets here fails."""
    listed = collected(compose)
    tracker = Tracker(Sites(tmp_path / "sites.json"), MemoryLog("memory://"))
    taken = [
        path.replace("{key}", "wk_test").replace("{shop}/{site}", "shopify/default")
        for path in tracker.routes()
    ]
    app = stage_of(tmp_path, redis_url, site, clock).app
    web = [re.sub("<[^>]+>", "x", rule.rule) for rule in app.url_map.iter_rules()]
    assert all(tracker.owns(path) for path in taken) and len(web) > 50
    assert [path for path in taken if not matches(listed, path)] == [], "goes to web, which has no such page"
    assert [path for path in web if matches(listed, path)] == [], (
        "goes to the tracker, which has no such page"
    )
    assert [entry for entry in listed if not any(matches([entry], path) for path in taken)] == [], (
        "leads nowhere"
    )
    tracker.close()


def collected(compose: dict[str, Any]) -> list[str]:
    """What the front's Caddyfile sends to the tracker."""
    paths = re.search(r"@collect path (.*?)\n  handle", compose["configs"]["caddyfile"]["content"], re.DOTALL)
    assert paths
    return paths[1].replace("\\\n", " ").split()


def matches(listed: list[str], path: str) -> bool:
    """As Caddy's path matcher: whole paths in any case, or a beginning before ``*``."""
    path = path.lower()
    return any(path.startswith(each[:-1]) if each.endswith("*") else path == each for each in listed)


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.browser
def test_a_browser_is_shown_an_offer_through_the_front(
    compose: dict[str, Any], tmp_path: Path, own_redis: RedisServer
) -> None:
    """Caddy with compose's own Caddyfile, and each service as the process that compose starts."""
    if not shutil.which("caddy"):
        pytest.skip("no Caddy here: apt-get install caddy (the routing table is tested without it)")
    shared = {"log": f"{own_redis.url}?stream=events", "profiles": own_redis.url, "trust_proxy": "1"}
    front = free_port()
    collect, web = (
        Installation(tmp_path, **shared, public_url=f"http://127.0.0.1:{front}") for _ in range(2)
    )
    content = compose["configs"]["caddyfile"]["content"]
    for name, here in (
        (":8000 {", f":{front} {{\n  bind 127.0.0.1"),
        ("tracker:8000", f"127.0.0.1:{collect.port}"),
        ("web:8000", f"127.0.0.1:{web.port}"),
    ):
        assert name in content
        content = content.replace(name, here)
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text("{\n  admin off\n  auto_https off\n}\n" + content)
    commands = ((collect, "tracker"), (collect, "ingest"), (collect, "scheduler"), (web, "web"))
    processes = [start(installation.environ, name) for installation, name in commands]
    home = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    command = ["caddy", "run", "--config", caddyfile, "--adapter", "caddyfile"]
    with (tmp_path / "caddy.log").open("ab") as log:
        processes.append(subprocess.Popen(command, env=home, stdout=log, stderr=log))
    try:
        for installation in (collect, web):
            eventually(lambda installation=installation: ready(installation), 240)
        web.url = f"http://127.0.0.1:{front}"
        eventually(lambda: ready(web), 240)
        campaign = {"name": "Hero", "status": "live", "slots": ["hero"]}
        creatives = [{"id": "a", "kind": "html", "content": "<h2>Only for you</h2>"}]
        put = web.call("PUT", "/v1/campaigns/hero", {**campaign, "creatives": creatives})
        assert put[0] == 200
        shown_through(front)
        eventually(lambda: impressions(web) == 1, 240)
        assert web.call("GET", "/desk/login", key="")[0] == 200
        for role in ("ingest", "scheduler"):
            eventually(lambda role=role: collect.run("alive", role) == "")
    finally:
        for process in processes:
            process.terminate()
        codes = [process.wait(120) for process in processes]
    assert codes == [0] * len(codes)


def shown_through(port: int) -> None:
    """A page of the shop draws its slot; the shop is another origin than the front, as it is for a shop."""
    code = "if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)}"
    calls = f"dangol('init','{WRITE}');dangol('slot','hero','#hero')"
    page_of_shop = f"""<!doctype html><title>Shop</title><div id="hero"></div><script>{code};{calls}</script>
        <script async src="http://127.0.0.1:{port}/dangol.js"></script>"""
    with serving(Response(page_of_shop, mimetype="text/html")) as url, chromium() as browser:
        page = browser.new_page()
        page.goto(url)
        offer = page.locator("#hero h2")
        offer.wait_for(timeout=240_000)
        assert offer.inner_text() == "Only for you"
        with page.expect_request(lambda sent: "Offer Viewed" in (sent.post_data or ""), timeout=120_000):
            page.bring_to_front()


def impressions(web: Installation) -> int:
    counted = web.report("campaigns")["campaigns"]
    return sum(variant["impressions"] for each in counted for variant in each["variants"])


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
            eventually(lambda installation=installation: ready(installation), 240)
        assert "ok" in collect.run("doctor")
        event = {"event": "Product Viewed", "anonymousId": "a", "properties": {"product_id": "p"}}
        assert collect.call("POST", "/v1/track", {**event, "writeKey": WRITE}, key="")[0] == 200
        eventually(lambda: web.report("overview")["events"] == 1)
        assert web.call("GET", "/v1/profiles/a", key=SECRET)[1]["counts"]["views"] == 1
        assert collect.call("GET", "/v1/profiles/a", key=SECRET)[0] == 404
    finally:
        for process in processes:
            process.terminate()
        codes = [process.wait(120) for process in processes]
    assert codes == [0, 0, 0]


def start(environ: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "dangol", name], env={**os.environ, **environ}, cwd=ROOT)


def ready(installation: Installation) -> bool:
    try:
        return installation.call("GET", "/readyz", key="")[0] == 200
    except OSError:
        return False
