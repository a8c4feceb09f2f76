"""The rules of each country against an oracle written from the statutes: nothing unlawful is sent, and no service
message is held back. ``make soak`` checks a million messages."""

import random
from collections import Counter

import pytest

from messages.permission.gate import permission
from profiles.model import Consent, Profile
from tests.support.law_oracle import CLOCKS, EEA, Case, Told, broken, clocks_of, local_minute
from tests.support.permission import OPEN, T, asked, sending_site

DAY = 24 * 60
COUNTRIES = ("KR", "KR", "US", "US", "DE", "FR", "AT", "GB", "JP", "IN", "AE", "ZA", "CN", "")
CHANNELS = ("email", "sms", "kakao", "push", "call", "post", "webhook")
SITE = sending_site()
FIRST = T // 60_000


def case_of(draw: random.Random) -> tuple[Case, str, str]:
    country = draw.choice(COUNTRIES)
    other = draw.choice(COUNTRIES) if draw.random() < 0.1 else country
    countries = tuple(dict.fromkeys(each for each in (other, country) if each))
    own = draw.choice([*CLOCKS.get(country, ("UTC",))]) if draw.random() < 0.5 else ""
    at = FIRST + draw.randrange(365 * DAY)
    if draw.random() < 0.3:  # at the edges of the night
        clock = own or clocks_of(countries, "")[0]
        edge = draw.choice([8 * 60, 21 * 60]) + draw.choice([-1, 0, 1])
        at += edge - local_minute(clock, at)
    ages = (0, 1, 30, 180, 181, 182, 183, 184, 365, 729, 730, 731, 732, 1000)
    answers = tuple(
        Told(
            at - draw.choice(ages) * DAY - draw.randrange(3),
            draw.random() < 0.75,
            draw.choice(["", "", "", "email", "sms", "kakao"]),
            draw.choice(["", "", "sale", "news"]),
            draw.random() < 0.3,
            draw.random() < 0.85,
            draw.random() < 0.5,
        )
        for _ in range(draw.choice([0, 1, 1, 1, 2, 3, 5]))
    )
    bought = at - draw.choice(ages) * DAY if draw.random() < 0.5 else None
    case = Case(
        countries,
        clocks_of(countries, own),
        draw.choice(CHANNELS),
        draw.choice(["", "sale"]),
        draw.random() < 0.85,
        at,
        answers,
        bought,
        draw.random() < 0.6,
    )
    return case, own, other


def sent(case: Case, own: str, where: str) -> bool:
    """What the gate answers, with every gate open that is not about the law."""
    consents = [
        Consent(
            *("marketing", each.yes, each.at * 60_000, each.channel, each.topic, each.night or None, where),
            *(("v1", "page") if each.written else ("", "page")),
            each.at * 60_000 if each.confirmed else 0,
        )
        for each in case.answers
    ]
    person = Profile(
        "u:kim",
        user="kim",
        traits={"email": "a@b.example", **({"timezone": own} if own else {})},
        consents=consents,
        country=case.countries[-1] if case.countries else "",
        last_order=case.bought * 60_000 if case.bought is not None else 0,
    )
    question = asked(
        person,
        site=SITE,
        channel=case.channel,
        topic=case.topic,
        message_class="marketing" if case.advertising else "service",
        at=case.at * 60_000,
        basis="law",
        similar=case.same_kind,
    )
    return permission(question, OPEN).granted


def compare(count: int, seed: int) -> Counter[str]:
    draw, seen = random.Random(seed), Counter[str]()
    for _ in range(count):
        case, own, other = case_of(draw)
        # Without an answer nobody said where they live but the profile.
        if not case.answers and other:
            case = case._replace(countries=case.countries[-1:])
            case = case._replace(clocks=clocks_of(case.countries, own))
        went, against = sent(case, own, other), broken(case)
        if case.advertising:
            assert not (went and against), f"unlawful: {against} {case}"
            seen["sent" if went else "refused"] += 1
            # One answer, and not near the end of six months or two years, which the rules take short.
            simple = len(case.answers) <= 1 and case.bought is None and case.channel != "post"
            simple = simple and all(case.at - each.at < 700 * DAY for each in case.answers)
            if simple and not against and not went:
                seen["too strict"] += 1
        else:
            assert went, f"a service message was held back: {case}"
            seen["service"] += 1
    return seen


def test_no_unlawful_message_and_every_service_message() -> None:
    seen = compare(10_000, 1)
    assert min(seen["sent"], seen["refused"], seen["service"]) > 1_000
    assert seen["too strict"] == 0, "a rule that refuses everything does nothing unlawful either"


@pytest.mark.soak
def test_a_million_messages() -> None:
    for seed in range(50):
        compare(20_000, 100 + seed)


def test_the_oracle_knows_its_clocks() -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    draw = random.Random(3)
    for clock in {each for zones in CLOCKS.values() for each in zones}:
        for _ in range(300):
            at = FIRST + draw.randrange(-300 * DAY, 300 * DAY)
            local = datetime.fromtimestamp(at * 60, ZoneInfo(clock))
            assert local_minute(clock, at) == local.hour * 60 + local.minute, (clock, at)
    assert {"DE", "FR", "AT", "GB"} <= EEA
