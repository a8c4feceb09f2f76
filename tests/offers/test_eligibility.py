"""Eligibility: consent, exclusion groups, dismissed campaigns, hours and segments."""

from collections import Counter

from offers.audience.audience import Audience
from offers.decision.holdout import subject
from offers.segments.segment import CompiledSegments
from profiles.encoding import codec
from profiles.facts import Facts
from profiles.fold import fold, identity
from profiles.model import Counts, Exposure, Profile
from profiles.sansio import run_sync
from tests.support.consents import answers
from tests.support.decisions import decided
from tests.support.offers import SHOES, SIGNER, chosen, decider, offer
from tracker.durations import DAY_MS
from tracker.event import Event


def test_without_consent_nothing_personal(clock, site):
    documents = [
        offer("shoes", audience="affinity('shoes') > 0.3"),
        offer("denies", audience="not new or new"),
        offer("all", priority=-1),
    ]
    profile = Profile(
        id="v:a",
        affinities=SHOES.affinities,
        consents=answers({"personalization": False}),
        counts=Counts(orders=3),
    )
    decision = decided(decider(clock, *documents), site, profile, "hero")
    assert decision is not None and decision.campaign == "all"
    assert SIGNER.read(decision.token, "default", int(clock.now * 1000)).context == ""
    asked = Profile(id="v:a", affinities=SHOES.affinities, consents=answers({"personalization": True}))
    assert chosen(decided(decider(clock, documents[0]), site, asked, "hero")) == "shoes"


def test_of_an_exclusion_group_a_visitor_meets_one_campaign(clock, site):
    decide = decider(clock, offer("a", group="g", slots=["hero"]), offer("b", group="g", slots=["cart"]))
    met = Counter()
    for number in range(600):
        page = run_sync(decide.decide(site, Profile(id=f"v:{number}"), ["hero", "cart"]))
        shown = [decision.campaign for decision in page.slots.values() if decision]
        assert len(shown) == 1
        met[shown[0]] += 1
    assert 230 < met["a"] < 370


def test_what_somebody_hid_stays_away_for_a_month_on_all_their_devices(clock, site):
    day, now = DAY_MS, int(clock() * 1000)
    decide = decider(clock, offer("first", priority=9), offer("calm", tier="fallback"))
    for ago, shown in ((1, "calm"), (29, "calm"), (31, "first")):
        hid = Profile(id="u:7", exposure={"first": Exposure(1, 0, now, now - ago * day)})
        assert chosen(decided(decide, site, hid, "hero")) == shown
    gone = Profile(id="u:7", exposure={"calm": Exposure(1, 0, now, now - day)})
    assert chosen(decide.fallbacks(site, gone, ["hero"]).get("hero")) is None


def test_the_lot_is_the_same_before_and_after_signing_in(clock, site):
    """Whatever cookies come and go: a holdout is for a person."""
    kim = Profile(id="u:7", user="7", visitors=["a"], subject="a", last_seen=9)
    identity.merge(kim, Profile(id="v:b", visitors=["b"], subject="b", last_seen=5))
    assert subject(kim) == "a"
    for number in range(40):
        seen = Event(
            site="s",
            id=str(number),
            type="page",
            visitor=f"c{number}",
            ts=10 + number,
            received=0,
            source="snippet",
        )
        fold.apply(kim, seen, Facts(), fold.Settings(), fold.LogPosition(seen.key, 0, number))
    assert "a" not in kim.visitors and subject(kim) == "a"
    assert subject(codec.copy(kim)) == "a"
    assert (
        subject(Profile(id="v:x", visitors=["x"])) == subject(Profile(id="u:7", visitors=["x", "y"])) == "x"
    )
    bought = Event(
        site="s", id="o", type="track", name="Order Completed", user="9", ts=5, received=0, source="snippet"
    )
    server = fold.fold(Profile(id="u:9"), bought, Facts(), fold.Settings(), fold.LogPosition("9", 0, 0))[0]
    seen = Event(site="s", id="p", type="page", visitor="z", user="9", ts=9, received=0, source="snippet")
    assert subject(fold.fold(server, seen, Facts(), fold.Settings(), fold.LogPosition("z", 0, 1))[0]) == "9"


def test_of_a_group_one_campaign_is_drawn_whatever_the_hour(clock, site):
    morning = offer("am", group="g", dayparts=[{"from": "00:00", "to": "12:00"}])
    evening = offer("pm", group="g", dayparts=[{"from": "12:00", "to": "24:00"}])
    decide, met = decider(clock, morning, evening), Counter()
    for number in range(200):
        shown = set()
        for hour in (9, 18):
            clock.now = 1_794_960_000 + hour * 3_600  # a midnight in UTC
            shown.add(chosen(decided(decide, site, Profile(id=f"v:{number}"), "hero")))
        met[frozenset(shown - {None})] += 1
    assert set(met) == {frozenset({"am"}), frozenset({"pm"})} and min(met.values()) > 60


def test_dayparts_past_midnight_belong_to_the_day_they_began(clock, site):
    document = offer("x", dayparts=[{"days": ["fri"], "from": "22:00", "to": "02:00"}])
    decide = decider(clock, document)
    clock.now = 1_795_212_000 - 3_600  # Friday 2026-11-20 21:00 UTC
    times = []
    for _ in range(8):
        times.append(decided(decide, site, SHOES, "hero") is not None)
        clock.advance(3_600)
    assert times == [False, True, True, True, True, False, False, False]


def test_what_the_page_says_was_dismissed_is_left_out(clock, site):
    decide = decider(clock, offer("first", priority=9), offer("second"))
    assert chosen(run_sync(decide.decide(site, SHOES, ["hero"], skip=["first"])).slots["hero"]) == "second"


class Defined:
    """A segment store that knows one segment, of those who bought."""

    def due(self, site) -> bool:
        return False

    def refresh(self, site) -> None: ...

    def known(self, site) -> CompiledSegments:
        return CompiledSegments((("buyers", Audience.parse("orders > 0")),))


def test_segments_are_asked_as_they_are_defined_now(clock, site):
    documents = [offer("x", audience="segment = 'buyers'")]
    people = [Profile(id="v:a"), Profile(id="v:b", counts=Counts(orders=1))]
    defined, undefined = decider(clock, *documents, segments=Defined()), decider(clock, *documents)
    assert [chosen(decided(defined, site, each, "hero")) for each in people] == [None, "x"]
    assert [chosen(decided(undefined, site, each, "hero")) for each in people] == [None, None]
