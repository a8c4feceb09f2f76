"""Models over HTTP and in the desk: versions, trainings on demand, the way back, and a failure that shows itself."""

import dataclasses
import re
from pathlib import Path

import msgspec
import pytest

from recommender.data.params import Params
from recommender.model.card import Card, Compared, Reason
from recommender.model.model import Model
from recommender.model.registry import ModelRegistry
from recommender.training.progress import STAGES, Progress
from recommender.training.train import train
from tests.support.desk_tables import check_tables
from tests.support.machine import Clock
from tests.support.recommender_histories import TableHistory, shop_history
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.durations import DAY_SECONDS
from tracker.sites import Site
from web.desk.models import STAGES as STAGE_NAMES

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    stage.users.put("vera", PASSWORD, "viewer")
    stage.users.put("mark", PASSWORD, "marketer")
    return stage


def trained(stage: Stage, clock: Clock, visitors: int = 20) -> Card:
    """Another version that serves: the gate lets it, as each is over a month younger than the one before."""
    clock.advance(31 * DAY_SECONDS)
    table = shop_history(visitors)

    def work(progress: Progress) -> Card:
        registry = registry_of(stage)
        return train("default", TableHistory(table), registry, Params(iterations=1), clock, progress=progress)

    return stage.stores.models.runs.run("default", work)


def registry_of(stage: Stage) -> ModelRegistry:
    return stage.stores.models.shops("default").registry


def fail(stage: Stage, message: str = "disk <full>") -> None:
    def broken(_: Progress) -> Card:
        raise OSError(message)

    with pytest.raises(OSError, match="disk"):
        stage.stores.models.runs.run("default", broken)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/models"),
        ("GET", "/v1/models/training"),
        ("POST", "/v1/models/train"),
        ("POST", "/v1/models/x/live"),
    ],
)
def test_models_need_the_secret_key(stage: Stage, method: str, path: str) -> None:
    assert stage.call(method, path, "wk_test").status_code == 403
    assert stage.call(method, path, None).status_code == 401


def test_a_training_is_asked_for_followed_and_listed(stage: Stage, clock: Clock) -> None:
    assert stage.call("GET", "/v1/models").json == {"live": None, "models": []}
    assert stage.call("GET", "/v1/models/training").status_code == 404
    answer = stage.call("POST", "/v1/models/train")
    assert (answer.status_code, answer.headers["Location"]) == (202, "/v1/models/training")
    assert answer.json["state"] == "waiting" and answer.json["id"]
    assert stage.stores.models.runs.is_requested("default")
    again = stage.call("POST", "/v1/models/train")
    assert (again.status_code, again.json["error"]["code"]) == (409, "conflict")
    assert stage.call("GET", "/v1/models/training").json == answer.json
    seen: list[object] = []

    def watched(progress: Progress) -> Card:
        progress.stage("judge")
        seen.append(stage.call("GET", "/v1/models/training").json)
        assert stage.call("POST", "/v1/models/train").status_code == 409
        return train(
            "default", TableHistory(shop_history(20)), registry_of(stage), Params(iterations=1), clock
        )

    card = stage.stores.models.runs.run("default", watched)
    running = seen[0]
    assert isinstance(running, dict)
    assert (running["id"], running["state"], running["stage"]) == (answer.json["id"], "running", "judge")
    assert 0 < running["share"] < 1 and running["started"]
    done = stage.call("GET", "/v1/models/training").json
    assert (done["state"], done["version"], done["accepted"]) == ("done", card.version, True)
    listed = stage.call("GET", "/v1/models").json
    assert listed["live"] == card.version
    (model,) = listed["models"]
    assert (model["version"], model["state"], model["events"]) == (card.version, "live", card.events)
    assert model["verdict"] == "not judged: too few sessions" and model["params"]["iterations"] == 1


