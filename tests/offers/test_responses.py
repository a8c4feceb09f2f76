"""Responses: which offer events count, whose they are, and how much they weigh."""

import random
from collections.abc import Callable

import pytest

from offers.decision.decider import Decider
from offers.decision.eligibility import Requester
from offers.feedback.response_weights import response_weights
from offers.feedback.responses import verified_responses
from offers.feedback.token import Token, owner_of
from offers.reports.campaigns_summary import summarise_campaigns
from profiles.model import Profile
from profiles.sansio import run_sync
from tests.support.offers import SHOES, SIGNER, Uncapped, decider, offer
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.feeds.offer_events import OfferEvent

NOW = 1_795_000_000_000


NETWORK = "0a1b2c3d4e5f"


def token(owner: str, nonce: str = "n", **changes: object) -> str:
    fields = {
        "site": "default",
        "campaign": "c",
        "variant": "a",
        "slot": "hero",
        "propensity": 0.5,
        "ts": NOW,
    }
    return SIGNER.sign(Token(**(fields | changes), nonce=nonce, owner=owner_of("default", owner)))


def row(signed: str, kind: str = "view", **who: object) -> OfferEvent:
    fields = {"profile": "v:x", "visitor": "x", "user": None, "sender": NETWORK, "received": NOW + 5} | who
    return OfferEvent("c", "a", signed, kind, ts=NOW + 5, **fields)


OWNERS: list[tuple[str, dict[str, object]]] = [
    ("a1", {"visitor": "a1", "profile": "v:a1"}),
    ("a1", {"visitor": "a1", "profile": "u:kim", "user": "kim"}),  # signed in meanwhile
    ("a1", {"visitor": "a1", "profile": "v:other"}),  # merged with another browser
    ("kim", {"visitor": "a2", "profile": "u:kim", "user": "kim"}),  # a server asked for the customer
    ("kim", {"visitor": "a2", "profile": "u:kim"}),
    (
        "a1",
        {"visitor": None, "user": "kim", "profile": "u:kim", "sender": "site"},
    ),  # the shop's server relays
    ("", {"visitor": "anybody", "profile": "v:anybody"}),  # nobody in particular asked
    ("a1", {"visitor": "a2", "profile": "v:a2", "sender": None}),  # stored by an earlier release
]


@pytest.mark.parametrize("kind", ["view", "click", "dismissed", "decided"])
@pytest.mark.parametrize(("owner", "who"), OWNERS)
def test_the_owners_answers_count(owner: str, who: dict[str, object], kind: str) -> None:
    assert len(verified_responses([row(token(owner), kind, **who)], SIGNER, "default")[0]) == 1


@pytest.mark.parametrize("kind", ["view", "click", "dismissed", "decided"])
@pytest.mark.parametrize(
    "who",
    [
        {},
        {"user": "a", "profile": "u:a"},
        {"visitor": "A1", "profile": "v:A1"},
        {"visitor": None, "user": "a1 ", "profile": "u:a1 "},
        {"visitor": "", "user": "", "profile": "v:"},
        {"visitor": "default\0a1"},
    ],
)
def test_others_count_nothing(kind: str, who: dict[str, object]) -> None:
    answers, refused = verified_responses([row(token("a1"), kind, **who)], SIGNER, "default")
    assert (answers, refused) == ([], {"foreign": 1})


def test_a_stranger_does_not_use_up_the_owners_answer() -> None:
    """Who answers with a token of somebody else, even before them, takes nothing away; a replay counts once."""
    mine = {"visitor": "a1", "profile": "v:a1"}
    rows = [row(token("a1")), *[row(token("a1"), **mine)] * 50]
    answers, refused = verified_responses(rows, SIGNER, "default")
    assert (len(answers), refused) == (1, {"foreign": 1, "replayed": 49})
    assert [each.impressions for each in summarise_campaigns(rows, SIGNER, "default").variants] == [1]


