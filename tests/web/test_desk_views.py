"""What the desk's pages are made of: charts, formats, periods, the funnel's form."""

from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from offers.campaign.document import parse
from tracker.durations import DAY_SECONDS, WEEK_MS
from tracker.sites import Site
from web.desk.period import period_of
from web.desk.reports.funnel_form import (
    STEPS_LIMIT,
    FunnelForm,
    StepDraft,
    draft_of,
    form_of,
    pressed,
    suggested,
)
from web.desk.session import local_path
from web.desk.setup import CAMPAIGN, view_of
from web.drawing import formats
from web.drawing.charts import HEIGHT, WIDTH, ceiling_of, plot

NOW = 1_795_000_000.0  # 18 November 2026, 11:06 UTC


@pytest.mark.parametrize(
    ("values", "ceiling"),
    [([], 2), ([0], 2), ([1], 2), ([3], 3), ([7], 8), ([9, 12], 20), ([101], 200), ([0.4], 2), ([999], 1000)],
)
def test_the_ceiling_is_round_and_above_all_values(values: list[float], ceiling: float) -> None:
    assert ceiling_of(values) == ceiling


@given(st.lists(st.floats(0, 1e9), max_size=100), st.lists(st.floats(0, 1e9), max_size=100))
def test_a_plot_stays_in_its_box(values: list[float], before: list[float]) -> None:
    drawn = plot(values, before)
    assert len(drawn.points) == len(values)
    assert all(0 <= point.x <= WIDTH and 0 <= point.y <= HEIGHT for point in drawn.points)
    assert bool(drawn.columns) != bool(drawn.line) or not values


def test_numbers_as_people_read_them() -> None:
    assert [formats.number(value) for value in (0, 1234567, 2.5, -3, None)] == [
        "0",
        "1,234,567",
        "2.5",
        "−3",
        "–",
    ]
    assert [formats.percent(value) for value in (0.4237, 1, 0, None)] == ["42.4%", "100%", "0%", "–"]
    assert [formats.money(value, "EUR") for value in (12.5, 12_500, -1, None)] == [
        "€12.50",
        "€12,500",
        "−€1.00",
        "–",
    ]
    assert formats.money(12_345, "KRW") == "₩12,345" and formats.money(3, "CZK") == "CZK3.00"
    assert [formats.compact(value) for value in (5, 950, 12_400, 3_000_000)] == ["5", "950", "12.4K", "3M"]
    assert [formats.span_of(value) for value in (5, 65, 3600, 90_000, None)] == [
        "5 s",
        "1 min 5 s",
        "1 h",
        "1 d 1 h",
        "–",
    ]
    assert formats.change(12, 10) == pytest.approx(0.2) and formats.change(1, 0) is None


def test_moments_are_in_the_sites_timezone() -> None:
    ms = int(NOW * 1000)
    assert formats.when(ms, ZoneInfo("UTC")) == "18 Nov 2026, 11:06"
    assert formats.when(ms, ZoneInfo("Asia/Seoul")) == "18 Nov 2026, 20:06"
    assert formats.when(0, ZoneInfo("UTC")) == "–"
    assert [formats.ago(ms - back * 1000, NOW) for back in (5, 90, 7200, 200_000)] == [
        "just now",
        "1 min ago",
        "2 h ago",
        "2 d ago",
    ]


def test_a_period_is_whole_days_of_the_site(site: Site) -> None:
    seoul = msgspec.structs.replace(site, timezone="Asia/Seoul")
    late = 1_795_000_000.0 - 1_795_000_000.0 % DAY_SECONDS + 20 * 3600  # 20:00 UTC: the next day in Seoul
    there, here = period_of({}, seoul, late, "/desk"), period_of({}, site, late, "/desk")
    assert (there.today - here.today).days == 1 and there.days == here.days == 28
    chosen = period_of({"from": "2026-11-01", "to": "2026-11-07"}, site, NOW, "/desk")
    assert (chosen.first, chosen.last, chosen.days) == (date(2026, 11, 1), date(2026, 11, 7), 7)
    assert chosen.before == (date(2026, 10, 25), date(2026, 10, 31))
    assert chosen.title == "1–7 Nov 2026" and chosen.before_title == "25–31 Oct 2026"
    span = chosen.span(site)
    assert span.end - span.start == WEEK_MS


@pytest.mark.parametrize(
    "args",
    [
        {"from": "x", "to": "2026-11-01"},
        {"from": "2026-11-01"},
        {"from": "0001-01-01", "to": "2026-11-01"},
        {"from": "2050-01-01", "to": "2050-02-01"},
        {"from": "2026-11-01'--", "to": "<b>"},
    ],
)
def test_a_period_that_makes_no_sense_is_the_usual_one(site: Site, args: dict[str, str]) -> None:
    period = period_of(args, site, NOW, "/desk")
    assert 1 <= period.days <= 3 * 366 + 1 and period.last <= period.today


def test_periods_are_turned_round_and_kept_in_bounds(site: Site) -> None:
    turned = period_of({"from": "2026-11-07", "to": "2026-11-01"}, site, NOW, "/desk")
    assert turned.first < turned.last
    assert period_of({"from": "2001-01-01", "to": "2026-11-01"}, site, NOW, "/desk").days <= 3 * 366 + 1
    assert formats.days(date(2025, 12, 30), date(2026, 1, 2)) == "30 Dec 2025 – 2 Jan 2026"
    assert formats.days(date(2026, 1, 2), date(2026, 1, 2)) == "2 Jan 2026"