def test_an_older_version_serves_again(stage: Stage, clock: Clock) -> None:
    first, second = trained(stage, clock), trained(stage, clock)
    back = stage.call("POST", f"/v1/models/{first.version}/live")
    assert (back.status_code, back.json["state"]) == (200, "live")
    assert registry_of(stage).live_version() == first.version
    states = {model["version"]: model["state"] for model in stage.call("GET", "/v1/models").json["models"]}
    assert states == {first.version: "live", second.version: "kept"}
    for missing in ("nothing", "..", first.version[:-1]):
        assert stage.call("POST", f"/v1/models/{missing}/live").status_code == 404
    file = registry_of(stage).folder / "versions" / second.version / "factors.vectors.npy"
    file.write_bytes(file.read_bytes()[:-1])
    harmed = stage.call("POST", f"/v1/models/{second.version}/live")
    assert (harmed.status_code, harmed.json["error"]["field"]) == (409, "version")
    assert registry_of(stage).live_version() == first.version


def metric(stage: Stage, name: str) -> float | None:
    found = re.search(rf'^{name}{{site="default"}} (\S+)$', stage.client.get("/metrics").text, re.M)
    return float(found[1]) if found else None


def test_a_failed_training_alerts_and_the_live_model_stays(stage: Stage, clock: Clock) -> None:
    assert metric(stage, "dangol_training_failures") is None
    card = trained(stage, clock)
    assert metric(stage, "dangol_training_failures") == 0
    assert "failed" not in stage.desk("vera").get("/desk/setup").text
    clock.advance(60)
    fail(stage)
    assert registry_of(stage).live_version() == card.version
    assert metric(stage, "dangol_training_failures") == 1
    assert metric(stage, "dangol_training_ended_timestamp_seconds") == clock()
    said = stage.call("GET", "/v1/models/training").json
    assert (said["state"], said["message"]) == ("failed", "disk <full>")
    desk = stage.desk("vera")
    assert "The last training of the recommendations failed." in desk.get("/desk/setup").text
    page = desk.get("/desk/models").text
    assert "disk &lt;full&gt;" in page and "The previous model stays in use" in page
    trained(stage, clock)
    assert metric(stage, "dangol_training_failures") == 0
    assert "The last training of the recommendations failed." not in desk.get("/desk/setup").text


def test_the_desk_shows_each_version_and_how_it_was_judged(stage: Stage, clock: Clock) -> None:
    desk = stage.desk("vera")
    assert "No model yet" in desk.get("/desk/models").text
    first = trained(stage, clock)
    registry = registry_of(stage)
    registry.add(judged(registry, first, "v-kept", True, 0.0123))
    registry.add(judged(registry, first, "v-refused", False, -0.0456))
    for reason, accepted in REASONS.items():
        registry.add(judged(registry, first, f"v-{reason}", accepted, -0.01, reason))
    page = desk.get("/desk/models").text
    text = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", page))
    assert "Not compared: too few new visits." in text
    assert f"Accepted: not worse than {first.version} on 1,234 newer visits, MRR@20 +0.0123 ± 0.0200." in text
    assert f"Rejected: worse than {first.version} on 1,234 newer visits, MRR@20 −0.0456" in text
    assert "HR@20 0.512 in use: 0.498" in text
    for sentence in (
        f"Kept {first.version}: this model is not shown to lose less than 5 % to {first.version}. "
        "On 1,234 newer visits, MRR@20 −0.0100 ± 0.0200; about 2,300 visits are needed.",
        f"Kept {first.version}: worse than v-best, the best model of late, on 900 newer visits, MRR@20 −0.0300",
        f"Accepted: {first.version} knows less than half of the history, and on 1,234 newer visits",
        f"Accepted: {first.version} is over 30 days old, and on 1,234 newer visits this model is not shown to be worse",
        "loses less than 5 % of MRR@20",
    ):
        assert sentence in text
    assert (
        page.count("badge denied") == 2
        and text.count("Not used") == 1
        and page.count('class="badge on"') == 1
    )
    assert f"{first.events} events, {first.profiles} visitors" in text
    assert "/desk/models/live" not in page and "Train now" not in page, "a viewer changes nothing"
    assert page.count("<table") == 1
    check_tables(desk, page, "the models")
    rows = {row["version"]: row for row in stage.call("GET", "/v1/reports/models").json["rows"]}
    assert [row["state"] for row in rows.values()].count("live") == 1
    assert (rows["v-refused"]["state"], rows["v-refused"]["live_hr_20"]) == ("refused", 0.498)
    csv = desk.get("/desk/reports/models?format=csv").text.splitlines()
    assert csv[0].lstrip("\ufeff").startswith("version,state,made,") and len(csv) == 1 + len(rows) == 8
    desk.set_cookie("dangol_language", "ko")
    assert "새 방문이 적어 비교하지 않았습니다." in desk.get("/desk/models").text