def test_an_owner_of_another_site_is_another() -> None:
    assert owner_of("one", "a1") != owner_of("two", "a1") and owner_of("one", "") == ""


@pytest.mark.parametrize("holdout", [0.0, 0.9])
def test_every_decision_is_somebodys(clock: Callable[[], float], site: object, holdout: float) -> None:
    made: Decider = decider(clock, offer("c", holdout=holdout), caps=Uncapped())
    page = run_sync(made.decide(site, SHOES, ["hero"], asker=Requester("a1", "")))
    signed = [each.token for each in (*page.withheld, *page.decided, *filter(None, page.slots.values()))]
    assert signed
    for each in signed:
        assert SIGNER.read(each, "default", int(clock() * 1000)).owner == owner_of("default", "a1")
    stranger = run_sync(made.decide(site, Profile(id="v:b"), ["hero"]))
    assert all(
        SIGNER.read(d.token, "default", int(clock() * 1000)).owner == "" for d in stranger.slots.values() if d
    )


def test_one_person_teaches_twenty_showings_of_a_campaign() -> None:
    rows = [row(token("x", f"n{number}"), received=NOW + number * HOUR_MS) for number in range(10_000)]
    weights = response_weights(verified_responses(rows, SIGNER, "default")[0])
    assert sum(weights.values()) == pytest.approx(20.0)


def test_a_crowd_of_any_size_teaches_as_three() -> None:
    draw = random.Random(3)
    for size in (4, 400, 4_000):
        rows = []
        for number in range(size):
            who = {
                "visitor": f"x{number}",
                "profile": f"v:x{number}",
                "received": NOW + draw.randrange(2_000),
            }
            rows += [row(token(f"x{number}", f"n{number}"), kind, **who) for kind in ("view", "click")]
        weights = response_weights(verified_responses(rows, SIGNER, "default")[0])
        assert sum(weights.values()) <= 3.0 + 1e-6
    alone = response_weights(
        verified_responses([row(token("x")), row(token("x"), "click")], SIGNER, "default")[0]
    )
    assert alone == {"n": 1.0}


def test_each_token_counts_once_and_refusals_are_named():
    token = Token("default", "c", "a", "hero", 0.25, NOW, nonce="n1")
    held = SIGNER.sign(Token("default", "c", "", "hero", 1.0, NOW, nonce="h", held=True))
    signed, foreign = SIGNER.sign(token), SIGNER.sign(Token("other", "c", "a", "hero", 0.25, NOW, nonce="n1"))

    def row(token: str, kind="view", ts=NOW + 5):
        return OfferEvent("lies", "lies", token, kind, "v:a", ts)

    answers, refused = verified_responses(
        [row(signed, "click", NOW + 9), row(signed), row(signed, ts=NOW + 7), row(signed, ts=NOW + 2 * DAY_MS),
         row("junk"), row(foreign), row(held, "withheld"), row(held), row(signed, "withheld"), row(signed, "decided")],
        SIGNER, "default",
    )  # fmt: skip
    assert [(each.token.nonce, each.row.kind) for each in answers] == [
        ("n1", "view"),
        ("h", "withheld"),
        ("n1", "decided"),
        ("n1", "click"),
    ]
    assert refused == {"replayed": 1, "stale": 1, "forged": 3, "foreign": 1}


def test_an_answer_given_before_is_not_counted_again_in_a_later_span():
    token = SIGNER.sign(Token("default", "c", "a", "hero", 0.5, NOW, nonce="n"))
    rows = [OfferEvent("c", "a", token, "click", "v:a", NOW + day * DAY_MS) for day in range(5)]
    answers, refused = verified_responses(rows, SIGNER, "default", since=NOW + 3 * DAY_MS)
    assert (answers, refused) == ([], {"replayed": 2})
    assert len(verified_responses(rows, SIGNER, "default")[0]) == 1