def test_presets_keep_what_the_page_needs(site: Site) -> None:
    period = period_of({}, site, NOW, "/desk/funnel", (("step", "event:A&B"), ("window", "7d")))
    chosen = [preset for preset in period.presets if preset.current]
    assert [preset.label for preset in chosen] == ["28 days"]
    assert chosen[0].href.startswith("/desk/funnel?step=event%3AA%26B&window=7d&from=")


def test_the_form_reads_links_and_fields() -> None:
    linked = form_of(MultiDict([("step", "page:/a*"), ("step", "event:Order Completed"), ("window", "1d")]))
    assert (
        linked.steps == (StepDraft("page", "/a*"), StepDraft("event", "Order Completed"))
        and linked.window == "1d"
    )
    sent = form_of(MultiDict([("kind", "page"), ("what", "/"), ("kind", "event"), ("what", "")]))
    assert [step.text for step in sent.named_steps] == ["page:/"] and len(sent.steps) == 2
    assert not form_of(MultiDict()).said
    assert len(form_of(MultiDict([("step", "event:x")] * 99)).steps) == STEPS_LIMIT


def test_a_marketer_who_types_differently_is_understood() -> None:
    assert draft_of("event:/cart") == StepDraft("page", "/cart")
    assert draft_of("event:page:/cart") == StepDraft("page", "/cart")
    assert draft_of("page:event:Order Completed") == StepDraft("event", "Order Completed")
    assert draft_of("nonsense") == StepDraft("event", "")


def test_buttons_move_add_and_remove_steps() -> None:
    form = FunnelForm((StepDraft("event", "a"), StepDraft("event", "b"), StepDraft("event", "c")), "7d", True)

    def names(button: str) -> str:
        return "".join(step.name or "-" for step in pressed(form, button).steps)

    assert names("add") == "abc-" and names("remove:1") == "ac" and names("up:1") == "bac"
    assert names("down:1") == "acb" and names("up:0") == "abc" and names("down:2") == "abc"
    for junk in ("", "up", "up:", "up:-1", "remove:99", "remove:²", "show", "up:99999999999"):
        assert names(junk) == "abc"


def test_exclusions_are_read_written_and_follow_their_steps() -> None:
    linked = MultiDict(
        [("step", f"event:{name}") for name in "abcd"]
        + [("without", text) for text in ("event:x", "1:event:y", "2:page:/z", "3:w", "")]
    )
    form = form_of(linked)
    assert [(each.step.text, each.gap) for each in form.without] == [
        ("event:x", None),
        ("event:y", 1),
        ("page:/z", 2),
        ("event:w", 3),
    ]
    assert form_of(MultiDict(form.query(()))) == form
    fields = MultiDict(
        [("kind", "event"), ("what", "a"), ("barred", "/help*"), ("gap", "2"), ("barred", ""), ("gap", "")]
    )
    sent = form_of(fields)
    assert [each.text for each in sent.without] == ["2:page:/help*", "event:"] and len(
        sent.filled.without
    ) == 1

    def gaps(button: str) -> list[tuple[str, int | None]]:
        return [(each.step.name, each.gap) for each in pressed(form, button).without]

    assert gaps("remove:0") == [("x", None), ("/z", 1), ("w", 2)]
    assert gaps("remove:1") == [("x", None), ("y", 1), ("/z", 1), ("w", 2)]
    assert gaps("remove:3") == [("x", None), ("y", 1), ("/z", 2)]
    assert gaps("unbar:1") == [("x", None), ("/z", 2), ("w", 3)]
    assert gaps("bar")[-1] == ("", None) and len(gaps("bar")) == 5
    assert gaps("unbar:9") == gaps("show") == [(each.step.name, each.gap) for each in form.without]


def test_a_step_that_is_not_chosen_yet_does_not_shift_exclusions() -> None:
    steps = [("step", "event:a"), ("step", "event:"), ("step", "event:b"), ("step", "event:c")]
    form = form_of(MultiDict([*steps, ("without", "3:event:x"), ("without", "2:event:y")]))
    assert [each.text for each in form.filled.without] == ["2:event:x", "1:event:y"]


def test_suggestions_are_of_what_occurs() -> None:
    events = ["Order Completed", "Product Viewed", "Signed Up"]
    assert [step.name for step in suggested(events, ["/"])] == ["*", "Product Viewed", "Order Completed"]
    assert [step.name for step in suggested([], ["/", "/a", "/b"])] == ["/", "/a"]
    assert suggested([], []) == ()


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/desktop",
        "/desk\\evil",
        "/desk/\n",
        "javascript:alert(1)",
        "",
        "/",
    ],
)
def test_no_open_redirects(target: str) -> None:
    assert local_path(target) == "/desk"


def test_local_paths_pass() -> None:
    assert local_path("/desk/funnel?step=event:A") == "/desk/funnel?step=event:A"


def test_the_set_up_page_shows_a_campaign_that_works(site: Site) -> None:
    assert parse(CAMPAIGN, "shoe-lovers").audience
    view = view_of(site, "https://dangol.example")
    assert "wk_test" in view.snippet and "sk_test" not in view.personalize + view.campaign
