"""Campaigns and segments from the command line, on a real Redis."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dangol import compose, settings
from dangol.cli import main
from offers.campaign.document import parse
from profiles.model import Profile
from tests.support.decisions import decided
from tests.support.machine import RedisServer

pytestmark = pytest.mark.redis

CREATIVE = {"id": "a", "kind": "json", "content": {"title": "Hi"}}
CAMPAIGNS = """
campaigns:
  - id: boots
    name: Boots
    status: live
    slot: hero
    audience: "affinity('shoes') > 0.3"
    start: 2026-12-01
    caps: {limit: 3, per: day}
    dayparts: [{days: [mon, tue], from: "09:00", to: "18:00"}]
    creatives:
      - {id: a, kind: json, content: {title: 단골}}
"""


@pytest.fixture
def run(tmp_path: Path, redis_session: RedisServer, redis_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DANGOL_PROFILES", redis_url)
    monkeypatch.setenv("DANGOL_LOG", redis_url + "?stream=events")

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(each) for each in arguments])

    return invoke


def test_campaigns_go_in_and_out_as_yaml(run, tmp_path: Path) -> None:
    file, back = tmp_path / "in.yaml", tmp_path / "out.yaml"
    file.write_text(CAMPAIGNS, encoding="utf-8")
    assert run("campaigns", "import", file).output == "1 campaigns, 1 of them new or changed\n"
    assert run("campaigns", "list").output == "boots\tlive\thero\tBoots\n"
    assert run("campaigns", "export", back).exit_code == 0
    first = run("campaigns", "export").output
    assert first == back.read_text(encoding="utf-8") and "단골" in first and "from: 09:00" in first
    assert run("campaigns", "import", back).exit_code == 0
    assert run("campaigns", "export").output == first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("slot: hero", "slots: []"), "campaigns[0].slots"),
        (("affinity('shoes') > 0.3", "affinity("), "campaigns[0].audience"),
        (
            ("kind: json", "items: {strategy: psychic}, kind: json"),
            "campaigns[0].creatives[0].items.strategy",
        ),
        (("2026-12-01", "soon"), "campaigns[0].start"),
    ],
)
def test_a_wrong_file_is_refused_whole_and_the_field_named(run, tmp_path: Path, change, said: str) -> None:
    file = tmp_path / "in.yaml"
    second = CAMPAIGNS.replace("campaigns:", "").replace("boots", "other")
    file.write_text(CAMPAIGNS.replace(*change) + second, encoding="utf-8")
    refused = run("campaigns", "import", file)
    assert refused.exit_code == 1 and said in refused.output
    assert run("campaigns", "list").output == ""


def test_segments_are_set_evaluated_and_removed(run) -> None:
    assert run("segments", "set", "vip", "revenue > 1000", "--name", "Our best").exit_code == 0
    assert run("segments", "list").output == "vip\t?\tOur best\trevenue > 1000\n"
    assert run("segments", "evaluate").output == "0 visitors\nvip\t0\n"
    assert run("segments", "list").output.startswith("vip\t0\t")
    wrong = run("segments", "set", "vip", "revenue >")
    assert wrong.exit_code == 1 and "audience" in wrong.output
    assert run("segments", "remove", "vip").exit_code == 0
    assert run("segments", "remove", "vip").exit_code == 1
    assert run("segments", "list", "--site", "nowhere").output == ""
    assert run("campaigns", "export", "--site", "nowhere").exit_code == 1


def test_the_global_holdout_and_the_fatigue_cap_are_settings(
    run, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("DANGOL_GLOBAL_HOLDOUT", "0.5")
    monkeypatch.setenv("DANGOL_OFFERS_PER_SESSION", "2")
    monkeypatch.setenv("DANGOL_PERSONALIZE_BUDGET_MS", "3000")  # a busy machine
    stores = compose.stores(settings.load())
    for each in (stores.campaigns.store, stores.campaigns.arms, stores.segments.store):
        request.addfinalizer(each._redis.close)  # they have no close of their own
    site = compose.sites(settings.load()).get("default")
    offers = [
        parse({"id": f"c{n}", "name": "x", "status": "live", "slot": "hero", "creatives": [CREATIVE]})
        for n in range(4)
    ]
    for each in offers:
        stores.campaigns.store.put("default", each, 1)
    assert stores.campaigns.decider.holdout(offers[0]) == 0.5
    shown = {
        who: [decided(stores.campaigns.decider, site, Profile(id=f"v:{who}"), "hero") for _ in range(5)]
        for who in range(12)
    }
    met = {sum(each is not None for each in decisions) for decisions in shown.values()}
    assert met == {0, 2}  # held out; tired after two


def test_coupons_are_made_added_listed_and_removed(run, tmp_path: Path) -> None:
    made = run("coupons", "make", "xmas", "--count", 20, "--prefix", "X-")
    assert made.exit_code == 0, made.output
    codes = [line for line in made.stdout.splitlines() if line.startswith("X-")]
    assert len(set(codes)) == 20
    file = tmp_path / "codes.txt"
    file.write_text("\ufeff" + "\n".join(["단골-1", "", " B ", codes[0]]) + "\n", encoding="utf-8")
    assert "2 of 3 codes are new" in run("coupons", "add", "xmas", file).output
    assert run("coupons", "list").output == "xmas\t22 free\t0 issued\n"
    for wrong in (("add", "a b", file), ("make", "xmas", "--count", 0), ("add", "x", file, "--site", "no")):
        assert run("coupons", *wrong).exit_code == 1
    file.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in run("coupons", "add", "xmas", file).output
    assert run("coupons", "remove", "xmas").exit_code == 0
    assert "no pool" in run("coupons", "remove", "xmas").output
