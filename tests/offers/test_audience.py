"""The audience language: what it says of a visitor, what it refuses and where, and what it costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offers.audience.audience import Audience
from offers.audience.fields import FIELDS
from offers.audience.grammar import CLAUSE_LIMIT, DEPTH_LIMIT, LENGTH_LIMIT, AudienceInvalid
from offers.audience.visitor import View
from profiles.fold.event_counts import OTHERS
from profiles.model import (
    Affinity,
    CartLine,
    Counts,
    EventCount,
    Exposure,
    ItemTouch,
    Profile,
    Session,
    Touch,
)
from tests.support.consents import answers
from tests.support.sites import SEOUL_SITE, UTC_SITE, site_with
from tracker.durations import DAY_MS

NOW = 1_795_000_000_000  # Wednesday 2026-11-18 11:06:40 UTC


def visitor() -> Profile:
    return Profile(
        id="u:7",
        visitors=["a1"],
        user="7",
        traits={"plan": "gold", "age": 41, "news": True, "tags": ["x"]},
        first_seen=NOW - 30 * DAY_MS,
        last_seen=NOW - 1000,
        first_touch=Touch(channel="search", origin="google", campaign="Winter", keyword="warm shoes"),
        last_touch=Touch(channel="mail", origin="newsletter", medium="email", campaign="Spring"),
        counts=Counts(visits=4, pageviews=20, views=9, adds=2, orders=2, revenue=99.5),
        sessions=[
            Session("s1", NOW - 5 * DAY_MS, NOW - 4 * DAY_MS, Touch()),
            Session("s2", NOW - 60_000, NOW - 1000, Touch()),
        ],
        items=[
            ItemTouch("p1", "purchase", NOW - 10 * DAY_MS, "shoes"),
            ItemTouch("p2", "view", NOW - 1 * DAY_MS, "bags"),
        ],
        cart={"p2": CartLine(2, 10.0), "p3": CartLine(1, 5.5)},
        affinities={"shoes": Affinity(3.0, NOW), "bags": Affinity(1.0, NOW)},
        last_order=NOW - 10 * DAY_MS,
        device="phone",
        browser="Firefox",
        os="Android",
        country="DE",
        lang="de",
        scores={"churn": 0.25},
        consents=answers({"marketing": True}),
        exposure={"welcome": Exposure(views=3, clicks=1)},
        event_counts={
            "Newsletter Signed Up": EventCount(2, NOW - 6 * DAY_MS),
            "Form Sent": EventCount(1, NOW - 9 * DAY_MS),
            "form sent": EventCount(3, NOW - 8 * DAY_MS),
            "Product Viewed": EventCount(9, NOW - DAY_MS),
        },
    )


def seen() -> View:
    return View(visitor(), NOW, site_with(regular_orders=2), lambda _: ["vip", "winter"])


HOLDS = [
    "",
    "stage = 'regular' and affinity('shoes') > 0.3",
    "STAGE == 'Regular'",
    "affinity('shoes') = 0.75 and affinity('books') = 0",
    "segment = 'vip' and segments in ('vip', 'x') and 'winter' in segments",
    "segment != 'lapsed' and segment not in ('a', 'b')",
    "channel = 'mail' and first_channel = 'search' and campaign = 'spring' and first_campaign = 'winter'",
    "source = 'newsletter' and origin = 'newsletter' and medium = 'email'",
    "device in ('phone', \"tablet\") and browser = 'firefox' and os = 'android'",
    "country = 'de' and language = 'de'",
    "visits = 4 and visit >= 4 and orders > 1 and revenue between 99 and 100 and views = 9 and pageviews <> 0",
    "count('Product Viewed') = 9 and count('order completed') = 2",
    "count('Newsletter Signed Up') >= 2 and count('newsletter signed up') = 2 and count('Game Played') = 0",
    "days_since('Newsletter Signed Up') < 7",
    "days_since('Product Viewed') = 1 and days_since('Order Completed') = 10",
    "count('Form Sent') = 4 and days_since('Form Sent') between 7.9 and 8.1",
    "days_since('Game Played') not exists and not days_since('Game Played') < 9999",
    "item_affinity('p1') > 0.7 and item_affinity('p2') > 0 and item_affinity('p2') < 0.3 and item_affinity('p3') = 0",
    "viewed('p2') and not viewed('p1') and bought('p1') and bought('p1', 11) and not bought('p1', 9)",
    "viewed_category('bags') and bought_category('shoes')",
    "cart_value = 25.5 and cart_items = 3 and in_cart('p2') and not in_cart('p9')",
    "days_since_last_visit between 3.9 and 4.1",
    "days_since_first_visit = 30 and days_since_order = 10",
    "hour = 11 and weekday = 'wed' and weekday not in ('sat', 'sun')",
    "consent('marketing') and consent('analytics') not exists and not consent('analytics')",
    "returning and not new and known = true",
    "trait('plan') = 'gold' and trait('age') > 40 and trait('news') = true and trait('nothing') not exists",
    "trait('plan') contains 'ol' and landing not contains 'sale'",
    "score('churn') < 0.5 and score('none') not exists",
    "shown('welcome') = 3 and clicked('welcome') = 1 and shown('other') = 0",
    "new or (orders > 5 or orders = 2) and not (stage = 'lost')",
    "not not returning",
    "campaign = 'spring' or nobody = 'x'".replace("nobody", "country"),
]


FAILS = [
    "stage = 'lost'",
    "new",
    "new and returning",
    "segment = 'none'",
    "'none' in segments",
    "affinity('shoes') > 0.75",
    "days_since_order < 10",
    "keyword = ''",
    "not returning or orders < 2",
    "revenue between 100 and 200",
    "trait('tags') = 'x'",
    "trait('age') = 'forty'",
]


@pytest.mark.parametrize("source", HOLDS)
def test_holds(source: str):
    assert Audience.parse(source).test(seen())
    assert Audience.parse(source).failed(seen()) == []


@pytest.mark.parametrize("source", FAILS)
def test_fails(source: str):
    assert not Audience.parse(source).test(seen())
    assert Audience.parse(source).failed(seen())


def test_what_is_not_known_fails_every_comparison_but_those_that_deny():
    stranger = Profile(id="v:x")
    never = ["country = 'DE'", "country in ('DE')", "days_since_order > 0", "days_since_order < 9999",
             "trait('a') = true", "score('churn') between 0 and 1", "keyword contains 'a'", "country exists",
             "consent('marketing') = true", "consent('marketing') = false", "consent('marketing')"]  # fmt: skip
    always = ["country != 'ZZ'", "country not in ('ZZ')", "keyword not contains 'a'", "not country = 'ZZ'",
              "country not exists", "orders = 0", "cart_value = 0", "visits < 1", "new"]  # fmt: skip
    assert [source for source in never if Audience.parse(source).matches(stranger, NOW, UTC_SITE)] == []
    assert [source for source in always if not Audience.parse(source).matches(stranger, NOW, UTC_SITE)] == []


@pytest.mark.parametrize(
    ("source", "part", "position"),
    [
        ("stag = 'x'", "did you mean stage?", 0),
        ("orders > 1 and stage = 'vip'", "stage is one of prospect", 15),
        ("orders > '1'", "orders is compared with a number", 0),
        ("orders", "compare it with something", 0),
        ("keyword < 'a'", "'<' does not apply", 0),
        ("orders = 2 and count('Product Viewed', 7) > 1", "days_since('Product Viewed') < 7 asks", 15),
        ("days_since('Form Sent', 7) < 7", "not each time", 0),
        ("count(3) > 1", "takes one text", 0),
        ("consent('everything')", "one of analytics, personalization, marketing", 0),
        ("affinity()", "expected a number or a 'text'", 9),
        ("affinity(3) > 1", "takes one text", 0),
        ("stage('x') = 'y'", "takes no arguments", 0),
        ("orders > 1 and", "expected a field", 14),
        ("(orders > 1", "expected ')'", 11),
        ("orders > 1)", "expected 'and', 'or' or the end", 10),
        ("orders > 1 visits > 2", "expected 'and', 'or' or the end", 11),
        ("stage = 'regular", "closing quote", 8),
        ("orders > 1; drop", "';' is not understood", 10),
        ("__import__('os')", "no field '__import__'", 0),
        ("orders not 3", "after 'not'", 11),
        ("trait('a') in (1, 'b')", "values of one kind", 0),
        ("orders between 1 or 2", "expected 'and'", 17),
        ("not " * (DEPTH_LIMIT + 1) + "new", "nested deeper", 4 * DEPTH_LIMIT),
        ("(" * 5_000, "nested deeper", DEPTH_LIMIT),
        (" or ".join(["new"] * (CLAUSE_LIMIT + 1)), "more than", 7 * CLAUSE_LIMIT),
        ("x" * (LENGTH_LIMIT + 1), "longer than", LENGTH_LIMIT),
    ],
)
def test_refusals_say_what_and_where(source: str, part: str, position: int):
    with pytest.raises(AudienceInvalid) as caught:
        Audience.parse(source)
    assert part in caught.value.reason
    assert caught.value.position == position


def test_the_count_of_a_name_without_room_is_not_known():
    full = Profile(id="v:x", event_counts={"Signed Up": EventCount(2, NOW), OTHERS: EventCount(5, NOW)})
    for source in ("count('Game Played') = 0", "count('Game Played') > 0", "count('Game Played') exists"):
        assert not Audience.parse(source).matches(full, NOW, UTC_SITE)
    assert Audience.parse("count('Signed Up') = 2 and count('Game Played') != 1").matches(full, NOW, UTC_SITE)


def test_what_a_marketer_writes_is_never_run():
    """It stands in the compiled function as a constant: whatever it looks like, it is a text."""
    hostile = "x'') or __import__(''os'').abort() or (''"
    audience = Audience.parse(f"trait('{hostile}') = '{hostile}' or affinity('{hostile}') > 0.5")
    assert not audience.test(seen())
    profile = visitor()
    profile.traits[hostile.replace("''", "'")] = hostile.replace("''", "'")
    assert audience.matches(profile, NOW, UTC_SITE)
    assert audience.test.__globals__ == {"__builtins__": {}}
    assert not {"os", "abort", "__import__"} & set(audience.test.__code__.co_names)


@given(st.sampled_from(sorted(FIELDS)), st.sampled_from(["=", "!=", "<", ">=", "in", "between", "contains", "exists"]),
       st.sampled_from(["''", "'x'", "'regular'", "'mon'", "'phone'", "1", "true"]), st.booleans())  # fmt: skip
def test_every_field_with_every_operator_answers_or_refuses(
    name: str, operator: str, value: str, negated: bool
):
    right = {"in": f"({value})", "between": f"{value} and {value}", "exists": ""}.get(operator, value)
    source = f"{name} {'not ' if negated else ''}{operator} {right}"
    try:
        audience = Audience.parse(source)
    except AudienceInvalid:
        return
    for profile in (visitor(), Profile(id="v:x")):
        (verdict,) = audience.explain(View(profile, NOW, UTC_SITE))
        assert verdict.matched is audience.matches(profile, NOW, UTC_SITE)


def test_the_same_expression_is_compiled_once():
    assert Audience.parse("orders > 41") is Audience.parse("orders > 41")


@given(st.text(max_size=60) | st.text(alphabet="()'\" andornot=<>stage,1.", max_size=60))
def test_any_text_is_an_audience_or_refused(source: str):
    try:
        Audience.parse(source).matches(visitor(), NOW, UTC_SITE)
    except AudienceInvalid as error:
        assert 0 <= error.position <= len(source)


@given(st.recursive(st.sampled_from(["new", "returning", "orders > 1", "country = 'FR'"]),
                    lambda inner: st.tuples(st.sampled_from([" and ", " or ", "not "]), inner, inner)))  # fmt: skip
def test_failed_clauses_are_none_exactly_when_it_matches(tree):
    def text(node) -> str:
        if isinstance(node, str):
            return node
        operator, left, right = node
        return f"(not {text(left)})" if operator == "not " else f"({text(left)}{operator}{text(right)})"

    try:
        audience = Audience.parse(text(tree))
    except AudienceInvalid:
        return
    assert bool(audience.failed(seen())) != audience.test(seen())


def test_explains_each_clause_and_blames_those_that_failed():
    audience = Audience.parse("stage = 'regular' and (country = 'FR' or orders > 10) and not returning")
    explained = {v.clause: (v.matched, v.value) for v in audience.explain(seen())}
    assert explained == {
        "stage = 'regular'": (True, "regular"),
        "country = 'FR'": (False, "DE"),
        "orders > 10": (False, 2),
        "returning": (True, True),
    }
    assert [v.clause for v in audience.failed(seen())] == [
        "country = 'FR'",
        "orders > 10",
        "returning",
    ]


def test_the_clock_is_the_sites():
    assert Audience.parse("hour = 20 and weekday = 'wed'").matches(visitor(), NOW, SEOUL_SITE)


def test_silence_moves_a_customer_on():
    at_risk, lost = Audience.parse("stage = 'at-risk'"), Audience.parse("stage = 'lost'")
    assert not at_risk.matches(visitor(), NOW + 89 * DAY_MS, UTC_SITE)
    assert at_risk.matches(visitor(), NOW + 91 * DAY_MS, UTC_SITE)
    assert lost.matches(visitor(), NOW + 366 * DAY_MS, UTC_SITE)
    assert not lost.matches(Profile(id="v:a", last_seen=1), NOW, UTC_SITE)


def test_a_quote_within_a_text_is_doubled():
    profile = visitor()
    profile.traits["name"] = "O'Neil"
    assert Audience.parse("trait('name') = 'O''Neil' and trait('name') = \"O'Neil\"").matches(
        profile, NOW, UTC_SITE
    )