REASONS: dict[Reason, bool] = {"not shown": False, "drifted": False, "outgrown": True, "aged": True}


def judged(
    registry: ModelRegistry, like: Card, version: str, accepted: bool, difference: float, reason: Reason = ""
) -> Model:
    card = msgspec.structs.replace(
        like,
        version=version,
        accepted=accepted,
        reason=reason,
        compared=Compared(like.version, 1234, difference, 0.02, 0.015, 2_257),
        anchored=Compared("v-best", 900, -0.03, 0.02, 0.015, 2_257) if reason == "drifted" else None,
        metrics={"candidate": {"HR@20": 0.5123, "MRR@20": 0.3}, "live": {"HR@20": 0.498, "MRR@20": 0.29}},
    )
    return dataclasses.replace(registry.load(like.version), card=card)


@pytest.mark.parametrize("user", ["vera", "mark"])
def test_only_administrators_train_and_go_back(stage: Stage, clock: Clock, user: str) -> None:
    first, second = trained(stage, clock), trained(stage, clock)
    desk = stage.desk(user)
    token = csrf_of(desk.get("/desk/models").text)
    for path in ("train", "live"):
        form = {"csrf": token, "version": first.version}
        assert desk.post(f"/desk/models/{path}", data=form).status_code == 403
    admin = stage.desk()
    for path in ("train", "live"):
        assert admin.post(f"/desk/models/{path}", data={"version": first.version}).status_code == 403
    assert registry_of(stage).live_version() == second.version and not stage.stores.models.runs.is_requested(
        "default"
    )


def test_administrators_train_and_go_back(stage: Stage, clock: Clock) -> None:
    first, second = trained(stage, clock), trained(stage, clock)
    admin = stage.desk()
    page = admin.get("/desk/models").text
    assert f"The latest training produced {second.version}." in page
    form = {"csrf": csrf_of(page), "version": first.version}
    assert admin.post("/desk/models/live", data=form).headers["Location"] == "/desk/models"
    assert registry_of(stage).live_version() == first.version
    assert admin.post("/desk/models/live", data={**form, "version": "none"}).status_code == 404
    assert admin.post("/desk/models/train", data=form).headers["Location"] == "/desk/models"
    assert stage.stores.models.runs.is_requested("default")
    page = admin.get("/desk/models").text
    assert "Training requested" in page and "disabled" in page
    assert admin.post("/desk/models/train", data=form).status_code == 409
    noted = [entry.what for entry in stage.audit.latest(9)]
    assert noted[:2] == ["POST /desk/models/train", "POST /desk/models/live"]


def test_the_progress_shows_itself(stage: Stage, clock: Clock) -> None:
    desk, seen = stage.desk("vera"), []

    def watched(progress: Progress) -> Card:
        for each in STAGES:
            progress.stage(each)
            part = desk.get("/desk/models?part=1").text
            assert str(STAGE_NAMES[each]) in part and "<html" not in part
            seen.append(float(re.findall(r'<progress[^>]* value="([^"]+)"', part)[0]))
        return train(
            "default", TableHistory(shop_history(20)), registry_of(stage), Params(iterations=1), clock
        )

    stage.stores.models.runs.run("default", watched)
    assert seen == sorted(seen) and len(set(seen)) == len(STAGES)
    assert 'data-live="/desk/models?part=1"' in desk.get("/desk/models").text


def test_nothing_to_learn_from_is_said(stage: Stage, clock: Clock) -> None:
    def empty(_: Progress) -> Card:
        return train("default", TableHistory(shop_history(1).slice(0, 0)), registry_of(stage), clock=clock)

    with pytest.raises(Exception, match="no product events"):
        stage.stores.models.runs.run("default", empty)
    assert "there are no product events yet" in stage.desk("vera").get("/desk/models").text
    assert metric(stage, "dangol_training_failures") == 0
