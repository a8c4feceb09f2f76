"""The segments page: sizes and their trend, overlap, the editor as rows and as text, the file."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from werkzeug.datastructures import MultiDict

from offers.audience.audience import Audience
from offers.audience.fields import resolve
from offers.audience.grammar import parse
from offers.segments.segment import Segment
from profiles.model import Counts, Profile
from profiles.store.port import Write
from tests.support.desk_rows import HOSTILE
from tests.support.html import squeezed
from tests.support.installation import eventually
from tests.support.machine import Clock
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from web.desk.campaigns.audience_form import (
    EXAMPLES,
    LABELS,
    AudienceForm,
    ConditionRow,
    form_of,
    read,
    segments_asked,
)
from web.desk.campaigns.segments import spark
from web.people.everyone import Everyone
from web.people.segment_sizes import DAYS_KEPT, SegmentSizes


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    for number in range(4):
        profile = Profile(id=f"v:{number}", visitors=[str(number)], counts=Counts(orders=number))
        stage.profiles.save("default", [Write(profile.id, b"", profile)])
    for name, audience in (("buyers", "orders < 2"), ("lookers", "orders in (1, 2)")):
        stage.stores.segments.store.put("default", Segment(id=name, name=name.title(), audience=audience))
    return stage


@pytest.mark.parametrize(
    "text",
    [
        "orders = 0",
        "orders >= 2 and stage = 'regular' and affinity('shoes') > 0.3",
        "country in ('KR', 'JP') or visits < 3",
        "keyword contains 'it''s' and campaign exists",
        "trait('plan') = 'gold' and trait('age') >= 30 and known = true",
        "count('Newsletter Signed Up') >= 2 and days_since('Form Sent') < 7 and in_cart('p7') = true and hour < 9",
        "revenue > 1234567 and cart_value > 0.1234567",
        "",
    ],
)
def test_rows_say_what_the_text_says(text: str) -> None:
    form = read(text)
    assert form.rows is not None and form.text == text
    Audience.parse(form.text)


@pytest.mark.parametrize(
    "text",
    [
        "not (orders = 0)",
        "orders = 0 and (visits > 1 or visits < 9)",
        "visits between 1 and 3",
        "keyword in ('a,b', 'c')",
        "trait('age') = '5'",
        "keyword = ' x '",
        " or ".join(f"orders = {number}" for number in range(21)),
    ],
)
def test_what_rows_cannot_say_stays_text(text: str) -> None:
    assert read(text).rows is None


def test_whatever_is_typed_into_rows_is_read_as_text_or_number() -> None:
    row = ConditionRow("keyword", "", "=", "x' or orders > 0 or keyword = 'y")
    assert Audience.parse(row.text) and read(row.text).rows == (row,)
    assert ConditionRow("visits", "", ">=", "1 or orders > 0").text == "visits >= '1 or orders > 0'"
    assert ConditionRow("trait", "a') = 1 or trait('b", "=", "1").text == "trait('a'') = 1 or trait(''b') = 1"


def test_every_row_that_the_form_offers_can_be_asked() -> None:
    for name in LABELS:
        argument = EXAMPLES.get(name, "").split("'")[1] if name in EXAMPLES else ""
        assert resolve(parse(ConditionRow(name, argument, "exists").text).operand)  # type: ignore[union-attr]
    for name, arguments in EXAMPLES.items():
        assert resolve(parse(f"{name}({arguments}) exists").operand)  # type: ignore[union-attr]


def test_buttons_add_and_remove_rows() -> None:
    def sent(do: str) -> AudienceForm:
        fields = [("field", "orders"), ("argument", ""), ("operator", "="), ("value", "1")] * 2
        return form_of(MultiDict([*fields, ("do", do), ("match", "any")]))

    assert sent("save").text == "orders = 1 or orders = 1"
    assert [len(sent(do).rows or ()) for do in ("add", "remove:1", "remove:9", "remove:x")] == [3, 1, 2, 2]


def test_sizes_are_kept_by_day(redis_url: str) -> None:
    sizes, last = SegmentSizes(redis_url), date(2026, 11, 18)
    sizes.record("s", date(2026, 11, 15), {"a": 3})
    sizes.record("s", date(2026, 11, 17), {"a": 4, "b": 1})
    sizes.record("s", date(2026, 11, 17), {"a": 5})
    assert sizes.history("s", ["a", "b", "c"], last, 5) == {"a": [3, 3, 5, 5], "b": [1, 1], "c": []}
    sizes.record("s", date.fromordinal(last.toordinal() - 3 + DAYS_KEPT), {"a": 9})
    assert sizes.history("s", ["a"], last, 5) == {"a": [5, 5]}


def test_a_spark_stays_in_its_box() -> None:
    assert (
        spark([1]) == "" and spark([2, 2]) == "M0.0 22.0L100.0 22.0" and spark([0, 10]).endswith("100.0 2.0")
    )


def test_the_list_tells_sizes_and_trends(stage: Stage, clock: Clock) -> None:
    today = datetime.fromtimestamp(clock(), UTC).date()
    stage.stores.segments.sizes.record("default", date.fromordinal(today.toordinal() - 1), {"buyers": 1})
    page = squeezed(stage.desk().get("/desk/segments").text)
    assert page.count('data-label="members">2<') == 2 and "+1" in page and 'class="spark"' in page
    assert "no data yet" in page


def test_the_overlap_of_two(stage: Stage) -> None:
    page = stage.desk().get("/desk/segments?a=buyers&b=lookers").text
    assert "in both, 33.3% of the total" in page and page.count('<b class="mid">1</b>') == 2
    assert stage.desk().get("/desk/segments?a=buyers&b=gone").status_code == 200


def test_the_members_as_a_file(stage: Stage) -> None:
    answer = stage.desk().get("/desk/reports/segment?id=buyers&format=csv")
    assert [line.split(",")[0] for line in answer.text.splitlines()[1:]] == ["v:0", "v:1"]
    assert stage.call("GET", "/v1/reports/segment?id=nobody").json == {"total": 0, "people": []}


def test_a_segment_is_made_with_the_form(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get("/desk/segments/edit").text
    fields = {"field": "orders", "argument": "", "operator": ">=", "value": "2", "match": "all"}
    form = {"csrf": csrf_of(page), "how": "rows", "name": "단골", **fields}
    counted = desk.post("/desk/segments/edit", data={**form, "do": "count"}).text
    assert "2 of 4 visitors match" in counted and "orders &gt;= 2" in counted
    assert stage.stores.segments.store.get("default", "단골") is None
    made = desk.post("/desk/segments/edit", data={**form, "do": "save"})
    segment_id = made.headers["Location"].partition("made=")[2]
    found = stage.stores.segments.store.get("default", segment_id)
    assert found and (found.name, found.audience) == ("단골", "orders >= 2")
    again = desk.get(f"/desk/segments/edit?id={segment_id}").text
    assert "2 of 4 visitors match" in again
    assert (
        desk.post("/desk/segments/delete", data={"csrf": form["csrf"], "id": segment_id}).status_code == 302
    )
    assert stage.stores.segments.store.get("default", segment_id) is None


@pytest.mark.parametrize("text", ["orders >", "nonsense = 1", HOSTILE, "segment = 'buyers'"])
def test_a_mistake_is_explained(stage: Stage, text: str) -> None:
    desk = stage.desk()
    csrf = csrf_of(desk.get("/desk/segments/edit").text)
    form = {"csrf": csrf, "how": "text", "name": HOSTILE, "audience": text, "do": "save"}
    answer = desk.post("/desk/segments/edit", data=form)
    assert answer.status_code == 200 and 'role="alert"' in answer.text and HOSTILE not in answer.text


def test_a_viewer_cannot_change_segments(stage: Stage) -> None:
    stage.users.put("vera", PASSWORD, "viewer")
    vera = stage.desk("vera")
    page = vera.get("/desk/segments").text
    assert "/desk/segments/edit" not in page
    form = {"csrf": csrf_of(page), "id": "buyers", "name": "x", "audience": "", "do": "save"}
    for path in ("/desk/segments/edit", "/desk/segments/delete"):
        assert vera.post(path, data=form).status_code == 403


def test_a_segment_is_deleted_after_a_question_that_names_its_campaigns(stage: Stage) -> None:
    boots = {"name": "Boots <b>", "status": "live", "slots": ["hero"]}
    creatives = [{"id": "a", "kind": "html", "content": "<p>x</p>"}]
    told = {**boots, "creatives": creatives, "audience": "orders > 1 and not segment in ('buyers', 'x')"}
    stage.call("PUT", "/v1/campaigns/boots", json=told)
    desk = stage.desk()
    page = desk.get("/desk/segments").text
    assert 'action="/desk/segments/delete"' not in page and "/desk/segments?delete=buyers" in page
    asked = desk.get("/desk/segments?delete=buyers").text
    assert "These campaigns use it" in asked and "Boots &lt;b&gt;" in asked and "Live now" in asked
    assert stage.stores.segments.store.get("default", "buyers")
    assert "No campaign uses it" in desk.get("/desk/segments?delete=lookers").text
    assert "Cancel" not in desk.get("/desk/segments?delete=gone").text
    form = {"csrf": csrf_of(asked), "id": "buyers"}
    assert desk.post("/desk/segments/delete", data=form).status_code == 302
    assert stage.stores.segments.store.get("default", "buyers") is None


def test_a_size_that_was_not_counted_yet_is_not_0(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.stores.segments.store.put("default", Segment(id="fresh", name="Fresh", audience="orders > 9"))
    with monkeypatch.context() as earlier:
        earlier.setattr("web.reports.reports.everyone", lambda *_: Everyone({}, {}))
        assert 'data-label="members">–<br>' in squeezed(stage.desk().get("/desk/segments").text)
    eventually(lambda: 'data-label="members">0<' in squeezed(stage.desk().get("/desk/segments").text))


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("segment = 'a' or not (segments in ('b', 'c') and 'd' in segment)", {"a", "b", "c", "d"}),
        ("segment exists and campaign = 'x'", set()),
        ("segment =", set()),
        ("", set()),
    ],
)
def test_the_segments_an_audience_asks_for(source: str, asked: set[str]) -> None:
    assert segments_asked(source) == asked
