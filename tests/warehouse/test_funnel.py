"""The funnel against a naive count of every chain, on random data with ties, repeats and late events."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.warehouse_funnel import ADD, BUY, SPAN, VIEW, stroll
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from tracker.standard_events.deeds import is_deed
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.funnel import step_order
from warehouse.funnel.dropoffs import dropoffs
from warehouse.funnel.funnel import Rules, funnel, parse_step, parse_window
from warehouse.funnel.step_order import Exclusion, first_arrivals, gather, in_any_order, in_order
from warehouse.question.refused import QueryRefused
from warehouse.question.steps import Step
from warehouse.reports.paths import paths

Hit = tuple[int, int, int]  # owner, time, mask


def arrives(
    events: Sequence[tuple[int, int]],
    start: int,
    upto: int,
    window: int,
    without: Sequence[Exclusion],
    unit: int,
) -> bool:
    """Whether some chain that begins with event ``start`` arrives at step ``upto``: tries every way. ``unit`` of a time
    are one of the window."""
    begin = events[start][0]

    def clear(bit: int, low: int, high: int) -> bool:
        return not any(low < ts < high and mask & (1 << bit) for ts, mask in events)

    def scan(at: int, step: int) -> bool:
        ts = events[at][0]
        if step == upto:
            return all(clear(each.bit, begin, ts) for each in without if each.after is None)
        return any(
            ts < later and later // unit - begin // unit <= window and mask & (1 << (step + 1))
            and all(clear(each.bit, ts, later) for each in without if each.after == step)
            and scan(index, step + 1)
            for index, (later, mask) in enumerate(events)
        )  # fmt: skip

    return scan(start, 0)


def naive(
    hits: Sequence[Hit], steps: int, window: int, without: Sequence[Exclusion] = (), unit: int = 1
) -> list[set[int]]:
    reached: list[set[int]] = [set() for _ in range(steps)]
    for owner in {owner for owner, _, _ in hits}:
        events = sorted((ts, mask) for one, ts, mask in hits if one == owner)
        for step in range(steps):
            starts = [at for at, (_, mask) in enumerate(events) if mask & 1]
            if any(arrives(events, at, step, window, without, unit) for at in starts):
                reached[step].add(owner)
    return reached


def naive_any(hits: Sequence[Hit], same: Sequence[int], window: int) -> list[set[int]]:
    reached: list[set[int]] = [set() for _ in same]
    for owner in {owner for owner, _, _ in hits}:
        events = [(ts, mask) for one, ts, mask in hits if one == owner]
        for end, _ in events:
            inside = [mask for ts, mask in events if end - window <= ts <= end]
            for step in range(len(same)):
                if all(sum(bool(m & (1 << k)) for m in inside) > same[k] for k in range(step + 1)):
                    reached[step].add(owner)
    return reached


def arrays(hits: Sequence[Hit], bits: int, time_bits: int) -> list[step_order.StepEvents]:
    owner = np.array([hit[0] for hit in hits], np.int64)
    packed = np.array([hit[1] << bits | hit[2] for hit in hits], np.int64)
    return list(gather(owner, packed, bits, time_bits, int(owner.max(initial=-1)) + 1))


hit_lists = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 31)), max_size=14)
# Three kinds of events that may be excluded, beside those of four steps.
barred_lists = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12), st.integers(0, 127)), max_size=14)
exclusions = st.lists(st.tuples(st.integers(4, 6), st.sampled_from([None, 0, 1, 2])), max_size=4)


@settings(max_examples=600, deadline=None)
@given(barred_lists, st.integers(1, 4), st.integers(1, 12), exclusions)
def test_chains_are_those_that_trying_every_way_finds(
    hits: list[Hit], steps: int, window: int, barred: list[tuple[int, int | None]]
) -> None:
    without = [Exclusion(bit, at) for bit, at in barred if at is None or at < steps - 1]
    found: list[set[int]] = [set() for _ in range(steps)]
    for part in arrays(hits, 7, 4):
        for step, level in enumerate(in_order(part, steps, window, without)):
            found[step] |= set(first_arrivals(level, part).owner.tolist())
    assert found == naive(hits, steps, window, without)


@settings(max_examples=300, deadline=None)
@given(hit_lists, st.lists(st.integers(0, 1), min_size=1, max_size=4), st.integers(1, 12))
def test_any_order_is_what_every_window_holds(hits: list[Hit], same: list[int], window: int) -> None:
    found: list[set[int]] = [set() for _ in same]
    for part in arrays(hits, 5, 4):
        for step, level in enumerate(in_any_order(part, same, window)):
            found[step] |= set(first_arrivals(level, part).owner.tolist())
    assert found == naive_any(hits, same, window)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12), st.integers(0, 7)), max_size=60))
def test_more_visitors_than_fit_one_key_are_counted_in_parts(hits: list[Hit]) -> None:
    def counted() -> tuple[int, list[set[int]]]:
        found: list[set[int]] = [set() for _ in range(3)]
        parts = arrays(hits, 3, 4)
        for part in parts:
            for step, level in enumerate(in_order(part, 3, 5)):
                found[step] |= set(first_arrivals(level, part).owner.tolist())
        return len(parts), found

    with pytest.MonkeyPatch.context() as patch:
        _, whole = counted()
        patch.setattr(step_order, "KEY_BITS", 10)
        count, parts = counted()
    assert parts == whole
    assert count > 1 or max((hit[0] for hit in hits), default=0) < 32


# Through real tables.


def is_step(event: EventRow, text: str) -> bool:
    kind, _, what = text.partition(":")
    if kind == "event":
        return event.type == "track" and event.name == what
    if event.type != "page":
        return False
    return event.path.startswith(what[:-1]) if what.endswith("*") else event.path == what


Barred = Sequence[tuple[str, int | None]]
"""What must not come in between, and after which step, from 0."""


TIES = 1000
"""More than there are events in one millisecond."""


def sent(event: EventRow) -> tuple[int, int, str]:
    """The order of events."""
    return event.ts, 1 << 63 if event.position is None else event.position, event.id


def whole_visits(rows: Sequence[EventRow]) -> Iterator[EventRow]:
    """The events of the visits that begin in SPAN."""
    people = [each for each in rows if not each.bot]
    for session in {each.session for each in people}:
        mine = [each for each in people if each.session == session]
        deeds = [each.ts for each in mine if is_deed(each.type, each.name)]
        if deeds and SPAN.start <= min(deeds) < SPAN.end:
            yield from mine


def expected(
    rows: Sequence[EventRow],
    texts: Sequence[str],
    window: int,
    by: str,
    names: dict[str, str],
    barred: Barred = (),
) -> list[int]:
    kept = [each for each in rows if not each.bot and SPAN.start <= each.ts]
    if by == "session":  # a visit begins with a deed, here and in the span
        kept = list(whole_visits(rows))
    codes: dict[str, int] = {}
    places: Counter[tuple[str, int]] = Counter()
    hits = []
    for event in sorted(kept, key=sent):
        owner = getattr(event, by)
        owner = names.get(owner, owner)
        mask = sum(
            1 << at for at, text in enumerate([*texts, *(text for text, _ in barred)]) if is_step(event, text)
        )
        if by != "session" and event.ts >= SPAN.end:
            mask &= ~1  # a visitor begins in the span, and may arrive after it
        if mask:
            place = event.ts * TIES + places[event.session, event.ts]
            places[event.session, event.ts] += 1
            hits.append((codes.setdefault(owner, len(codes)), place, mask))
    without = [Exclusion(len(texts) + at, after) for at, (_, after) in enumerate(barred)]
    return [len(reached) for reached in naive(hits, len(texts), window, without, TIES)]


@pytest.mark.parametrize("seed", range(20))
def test_counts_equal_a_naive_count(tmp_path: Path, seed: int) -> None:
    rows, chance = stroll(seed), random.Random(seed)
    warehouse = Warehouse(str(tmp_path))
    names = {"p0": "p1", "p2": "p3"} if seed % 2 else {}
    warehouse.append(
        rows[:250], [AliasRow("default", "profile", old, new, 1) for old, new in names.items()], {}
    )
    warehouse.append(rows[250:], [], {})
    for texts in (
        [VIEW, ADD, BUY],
        ["page:/", VIEW, VIEW],
        ["page:/shoes*", ADD],
        ["page:/shoes%", ADD],
        [ADD] * 3,
    ):
        window = chance.choice([900_000, HOUR_MS, DAY_MS])
        for by in ("profile", "session"):
            rules = Rules(window=window, by_session=by == "session")
            found = funnel(warehouse, "default", [parse_step(text) for text in texts], rules, SPAN)
            by_names = names if by == "profile" else {}
            assert [step.visitors for step in found.steps] == expected(rows, texts, window, by, by_names), (
                texts
            )


@pytest.mark.parametrize("seed", range(20))
def test_several_exclusions_each_in_its_gap_equal_a_naive_count(tmp_path: Path, seed: int) -> None:
    rows, chance = stroll(seed), random.Random(seed)
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(rows, [], {})
    texts = ["page:*", VIEW, ADD, BUY][: chance.choice([3, 4])]
    among = ["event:Offer Viewed", "page:/shoes*", "page:/", VIEW]
    window = chance.choice([HOUR_MS, DAY_MS])
    reached = []
    for count in range(4):
        barred = [(chance.choice(among), chance.choice([None, 0, 1])) for _ in range(count)]
        for by in ("profile", "session"):
            steps = [parse_step(text) for text in texts]
            without = tuple((parse_step(text), after) for text, after in barred)
            rules = Rules(window=window, by_session=by == "session", without=without)
            found = [step.visitors for step in funnel(warehouse, "default", steps, rules, SPAN).steps]
            assert found == expected(rows, texts, window, by, {}, barred), (barred, by)
            reached.append(found)
    assert (
        reached[0][1] > 0 and reached[0][1] >= reached[-2][1]
    )  # people go on, and no more where they are barred


@pytest.mark.parametrize("seed", range(20))
def test_counts_equal_those_of_clickhouse(tmp_path: Path, seed: int) -> None:
    """Its windowFunnel keeps the latest start too; it needs moments that differ and steps that do not repeat."""
    chdb = pytest.importorskip("chdb", reason="pip install chdb (300 MB) compares with ClickHouse")
    chance = random.Random(seed)
    moments = chance.sample(range(3_000), 600)
    names = ["Product Viewed", "Product Added", "Order Completed", "Searched"]
    rows = [
        row(NOON + at * 60_000, id=f"e{at}", type="track", name=chance.choice(names), profile=f"p{at % 40}")
        for at in moments
    ]
    warehouse, window = Warehouse(str(tmp_path)), chance.choice([1, 6, 24]) * HOUR_MS
    warehouse.append(rows, [], {})
    found = funnel(warehouse, "default", [parse_step(text) for text in (VIEW, ADD, BUY)], window, SPAN)
    answer = chdb.query(
        f"""select countIf(level >= 1), countIf(level >= 2), countIf(level >= 3) from (
            select profile, windowFunnel({window}, 'strict_increase')(toUInt64(ts), name = '{names[0]}',
                name = '{names[1]}', name = '{names[2]}') as level
            from file('{tmp_path}/events/*/*.parquet', Parquet) where ts < {SPAN.end} group by profile)""",
        "CSV",
    )
    assert [step.visitors for step in found.steps] == [int(count) for count in str(answer).strip().split(",")]


def hour(at: float, **changes: object) -> EventRow:
    return row(NOON + int(at * HOUR_MS), **changes)


def track(at: float, name: str, **changes: object) -> EventRow:
    return hour(at, type="track", name=name, **changes)


def counts(
    tmp_path: Path, rows: Sequence[EventRow], texts: Sequence[str], rules: Rules | int = HOUR_MS
) -> list[int]:
    warehouse = Warehouse(str(tmp_path))
    warehouse.append(list(rows), [], {})
    found = funnel(warehouse, "default", [parse_step(text) for text in texts], rules, SPAN)
    return [step.visitors for step in found.steps]


def test_a_second_start_counts_when_the_first_was_too_early(tmp_path: Path) -> None:
    rows = [hour(0), hour(2), track(2.5, "Product Viewed")]
    assert counts(tmp_path, rows, ["page:/", VIEW]) == [1, 1]


def test_the_window_is_of_the_whole_funnel_and_inclusive(tmp_path: Path) -> None:
    rows = [hour(0), track(0.9, "Product Viewed"), track(1, "Product Added"), track(1.001, "Order Completed")]
    assert counts(tmp_path, rows, ["page:/", VIEW, ADD, BUY]) == [1, 1, 1, 0]


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("where", ["", " where medium != none"])
@pytest.mark.parametrize("files", [1, 2])
def test_of_one_millisecond_what_was_sent_later_is_later(
    tmp_path: Path, by_session: bool, where: str, files: int
) -> None:
    """In a scan and in SQL, whatever the ids say, in one file or in two."""
    rows = [hour(0, id="z", position=7), track(0, "Product Viewed", id="a", position=8)]
    warehouse = Warehouse(str(tmp_path))
    for part in [rows] if files == 1 else [[rows[1]], [rows[0]]]:
        warehouse.append(part, [], {})
    rules = Rules(window=HOUR_MS, by_session=by_session)

    def counted(*texts: str) -> list[int]:
        steps = [parse_step(text + where) for text in texts]
        return [step.visitors for step in funnel(warehouse, "default", steps, rules, SPAN).steps]

    assert counted("page:/", VIEW) == [1, 1]
    assert counted(VIEW, "page:/") == [1, 0]
    assert counted("page:/", "page:/") == [1, 0]
    left = [parse_step("page:/"), parse_step(BUY)]
    gone = dropoffs(warehouse, "default", left, rules, SPAN, 0)
    assert [(each.name, each.visitors, each.share) for each in gone] == [("event:Product Viewed", 1, 1.0)]
    ways = paths(warehouse, "default", SPAN, parse_step("page:/" + where))
    assert next((flow.source, flow.target) for flow in ways.flows) == ("page:/", "event:Product Viewed")


def test_figures_add_up(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    rows = [hour(0, profile=f"p{at}") for at in range(4)]
    rows += [track(0.5 if at else 0.25, "Product Viewed", profile=f"p{at}", demo=True) for at in range(3)]
    warehouse.append(rows, [], {})
    found = funnel(
        warehouse, "default", [parse_step("page:/"), parse_step(VIEW), parse_step(BUY)], HOUR_MS, SPAN
    )
    first, second, third = found.steps
    assert (first.name, first.visitors, first.conversion, first.drop) == ("page:/", 4, 1.0, 0)
    assert (second.name, second.visitors, second.conversion, second.drop) == (VIEW, 3, 0.75, 1)
    assert (second.median, second.share) == (1800, 0.75)
    assert (third.visitors, third.conversion, third.drop, third.median) == (0, 0.0, 3, None)
    assert found.demo


def test_nobody_came(tmp_path: Path) -> None:
    assert counts(tmp_path, [], ["page:/", VIEW]) == [0, 0]


def test_a_glob_of_an_address_matches_the_address(tmp_path: Path) -> None:
    rows = [hour(0, url="https://a.example/x?y=1", path="/x"), hour(1, url="https://b.example/x", path="/x")]
    assert counts(tmp_path, rows, ["page:https://a.example/*"]) == [1]
    assert counts(tmp_path / "2", rows, ["page:*"]) == [1]


LINES = [{"product": "p1", "category": "shoes", "quantity": 1.0, "price": 9.0}]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("category = shoes", True),
        ("category = hats", False),
        ("category != shoes", False),
        ("category != hats", True),
        ("price >= 9", True),
        ("price > 9", False),
        ("colour = red", True),
        ("colour != red", False),
        ("size != 4", True),
        ("size = 4", False),
        ("rating > 3.5", True),
        ("rating > 10", False),
        ("title ~ SALE", True),
        ("a.b = 'x and y'", True),
        ('colour = "red" and category = shoes and rating < 5', True),
        ("colour = red and category = hats", False),
    ],
)
def test_properties_narrow_a_step(tmp_path: Path, condition: str, holds: bool) -> None:
    props = '{"colour":"red","rating":4.5,"a":{"b":"x and y"}}'
    event = track(0, "Product Viewed", props=props, title="Big sale", items=LINES)
    assert counts(tmp_path, [event], [f"{VIEW} where {condition}"]) == [int(holds)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "page:PATH or event:NAME"),
        ("visit:/", "page:PATH or event:NAME"),
        ("page:", "which path"),
        ("event: ", "which name"),
        ("event:A where", "PROPERTY = VALUE"),
        ("event:A where x", "PROPERTY = VALUE"),
        ("event:A where price = cheap", "is a number"),
        ("event:A where .. = 1", "PROPERTY = VALUE"),
        ("event:A where props. = 1", "PROPERTY = VALUE"),
        ("event:A where a..b = 1", "PROPERTY = VALUE"),
        ("page:" + "x" * 2000, "at most"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(text: str, says: str) -> None:
    if text == "event:A where":  # a name may end so
        assert parse_step(text).what == "A where"
        return
    with pytest.raises(QueryRefused, match=says) as refused:
        parse_step(text, "step")
    assert refused.value.field == "step"


def test_a_step_is_written_as_it_is_read() -> None:
    for text in ("page:/a*", VIEW, f'{VIEW} where price >= "9" and a.b ~ "x y"'):
        assert parse_step(text).name == text
        assert parse_step(parse_step(text).name) == parse_step(text)


@pytest.mark.parametrize(("text", "ms"), [("30m", 1_800_000), (" 2 h ", 7_200_000), ("7d", 604_800_000)])
def test_a_window_is_a_number_with_a_unit(text: str, ms: int) -> None:
    assert parse_window(text) == ms


@pytest.mark.parametrize("text", ["", "7", "d", "0d", "-1d", "1.5h", "7w", "367d", "99999999999d", "٧d"])
def test_a_window_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        parse_window(text)
    assert refused.value.field == "window"


def test_rules_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    warehouse, step = Warehouse(str(tmp_path)), parse_step("page:/")
    rules = Rules(window=1)
    nonsense: list[tuple[list[Step], Rules, str]] = [
        ([], rules, "step"),
        ([step] * 21, rules, "step"),
        ([step], replace(rules, window=0), "window"),
        ([step, step], replace(rules, any_order=True, without=((step, None),)), "order"),
        ([step, step], replace(rules, without=((step, 1),)), "without"),
    ]
    for steps, wrong, field in nonsense:
        with pytest.raises(QueryRefused) as refused:
            funnel(warehouse, "default", steps, wrong, SPAN)
        assert refused.value.field == field
