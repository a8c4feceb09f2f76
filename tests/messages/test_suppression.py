"""Suppression: addresses that are not written to, as digests that name nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messages.permission.addresses import (
    CONFIRMATION,
    AddressDigests,
    address_for,
    address_of,
    is_email,
    normalized,
)
from messages.permission.suppression import REASONS, Suppressed, SuppressionList, SuppressionUnavailable, bars
from profiles.model import Profile
from profiles.sansio import run_sync
from tests.support.machine import free_port

DIGESTS = AddressDigests(lambda: b"k" * 48)


def test_an_address_is_suppressed_for_each_reason_until_it_is_released(redis_url):
    kept = SuppressionList(redis_url)
    digest = DIGESTS.digest("s", "email", "Kim@Shop.example")
    assert kept.find("s", digest) == {} and run_sync(kept.finding("s", digest)) == {}
    kept.add("s", digest, "bounced", 5)
    kept.add("s", digest, "bounced", 9)
    kept.add("s", digest, "unsubscribed", 7)
    assert kept.find("s", digest) == run_sync(kept.finding("s", digest)) == {"bounced": 5, "unsubscribed": 7}
    assert kept.find("other", digest) == {}
    assert kept.remove("s", digest, "bounced") and kept.find("s", digest) == {"unsubscribed": 7}
    assert kept.remove("s", digest) and not kept.remove("s", digest) and kept.find("s", digest) == {}


def test_what_is_exported_can_be_imported_twice_and_holds_no_address(redis_url):
    kept = SuppressionList(redis_url)
    entries = {
        Suppressed(DIGESTS.digest("s", "email", f"a{n}@shop.example"), REASONS[n % 4], n) for n in range(3000)
    }
    assert kept.add_all("s", entries) == 3000 and kept.add_all("s", entries) == 0
    assert set(kept.all("s")) == entries
    for each in kept.all("s"):
        assert "@" not in each.digest and len(each.digest) == 32


def test_a_list_that_cannot_be_asked_is_no_empty_list():
    away = SuppressionList(f"redis://127.0.0.1:{free_port()}/0", 0.2)
    with pytest.raises(SuppressionUnavailable):
        away.find("s", "ab")
    with pytest.raises(SuppressionUnavailable):
        run_sync(away.finding("s", "ab"))


def test_a_dead_address_takes_nothing_and_the_rest_is_about_marketing():
    assert bars({"bounced": 1}, True) and bars({"bounced": 1}, False) and not bars({}, False)
    for reason in REASONS[1:]:
        assert bars({reason: 1}, False) and not bars({reason: 1}, True)


@pytest.mark.parametrize(
    ("channel", "one", "other", "country"),
    [
        ("email", "Kim@Shop.Example", " kim@shop.example ", ""),
        ("email", "kim@münchen.example", "kim@xn--mnchen-3ya.example", ""),
        ("email", "kim@shop.example", "ｋｉｍ@shop.example", ""),
        ("sms", "010-1234-5678", "+82 10 1234 5678", "KR"),
        ("sms", "0082 10 1234 5678", "+821012345678", ""),
        ("sms", "(202) 555-0100", "+1 202 555 0100", "US"),
    ],
)
def test_one_address_has_one_digest_however_it_is_written(channel, one, other, country):
    assert DIGESTS.digest("s", channel, one, country) == DIGESTS.digest("s", channel, other, country)


def test_digests_tell_apart_sites_channels_keys_and_share_a_telephone():
    one = DIGESTS.digest("s", "email", "a@b.example")
    assert one != DIGESTS.digest("t", "email", "a@b.example") and one != DIGESTS.digest(
        "s", "sms", "a@b.example"
    )
    assert one != AddressDigests(lambda: b"j" * 48).digest("s", "email", "a@b.example")
    assert len({DIGESTS.digest("s", each, "0101", "KR") for each in ("sms", "kakao", "call")}) == 1
    assert DIGESTS.digest("s", "email", "") == ""


@given(st.text(max_size=60), st.sampled_from(["email", "sms", "post", "push"]))
def test_any_text_has_a_digest_and_normalizing_again_changes_nothing(text, channel):
    DIGESTS.digest("s", channel, text)
    once = normalized(channel, text)
    if channel != "email" or is_email(once):
        assert normalized(channel, once) == once or channel == "sms"


def test_hostile_addresses_are_none():
    for bad in (
        "",
        "@",
        "a@",
        "a b@c.example",
        "a@b",
        "a@b.example\nBcc: x@y.example",
        "a@b.example,c@d.example",
    ):
        assert not is_email(bad)
    assert is_email("kim.o+x@shop.example") and is_email("김@상점.example")
    assert address_of(Profile("v:a", traits={"email": ["x"]}), "email") == ""
    assert address_of(Profile("v:a", traits={"email": "x" * 9999}), "email") == ""


def test_the_mail_that_confirms_goes_to_the_address_that_signed_up():
    kim = Profile("u:kim", traits={"email": "kim@shop.example"})
    asked = {"name": CONFIRMATION, "props": {"email": "other@shop.example"}}
    assert address_for(kim, "email", asked) == "other@shop.example"
    assert (
        address_for(kim, "email", {"name": "Order Completed", "props": asked["props"]}) == "kim@shop.example"
    )
    for bad in ({}, {"email": 5}, {"email": "a@b.example\nBcc: c@d.example"}):
        assert address_for(kim, "email", {"name": CONFIRMATION, "props": bad}) == ""
