"""The signed token of a decision."""

import math

import msgspec
import pytest
from itsdangerous.encoding import base64_encode

from offers.feedback.token import LENGTH_LIMIT, MAX_AGE_MS, Token, TokenInvalid, TokenSigner, withheld_share
from tracker.durations import HOUR_MS


def test_a_long_token_is_not_even_read_though_we_signed_it():
    assert refusal(SIGNER.sign(Token("default", "c", "a", "x" * LENGTH_LIMIT, 0.5, NOW))) == "forged"


def test_a_token_that_is_no_text_is_forged():
    assert refusal("\ud800.x") == "forged"


NOW = 1_795_000_000_000


SIGNER = TokenSigner("secret")


TOKEN = Token("default", "hero-shoes", "a", "hero", 0.25, NOW, "regular|phone|mail", "n1")


def refusal(signed: str, site: str = "default", now: int = NOW) -> str:
    with pytest.raises(TokenInvalid) as caught:
        SIGNER.read(signed, site, now)
    return caught.value.reason


def test_comes_back_as_it_was():
    assert SIGNER.read(SIGNER.sign(TOKEN), "default", NOW + MAX_AGE_MS) == TOKEN
    assert len(SIGNER.sign(TOKEN)) < 220


def test_what_we_did_not_sign_is_forged():
    signed = SIGNER.sign(TOKEN)
    payload, signature = signed.rsplit(".", 1)
    for forged in ("", "x", "a.b", payload, f"{payload[:-2]}.{signature}", signed[:-3],
                   TokenSigner("other").sign(TOKEN), "é" * 10, "." * 50, signed + "A" * LENGTH_LIMIT):  # fmt: skip
        assert refusal(forged) == "forged"


def test_another_sites_token_and_an_old_one_are_refused():
    assert refusal(SIGNER.sign(TOKEN), site="other") == "foreign"
    assert refusal(SIGNER.sign(TOKEN), now=NOW + MAX_AGE_MS + 1) == "stale"
    assert refusal(SIGNER.sign(TOKEN), now=NOW - HOUR_MS) == "stale"


def test_an_older_token_is_read_and_its_shares_are_not_known():
    older = ["default", "c", "a", "hero", 0.25, NOW, "regular|phone|mail", "n1", False, "0a1b"]
    signer = SIGNER._signer  # as an earlier release signed
    read = SIGNER.read(signer.sign(base64_encode(msgspec.json.encode(older))).decode(), "default", NOW)
    assert (read.variant, read.owner, read.holdout, read.global_holdout) == ("a", "0a1b", None, None)
    assert math.isnan(read.held_share) and math.isnan(withheld_share(0.1, None))


def test_an_older_release_reads_the_tokens_of_this_one():
    class Older(msgspec.Struct, frozen=True, array_like=True):
        site: str
        campaign: str
        variant: str

    token = Token("default", "c", "a", "hero", 0.5, NOW, "", "n", False, "0a1b", 0.1, 0.05)
    assert msgspec.json.decode(msgspec.json.encode(token), type=Older) == Older("default", "c", "a")
    assert SIGNER.read(SIGNER.sign(token), "default", NOW).held_share == pytest.approx(0.145)
