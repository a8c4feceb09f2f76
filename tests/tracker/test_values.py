"""What no later stage can hold is settled where it comes in, by one rule, and keeps its meaning."""

import json
import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from tracker import values
from tracker.values import KEY_CHARACTERS, KEYS, NESTING, REST, fits, settled

decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder()

ANYTHING = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.text(some.characters())
    | some.binary(),
    lambda inner: (
        some.lists(inner) | some.dictionaries(some.text(some.characters()) | some.integers(), inner)
    ),
    max_leaves=30,
)


def nested(levels: int, leaf: object = "x") -> Any:
    for number in range(levels):
        leaf = {"k": leaf} if number % 2 else [leaf]
    return leaf


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (2**63 - 1, 2**63 - 1),
        (2**63, "9223372036854775808"),
        (-(2**63) - 1, "-9223372036854775809"),
        (2**64, "18446744073709551616"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ("a\0b", "a\ufffdb"),
        ("a\ud83d", "a\ufffd"),
        ("\U0001f600", "\U0001f600"),
        ({1: 2}, {"1": 2}),
    ],
)
def test_a_value_keeps_its_meaning_or_says_that_it_lost_it(value: object, kept: object) -> None:
    assert settled(value) == kept
    assert settled([{"k": value}]) == [{"k": kept}]


@pytest.mark.parametrize("number", ["1e400", "-1E+999", "9" * 5000, "-" + "8" * 400, "1" + "0" * 30])
def test_a_number_that_is_too_large_stays_as_it_came(number: str) -> None:
    raw = f'{{"n": {number}, "neighbours": [1, 2.5, "1e400", "\\"1e400"]}}'
    assert settled(values.decoded(raw.encode(), decoder)) == {
        "n": number,
        "neighbours": [1, 2.5, "1e400", '"1e400'],
    }


@pytest.mark.parametrize("levels", [NESTING, NESTING + 1, 300, 5000])
def test_what_is_nested_too_deep_becomes_text(levels: int) -> None:
    value = nested(levels)
    assert fits(value) is (levels <= NESTING)
    assert fits(settled(value))
    if NESTING < levels <= 300:
        deepest = settled(value)
        for _ in range(NESTING):
            deepest = deepest[0] if isinstance(deepest, list) else deepest["k"]
        assert json.loads(deepest) == nested(levels - NESTING)


def test_keys_that_are_too_long_or_too_many_stand_together() -> None:
    long, many = "k" * (KEY_CHARACTERS + 1), {str(number): number for number in range(KEYS + 2)}
    kept = settled({long: 1, **many})
    assert len(kept) == KEYS
    assert {**kept, **json.loads(kept.pop(REST))}.keys() - {REST} == {long, *many}
    assert json.loads(settled({long: 1, "a": 2})[REST]) == {long: 1}
    for value in ({long: 1, **many}, many, {long: many}, {REST: 1, long: 2}):
        assert fits(settled(value))


def test_a_number_that_python_does_not_write_is_kept_all_the_same() -> None:
    assert settled(10**5000) == hex(10**5000)


def test_what_contains_itself_ends() -> None:
    endless: list[Any] = []
    endless.append(endless)
    assert fits(settled(endless))


def test_what_was_changed_is_counted() -> None:
    before = values.changed.copy()
    settled({"n": 2**64, "t": "\0", "d": nested(NESTING + 1), "k" * 999: 1})
    assert {why: values.changed[why] - before[why] for why in values.REASONS} == dict.fromkeys(
        values.REASONS, 1
    )


@pytest.mark.slow
@given(ANYTHING)
def test_every_codec_holds_what_was_settled(value: Any) -> None:
    kept = settled({"value": value})
    assert fits(kept)
    assert settled(kept) is kept
    assert msgspec.json.decode(msgspec.json.encode(kept)) == kept
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(kept)) == kept
