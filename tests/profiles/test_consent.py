"""Consent: what is written down, and what it allows."""

import pytest

from profiles.consent import record
from profiles.consent.rules import DEFAULTS, allows
from profiles.model import Profile


@pytest.mark.parametrize("purpose", record.PURPOSES)
def test_what_was_said_counts_and_else_the_default(purpose):
    assert allows({}, purpose) is DEFAULTS[purpose]
    assert allows({purpose: True}, purpose) and not allows({purpose: False}, purpose)


def test_nobody_is_written_to_who_did_not_allow_it():
    assert (DEFAULTS["analytics"], DEFAULTS["personalization"], DEFAULTS["marketing"]) == (True, True, False)


def test_only_purposes_and_plain_answers_are_written_down():
    profile = Profile("v:a", consent={"analytics": True})
    record.note(profile, {"marketing": False, "personalization": "no", "analytics": None, "else": True})
    assert profile.consent == {"analytics": True, "marketing": False}


def test_what_either_of_two_profiles_refused_stays_refused():
    one = Profile("u:a", consent={"analytics": True, "marketing": False})
    record.merge(
        one, Profile("v:b", consent={"analytics": False, "marketing": True, "personalization": True})
    )
    assert one.consent == {"analytics": False, "marketing": False, "personalization": True}


def test_what_only_a_claim_said_is_cleared():
    profile = Profile("u:a", consent={"marketing": True})
    record.clear(profile)
    assert profile.consent == {}
