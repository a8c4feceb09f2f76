"""Consent: what is written down, and what it allows."""

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.consent import record
from profiles.consent.rules import DEFAULTS, allows
from profiles.consent.statement import PREFERENCES_UPDATED, TEXT_CHARACTERS, statement_of
from profiles.encoding import codec
from profiles.encoding.packing import pack_profile
from profiles.facts import Facts
from profiles.fold.fold import LogPosition, Settings, apply, apply_claimed
from profiles.fold.identity import merge
from profiles.model import Consent, Profile, Wish
from tests.support.consents import answers
from tracker.event import SITE, Event

T = 1_795_000_000_000
texts = st.just("") | st.sampled_from(["", "email", "sms"])
consents = st.builds(
    Consent,
    st.sampled_from(record.PURPOSES),
    st.booleans(),
    st.integers(0, 40).map(lambda at: at and T + at),
    texts,
    st.just("") | st.sampled_from([f"t{n}" for n in range(40)]),
    st.none() | st.booleans(),
    st.sampled_from(["", "KR"]),
    st.sampled_from(["", "v2"]),
    st.sampled_from(["", "/me"]),
    st.integers(-3, 3).map(lambda at: T + at if at else 0),
    st.sampled_from(["", "d1"]),
)


def said(number: int, ts: int, **props: Any) -> Event:
    site = {"sender": SITE} if props.pop("site", False) else {}
    return Event(site="default", id=f"e{number}", type="consent", visitor="a", ts=ts, received=T + 99,
                 source="snippet", props=props, **site)  # fmt: skip


def at(number: int) -> LogPosition:
    return LogPosition("a", 0, number)


@pytest.mark.parametrize("purpose", record.PURPOSES)
def test_what_was_said_counts_and_else_the_default(purpose):
    assert allows({}, purpose) is DEFAULTS[purpose]
    assert allows({purpose: True}, purpose) and not allows({purpose: False}, purpose)


def test_nobody_is_written_to_who_did_not_allow_it():
    assert (DEFAULTS["analytics"], DEFAULTS["personalization"], DEFAULTS["marketing"]) == (True, True, False)


@given(st.lists(consents, max_size=120), st.randoms(use_true_random=False))
def test_any_order_of_arrival_gives_the_same_record(heard: list[Consent], draw: random.Random):
    one, other, whole = Profile("v:a"), Profile("v:a"), Profile("v:a")
    for answer in heard:
        record.note(one, [answer])
    draw.shuffle(heard)
    for answer in heard:
        record.note(other, [answer])
    record.note(whole, heard)
    assert one.consents == other.consents == whole.consents
    assert one.consent == other.consent
    for subject, newest in record._newest(heard).items():
        if not (subject[1] or subject[2]):
            assert record.standing(one)[subject] == newest, "a purpose as a whole always stays"
    assert len(one.consents) <= record.KEPT + record.SUBJECTS_KEPT + len(record.PURPOSES)
    assert len(set(heard)) - len(one.consents) == whole.consents_cut


@given(st.lists(consents, max_size=30), st.lists(consents, max_size=30))
def test_a_merge_allows_no_more_than_either_did(ours: list[Consent], theirs: list[Consent]):
    one, other = Profile("u:a"), Profile("v:b")
    record.note(one, ours)
    record.note(other, theirs)
    refused = {name for each in (one, other) for name, given in each.consent.items() if not given}
    both, back = codec.copy(one), codec.copy(other)
    record.merge(both, other)
    record.merge(back, one)
    assert both.consent == back.consent and both.consents == back.consents
    assert all(both.consent[name] is (name not in refused) for name in {*one.consent, *other.consent})
    before = both.consents
    record.merge(both, other)
    assert both.consents == before, "a merge that a crash repeats adds nothing"


def test_after_a_merge_a_newer_yes_counts():
    one, other = Profile("u:a", consents=answers({"marketing": False}, T)), Profile("v:b")
    other.consents = answers({"marketing": True}, T + 1)
    merge(one, other)
    assert one.consent == {"marketing": False}
    record.note(one, answers({"marketing": True}, T + 2))
    assert one.consent == {"marketing": True} and len(one.consents) == 4, "nothing is overwritten"


def test_late_and_repeated_events_change_nothing_that_was_said_later():
    profile = Profile("v:a")
    events = [
        said(n, T + ts, marketing=given) for n, (ts, given) in enumerate([(5, False), (1, True), (3, True)])
    ]
    for number, event in enumerate([*events, *events]):
        apply(profile, event, Facts(), Settings(), at(number))
    assert profile.consent == {"marketing": False}
    assert [one.given_at - T for one in profile.consents] == [1, 3, 5]


def test_an_answer_is_kept_with_all_that_is_known_of_it():
    told = {"marketing": True, "channel": "Email", "topic": "sale", "night": False, "jurisdiction": "kr"}
    told |= {"textVersion": 3, "source": "checkout", "verifiedAt": "2026-11-30T12:00:00+09:00"}
    found = statement_of(said(1, T, site=True, **told))
    moment = 1_796_007_600_000
    assert found.losses == ()
    assert found.answers == (
        Consent("marketing", True, T, "email", "sale", False, "KR", "3", "checkout", moment),
    )
    assert statement_of(said(1, T, marketing=True)).answers == (
        Consent("marketing", True, T, source="snippet"),
    )
    browser = statement_of(said(1, T, address="d1", **told)).answers[0]
    assert (browser.verified_at, browser.address) == (0, ""), "a browser confirms nobody's address"


