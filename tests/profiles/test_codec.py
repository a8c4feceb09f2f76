"""What a profile is before it is stored, it is afterwards; and small in between."""

import contextlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.profiles import profile_of
from profiles.encoding import codec
from profiles.encoding.columns import pack, unpack, unpack_sums
from profiles.model import (
    Affinity,
    CartLine,
    Consent,
    Counts,
    EventCount,
    Exposure,
    ItemTouch,
    Profile,
    Said,
    Session,
    Touch,
    Wish,
)
from profiles.orders.order import Line, Order, Told
from profiles.standard_events import STANDARD_EVENTS

text = st.text(max_size=6) | st.sampled_from(["", "direct", "KR", "v:", "p1", "p2"])
time = st.integers(0, 2**50) | st.integers(1_795_000_000_000, 1_795_000_900_000)
count = st.integers(0, 2**33)
number = st.floats(allow_nan=False) | st.integers(-5, 5).map(float)
touches = st.just(Touch()) | st.builds(Touch, time, text, text, text, text, text, text)
session_ids = text | st.builds(lambda start: f"abcdefgh{start:x}", time)


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    start = draw(time)
    name = draw(session_ids | st.just(f"abcdefgh{start:x}"))
    marks = draw(st.lists(st.integers(0, 2**40), max_size=4).map(sorted) | st.lists(st.integers(-5, 5)))
    said = draw(st.lists(st.builds(Said, touches, st.booleans()), max_size=3))
    return Session(
        name, start, draw(time), draw(touches), draw(count), draw(count), draw(text), draw(text), marks, said
    )


def dicts(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(text, values, max_size=3)


items = st.builds(
    ItemTouch, text, st.sampled_from(["view", "add", "remove", "purchase", "dismiss", "list"]), time, text
)
lines = st.builds(Line, text, st.integers(-(2**40), 2**40), text, st.integers(0, 2**60))
bare = st.builds(Told, time, st.none() | st.integers(0, 2**60), text)
lined = st.builds(Told, time, lines=st.lists(lines, min_size=1, max_size=3).map(tuple))
tellings = st.builds(
    Told, time, st.none() | st.integers(0, 2**60), text, st.lists(lines, max_size=3).map(tuple)
)


def met(*fields: Any) -> Exposure:
    """Without a variant there is no time at which it was met."""
    exposure = Exposure(*fields)
    return exposure if exposure.variant else Exposure(*fields[:4])


stamps = st.just(b"") | st.binary(min_size=2, max_size=2)
orders = st.builds(
    Order,
    st.none() | bare,
    st.none() | bare,
    st.booleans(),
    st.none() | lined,
    st.integers(0, 1),
    st.lists(tellings, max_size=3).map(tuple),
    st.dictionaries(st.binary(max_size=6), tellings, max_size=2),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    time,
    st.tuples(stamps, stamps),
)
consents = st.builds(
    Consent,
    st.sampled_from(["analytics", "personalization", "marketing"]),
    st.booleans(),
    time,
    text,
    text,
    st.none() | st.booleans(),
    text,
    text,
    text,
    time,
    text,
)
profiles = st.builds(
    Profile,
    id=text | text.map("v:{}".format) | text.map("u:{}".format),
    visitors=st.lists(text, max_size=3),
    user=st.none() | text,
    traits=dicts(st.none() | st.booleans() | text | number | st.lists(text, max_size=2)),
    first_seen=time,
    last_seen=time,
    first_touch=touches,
    last_touch=touches,
    counts=st.builds(Counts, count, count, revenue=number),
    sessions=st.lists(sessions(), max_size=4),
    items=st.lists(items, max_size=5),
    cart=dicts(st.builds(CartLine, number, number)),
    affinities=dicts(st.builds(Affinity, number, time)),
    last_order=time,
    device=text,
    browser=text,
    os=text,
    country=text,
    lang=text,
    scores=dicts(number),
    consents=st.lists(consents, max_size=3),
    consents_cut=st.just(0),
    wish=st.just(Wish()) | st.builds(Wish, st.integers(1, 2**45), time, st.integers(0, 365)),
    exposure=dicts(st.builds(met, count, count, time, st.just(0) | time, time, text)),
    seen=st.lists(st.tuples(time, st.binary(max_size=18)), max_size=3),
    positions=dicts(st.tuples(st.integers(0, 2**32), st.integers(0, 2**62))),
    demo=st.booleans(),
    cursor=session_ids,
    renamed=st.lists(st.tuples(text, text, time), max_size=2),
    orders=st.dictionaries(st.binary(max_size=10), orders, max_size=2),
    event_counts=st.dictionaries(
        text | st.sampled_from(STANDARD_EVENTS), st.builds(EventCount, count, time), max_size=4
    ),
    subject=text,
    fed=st.lists(text, max_size=2),
    proven=st.booleans(),
    claims=st.lists(text, max_size=2),
    claimants=st.lists(text, max_size=2),
)


@given(profiles)
def test_a_profile_is_decoded_as_it_was(profile: Profile) -> None:
    found = codec.decode(codec.encode(profile))
    assert found == profile
    assert all(type(line.quantity) is float for line in found.cart.values())
    assert all(type(one.weight) is float for one in found.affinities.values())


@given(profiles)
def test_a_copy_shares_nothing(profile: Profile) -> None:
    before = codec.encode(profile)
    copied = codec.copy(profile)
    copied.sessions.append(Session("x", 1, 2, Touch()))
    copied.items.clear()
    copied.counts.events += 1
    copied.traits["more"] = True
    for session in copied.sessions:
        session.events += 1
        session.marks.append(7)
    for one in copied.event_counts.values():
        one.count += 1
    assert codec.encode(profile) == before


@given(st.lists(st.integers(0, 300)) | st.lists(st.integers(-(2**63), 2**63 - 1)))
def test_a_column_holds_its_numbers(numbers: list[int]) -> None:
    assert unpack(pack(numbers)) == numbers
    assert unpack_sums(pack([3, *numbers]), 4)[0] == 7


@pytest.mark.parametrize("raw", [b"", b"\x90", b"\xc0", b"\xff" * 20])
def test_other_bytes_are_no_profile(raw: bytes) -> None:
    with pytest.raises(codec.ProfileInvalid):
        codec.decode(raw)


@given(profiles, st.data())
def test_a_cut_or_changed_profile_is_none_or_another(profile: Profile, data: st.DataObject) -> None:
    raw = bytearray(codec.encode(profile))
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(codec.ProfileInvalid):
        codec.decode(bytes(raw))


def test_a_profile_of_fifty_events_is_small() -> None:
    """1.5 KB with what Redis adds for the key (200 bytes): it rounds the value up to 1,280."""
    draw = random.Random(5)
    sizes = sorted(len(codec.encode(profile_of(50, draw))) for _ in range(101))
    assert sizes[50] <= 1_160


def test_a_profile_that_an_earlier_release_stored_is_read() -> None:
    profile = Profile("v:a1", renamed=[("s1", "s2", 0)])
    fields = msgspec.msgpack.decode(codec.encode(profile))
    for fewer in (1, 3):
        assert codec.decode(msgspec.msgpack.encode(fields[:-fewer])) == profile
