"""The gate: every question about one message is answered, and marketing needs a yes at each of them."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.permission.care import gap_days
from messages.permission.gate import Permission, permission
from messages.permission.wording import footer, labelled
from profiles.consent.standing import marketing_answer
from profiles.model import Consent, EventCount, Profile, Session, Touch, Wish
from tests.support.permission import OPEN, T, agreed, asked, customer, sending_site

DAY = 86_400_000
HOUR = 3_600_000


def shut(found: Permission) -> list[str]:
    return [each.gate for each in found.answers if not each.passes]


def test_a_customer_who_agreed_is_written_to_and_every_gate_says_so():
    found = permission(asked(customer(agreed())), OPEN)
    assert found.granted and found.refusal is None and found.opens_at == 0
    assert [each.gate for each in found.answers] == [
        *("audience", "consent", "topic", "address", "law", "quiet hours", "pause", "frequency", "cap"),
        *("holdout", "suppression", "budget"),
    ]
    assert found.duties == ("ad label", "sender name", "contact", "free refusal")


@pytest.mark.parametrize(
    ("gate", "stores"),
    [
        ("audience", {"audience": False}),
        ("cap", {"cap_left": False}),
        ("holdout", {"held_out": True}),
        ("suppression", {"suppressed": {"complained": 1}}),
        ("budget", {"budget_left": False}),
    ],
)
def test_what_the_stores_say_shuts_its_own_gate(gate, stores):
    found = permission(asked(customer(agreed())), msgspec.structs.replace(OPEN, **stores))
    assert shut(found) == [gate] and not found.granted and found.opens_at == 0


@pytest.mark.parametrize(
    ("consents", "gates"),
    [
        ([], ["consent", "law"]),
        ([Consent("marketing", True, T - DAY)], ["consent", "law"]),  # no proof
        ([agreed(T - 9), Consent("marketing", False, T - 5)], ["consent", "law"]),
        ([agreed(), Consent("marketing", False, T - 5, "", "sale")], ["topic", "law"]),
        ([agreed(), Consent("marketing", False, T - 5, "sms")], []),
        ([Consent("personalization", True, T, text_version="v", source="s")], ["consent", "law"]),
    ],
)
def test_without_a_proven_yes_to_channel_and_topic_there_is_no_marketing(consents, gates):
    assert shut(permission(asked(customer(*consents), topic="sale"), OPEN)) == gates


def test_a_service_message_needs_no_consent_and_knows_no_hours():
    night = T + 4 * HOUR  # 00:06 in Seoul
    refused = customer(Consent("marketing", False, T), wish=Wish(T, T + 9 * DAY, 30))
    stores = msgspec.structs.replace(
        OPEN, cap_left=False, held_out=True, suppressed={"complained": 1}, last_message=T
    )
    for channel in ("email", "sms", "kakao"):
        question = asked(refused, channel=channel, message_class="service", at=night, quiet=(0, 1439))
        assert shut(permission(question, stores)) == []
    dead = msgspec.structs.replace(OPEN, suppressed={"bounced": 1})
    assert shut(permission(asked(refused, message_class="service"), dead)) == ["suppression"]


def test_only_an_address_that_the_site_knows_or_the_person_confirmed_gets_marketing():
    stranger = Profile("v:a", traits={"email": "kim@shop.example"}, country="US", consents=[agreed()])
    assert shut(permission(asked(stranger, digest="d1"), OPEN)) == ["address"]
    stranger.consents = [agreed(), agreed(T - 9, channel="email", verified_at=T, address="d1")]
    assert permission(asked(stranger, digest="d1"), OPEN).granted
    assert shut(permission(asked(stranger, digest="d2"), OPEN)) == ["address"], "another address since"
    assert shut(permission(asked(stranger, digest=""), OPEN)) == ["address"]
    claimed = customer(agreed(), claims=["email"])
    for kind in ("marketing", "service"):
        found = permission(asked(claimed, digest="d1", message_class=kind), OPEN)
        assert shut(found) == ["address"], "a browser named the address of somebody else's account"
    assert shut(permission(asked(customer(agreed()), address=""), OPEN)) == ["address"]


def test_the_night_opens_in_the_morning_of_the_recipient():
    at = T + 2 * HOUR  # 22:06 in Seoul
    found = permission(asked(customer(agreed()), channel="sms", at=at), OPEN)
    assert shut(found) == ["law"] and found.opens_at == 1_795_042_800_000  # 08:00 in Seoul
    assert permission(asked(customer(agreed(night=True)), channel="sms", at=at), OPEN).granted
    assert permission(asked(customer(agreed()), at=at), OPEN).granted, "e-mail may come at night"
    assert shut(permission(asked(customer(), channel="sms", at=at), OPEN)) == ["consent", "law"]
    assert permission(asked(customer(), channel="sms", at=at), OPEN).opens_at == 0


def test_unknown_hours_are_the_strictest_of_the_country():
    american = customer(agreed(), country="US")
    eight_in_new_york = 1_795_006_800_000  # 13:00 UTC
    for hours, open_there in ((0, False), (4, False), (5, True), (12, True), (13, False)):
        found = permission(asked(american, channel="sms", at=eight_in_new_york + hours * HOUR), OPEN)
        # 08:00 to 21:00 everywhere: from 08:00 in Hawaii and the Aleutians to 21:00 in New York.
        assert found.granted == open_there, hours
    american.traits["timezone"] = "America/New_York"
    assert permission(asked(american, channel="sms", at=eight_in_new_york), OPEN).granted
    american.claims = ["timezone"]
    assert not permission(asked(american, channel="sms", at=eight_in_new_york), OPEN).granted


def test_a_pause_and_a_wish_hold_and_open_by_themselves():
    paused = customer(agreed(), wish=Wish(T - 9, T + DAY))
    found = permission(asked(paused), OPEN)
    assert (shut(found), found.opens_at) == (["pause"], T + DAY)
    weekly = customer(agreed(), wish=Wish(T - 9, 0, 7))
    stores = msgspec.structs.replace(OPEN, last_message=T - 2 * DAY)
    found = permission(asked(weekly), stores)
    assert (shut(found), found.opens_at) == (["frequency"], T + 5 * DAY)
    both = customer(agreed(), wish=Wish(T - 9, T + 9 * DAY, 7))
    assert permission(asked(both), stores).opens_at == T + 9 * DAY


def test_somebody_who_never_answers_is_written_to_less():
    silent = customer(agreed(T - 700 * DAY))
    gaps = []
    for days in (0, 29, 30, 90, 180, 365, 700):
        silent.sessions = [Session("s", 0, T - days * DAY, Touch())]
        gaps.append(gap_days(silent, T))
    assert gaps == [0, 0, 7, 14, 30, 90, 90] and all(one <= other for one, other in pairwise(gaps))
    silent.event_counts = {"Message Sent": EventCount(3, T - DAY)}
    assert shut(permission(asked(silent), OPEN)) == ["frequency"], "what was sent is no sign of life"
    silent.event_counts["Email Opened"] = EventCount(1, T - DAY)
    assert permission(asked(silent), OPEN).granted


def test_a_duty_that_the_settings_cannot_fulfil_shuts_the_law():
    site = sending_site(contact="", postal_address="")
    found = permission(asked(customer(agreed()), site=site), OPEN)
    assert shut(found) == ["law"] and "contact" in found.answers[4].reason


def test_a_sale_is_a_reason_only_where_the_campaign_and_the_law_say_so():
    buyer = customer(last_order=T - 10 * DAY)
    assert shut(permission(asked(buyer, similar=True), OPEN)) == ["consent"]
    assert permission(asked(buyer, similar=True, basis="law"), OPEN).granted
    assert shut(permission(asked(buyer, basis="law"), OPEN)) == ["consent", "law"]
    buyer.last_order = T - 200 * DAY
    assert shut(permission(asked(buyer, similar=True, basis="law"), OPEN)) == ["consent", "law"]
    refused = customer(Consent("marketing", False, T), last_order=T - 10 * DAY)
    assert shut(permission(asked(refused, similar=True, basis="law"), OPEN)) == ["consent", "law"]


answers = st.lists(
    st.builds(
        Consent,
        st.just("marketing"),
        st.booleans(),
        st.integers(T, T + 5),
        st.sampled_from(["", "email", "sms"]),
        st.sampled_from(["", "sale", "news"]),
    ),
    max_size=8,
)


@given(answers)
def test_a_later_no_to_everything_ends_every_yes_and_a_yes_to_everything_no_refused_topic(said):
    for channel in ("email", "sms"):
        for topic in ("", "sale", "news"):
            whole = [*said, Consent("marketing", False, T + 9)]
            found = marketing_answer(Profile("v:a", consents=whole), channel, topic)
            assert found is not None and not found.given
            narrow = [
                *said,
                Consent("marketing", False, T + 8, "", "sale"),
                Consent("marketing", True, T + 9),
            ]
            found = marketing_answer(Profile("v:a", consents=narrow), channel, "sale")
            assert found is not None and not found.given
            back = [*narrow, Consent("marketing", True, T + 10, "email", "sale")]
            found = marketing_answer(Profile("v:a", consents=back), "email", "sale")
            assert found is not None and found.given


@given(answers)
def test_no_yes_is_made_up(said):
    for channel in ("email", "sms"):
        for topic in ("", "sale"):
            found = marketing_answer(Profile("v:a", consents=said), channel, topic)
            if found is not None and found.given:
                assert found.channel in ("", channel) and found.topic in ("", topic)
                later = [one for one in said if one.given_at > found.given_at and not one.given]
                assert not any(one.channel in ("", channel) and one.topic in ("", topic) for one in later)


def test_a_refusal_that_there_was_no_room_for_cannot_be_forgotten():
    from profiles.consent.record import note

    flooded = Profile("v:a")
    note(flooded, [agreed(T)])
    note(flooded, [Consent("marketing", False, T + n, "", f"t{n}") for n in range(200)])
    assert flooded.consents_cut
    for n in range(200):
        found = marketing_answer(flooded, "email", f"t{n}")
        assert found is None or not found.given


def test_the_label_stands_at_the_very_start_once_and_the_refusal_at_the_end():
    duties = permission(asked(customer(agreed())), OPEN).duties
    for told in ("Sale", " (광고) Sale", "(광고)(광고)Sale"):
        assert labelled(told, duties) == "(광고) Sale"
    assert labelled("Sale", ()) == "Sale"
    lines = footer(duties, sending_site(), "https://x.example/u", "ko-KR")
    assert lines == ("Shop", "연락처: 02-123-4567", "무료 수신거부: https://x.example/u")
    american = permission(asked(customer(agreed(), country="US")), OPEN).duties
    assert footer(american, sending_site(), "https://x.example/u")[1] == "1 Main Street"