def test_how_often_somebody_wants_messages_is_what_they_said_last():
    profile = Profile("v:a")
    day = 86_400_000
    events = [
        said(1, T, pauseUntil=T + 5 * day, everyDays=7),
        said(3, T + 2, everyDays=30),
        said(2, T + 1, pauseUntil=T + 999 * day),
    ]
    for number, event in enumerate(events):
        apply(profile, event, Facts(), Settings(), at(number))
    assert profile.wish == Wish(T + 2, 0, 30)
    assert codec.decode(codec.encode(profile)).wish == profile.wish
    far = statement_of(said(4, T, pauseUntil=T + 999 * day, everyDays=-1))
    assert far.wish == Wish(T, T + 366 * day, 0) and len(far.losses) == 1
    apply_claimed(profile, said(5, T + 9, everyDays=0), Facts(), Settings(), at(9))
    assert profile.wish.every_days == 30, "a claim changes nothing of a proven customer"


def test_what_cannot_be_read_is_a_loss_and_nothing_else_is_lost():
    told = {"marketing": "yes", "personalization": False, "night": 1, "channel": ["x"], "topic": "t" * 500}
    found = statement_of(said(1, T, verifiedAt="soon", textVersion=True, **told))
    assert [(one.purpose, one.given, one.topic) for one in found.answers] == [
        ("personalization", False, "t" * TEXT_CHARACTERS)
    ]
    reasons = sorted(one.reason for one in found.losses)
    assert {one.field for one in found.losses} == {"consent"}
    assert reasons == ["cut", "invalid", "type", "type", "type", "type"]


def test_only_the_site_tells_of_an_earlier_time_and_nobody_of_a_later_one():
    assert statement_of(said(1, T, marketing=True, givenAt=T - 9)).answers[0].given_at == T
    assert statement_of(said(1, T, marketing=True, givenAt=T - 9, site=True)).answers[0].given_at == T - 9
    assert (
        statement_of(said(1, T, marketing=True, givenAt=T + 10**9, site=True)).answers[0].given_at == T + 99
    )


def test_channels_of_a_file_are_answers_of_their_own():
    found = statement_of(said(1, T, marketing=True, channels={"email": True, "sms": False})).answers
    assert [(one.channel, one.given) for one in found] == [("", True), ("email", True), ("sms", False)]


def test_segment_s_categories_are_purposes():
    preferences = {
        "Advertising": False,
        "Analytics": True,
        "Functional": True,
        "DataSharing": True,
        "Marketing": True,
    }
    event = Event(site="default", id="1", type="track", name=PREFERENCES_UPDATED, visitor="a", ts=T, received=T,
                  source="segment", context={"consent": {"categoryPreferences": preferences}})  # fmt: skip
    profile = Profile("v:a")
    apply(profile, event, Facts(), Settings(), at(1))
    assert profile.consent == {"analytics": True, "personalization": True, "marketing": False}


def test_a_claim_changes_no_consent_of_a_proven_customer_and_proof_clears_claims():
    kim = Profile("u:kim", user="kim", consents=answers({"marketing": False}, T), consents_cut=2)
    apply_claimed(kim, said(1, T + 9, marketing=True), Facts(), Settings(), at(1))
    assert (kim.consent, len(kim.consents), kim.consents_cut) == ({"marketing": False}, 1, 2)
    record.clear(kim)
    assert (kim.consents, kim.consents_cut) == ([], 0)


@given(st.lists(consents, max_size=40, unique=True), st.integers(0, 9), st.sampled_from([0, T, T + 10]))
def test_the_codec_keeps_every_answer(heard: list[Consent], cut: int, first: int):
    profile = Profile(
        "v:a", visitors=["a"], first_seen=first, consents=heard, consents_cut=cut if heard else 0
    )
    assert codec.decode(codec.encode(profile)) == profile


def test_a_record_is_small_and_most_profiles_have_none():
    without = Profile("v:a", visitors=["a"], first_seen=T)
    usual = Profile("v:a", visitors=["a"], first_seen=T)
    record.note(usual, [Consent(purpose, True, T + 5000, source="snippet") for purpose in record.PURPOSES])
    assert len(codec.encode(usual)) - len(codec.encode(without)) < 60


def test_what_earlier_releases_stored_is_read():
    packed = pack_profile(Profile("v:a", visitors=["a"], demo=True))
    assert packed.rare is not None
    packed.rare = (*packed.rare[:3], {"marketing": False, "analytics": True}, *packed.rare[4:])
    found = codec.decode(msgspec.msgpack.encode(packed))
    assert found.consent == {"analytics": True, "marketing": False}
    apply(found, said(1, T, marketing=True), Facts(), Settings(), at(1))
    assert found.consent == {"analytics": True, "marketing": True}
