"""Enrolment: any history of a campaign, any span and any order of arrival give the people of a naive computation."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from offers.enrolment.enrolled import enrolled
from offers.enrolment.outcomes import people_of
from offers.feedback.responses import verified_responses
from offers.feedback.token import Token, TokenSigner
from offers.feedback.warehouse import WarehouseResponses
from tests.support import enrolment_oracle as naive
from tests.support.campaign_responses import campaign
from tests.support.enrolment_oracle import Happening
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from warehouse.delta import Warehouse
from warehouse.tables.schema import AliasRow

SIGNER = TokenSigner("secret")
CAMPAIGN = campaign(goal={"window": "2d"})
WINDOW = CAMPAIGN.goal.window_ms
SPAN_DAYS = 30
SHARES = ((0.0, 0.0), (0.1, 0.0), (0.5, 0.05), (0.1, 0.05))


def history(seed: int, devices: int, length: int) -> list[Happening]:
    """What happened on some devices: shares change now and then, and everything else does what it likes."""
    draw = random.Random(seed)
    raw = []
    for number in range(length):
        at = NOON + draw.randrange(SPAN_DAYS * 24) * HOUR_MS + number
        device = draw.randrange(devices)
        own, overall = SHARES[(at - NOON) // (8 * DAY_MS) % len(SHARES)]
        share = 0.5 if (at - NOON) // DAY_MS < 12 else 0.8
        variant = draw.choice("ab")
        shares = (own, overall, share if variant == "a" else round(1 - share, 6))
        what = draw.choice(("decision", "decision", "page", "page", "order", "refund", "refuse", "allow"))
        if what == "decision":
            logged = 1 - (1 - own) * (1 - overall) > 0
            if logged and draw.random() < 0.4:
                raw.append(Happening(at, device, "withheld", number, "", (own, overall, 1.0)))
                continue
            if logged and draw.random() < 0.8:  # else it was lost, and answers to it enrol nobody
                raw.append(Happening(at, device, "decided", number, variant, shares))
            for later, answer in enumerate(("view", "click", "dismissed")):
                if draw.random() < 0.6:
                    moment = at + (later + 1) * draw.choice((1_000, HOUR_MS))
                    raw.append(Happening(moment, device, answer, number, variant, shares))
        elif what == "refund":
            orders = [each for each in raw if each.what == "order" and each.at < at]
            if orders:
                of = draw.choice(orders)
                raw.append(Happening(at, of.device, "refund", of.number, amount=draw.choice((5.0, 20.0))))
        elif what == "page":
            raw.append(Happening(at, device, "page", (at - NOON) // (6 * HOUR_MS)))
        else:
            raw.append(Happening(at, device, what, number, amount=20.0 if what == "order" else 0.0))
    return raw + at_the_edges(raw, devices, draw)


def at_the_edges(raw: list[Happening], devices: int, draw: random.Random) -> list[Happening]:
    """Pages and orders around each device's first decision, the end of its window, and ninety days before it."""
    more = []
    for device in range(devices):
        decisions = [each.at for each in raw if each.device == device and each.what in naive.DECISIONS]
        for edge in (0, WINDOW, -90 * DAY_MS):
            for at in (min(decisions) + edge + offset for offset in (-1, 0, 1) if decisions):
                if draw.random() < 0.6:
                    more.append(Happening(at, device, "page", (at - NOON) // (6 * HOUR_MS)))
                if draw.random() < 0.6:
                    more.append(Happening(at, device, "order", len(raw) + len(more), amount=20.0))
    return more


def stored(folder: Path, raw: list[Happening], owners: dict[int, int], draw: random.Random) -> Warehouse:
    """All of it in a warehouse, in any order, in several files; devices of one person become one profile."""
    warehouse = Warehouse(str(folder))
    rows = []
    for each in raw:
        held = each.what == "withheld"
        own, overall, share = each.shares
        decided = (
            each.at
            if each.what in naive.DECISIONS
            else min(
                (other.at for other in raw if other.number == each.number and other.what in naive.DECISIONS),
                default=each.at,
            )
        )
        token = Token("default", "c", each.variant, "hero", share, decided, "new|phone|mail", f"n{each.number}", held,
                      "", own, overall)  # fmt: skip
        props = json.dumps({"campaign": "c", "variant": each.variant, "token": SIGNER.sign(token)})
        told: dict[str, Any] = naive.row_of(each, props, f"v:{each.device}")
        rows.append(row(each.at, id=f"{each.what}{each.number}-{each.at}-{each.device}", **told))
    draw.shuffle(rows)
    cut = draw.randrange(len(rows)) if rows else 0
    aliases = [
        AliasRow("default", "profile", f"v:{device}", f"v:{owner}", NOON + SPAN_DAYS * DAY_MS)
        for device, owner in owners.items()
        if device != owner
    ]
    warehouse.append(rows[:cut], aliases[:1], {})
    warehouse.append(rows[cut:], aliases[1:], {})
    return warehouse


def computed(warehouse: Warehouse, start: int, end: int, now: int) -> dict[int, dict[str, Any]]:
    persons = enrolled(warehouse, SIGNER, "default", "c", start, end)
    rows = WarehouseResponses(warehouse).offer_events("default", 0, 1 << 53, ["c"])
    responses, _ = verified_responses(rows, SIGNER, "default")
    found = people_of(warehouse, "default", CAMPAIGN, persons, responses, now, "EUR")
    told = {}
    for at, person in enumerate(persons):
        variant = found.variants[found.variant[at]] if found.variant[at] >= 0 else ""
        told[int(person.profile[2:])] = {
            "since": found.since[at],
            "held": found.held[at],
            "held_share": pytest.approx(found.held_share[at]),
            "variant": variant,
            "variant_share": pytest.approx(found.variant_share[at]),
            "crossed": person.crossed,
            "before": pytest.approx(found.before[at].tolist()),
            **{name: getattr(found, name)[at] for name in ("open", "converted", "orders", "impressions", "clicks")},
            **{name: getattr(found, name)[at] for name in ("dismissed", "unsubscribed", "returned")},
            "revenue": pytest.approx(found.revenue[at]),
        }  # fmt: skip
    assert np.all(np.diff(found.since) >= 0)
    return told


@settings(max_examples=6, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(seed=st.integers(0, 1 << 30), devices=st.integers(1, 12), length=st.integers(0, 250), data=st.data())
def test_people_are_those_of_a_naive_computation(tmp_path_factory, seed, devices, length, data):
    draw, raw = random.Random(seed), history(seed, devices, length)
    owners = {
        device: device if draw.random() < 0.6 else draw.randrange(device + 1) for device in range(devices)
    }
    owners = {device: owners[owner] if owners[owner] == owner else device for device, owner in owners.items()}
    warehouse = stored(tmp_path_factory.mktemp("enrolment"), raw, owners, draw)
    days = sorted(data.draw(st.tuples(st.integers(0, SPAN_DAYS), st.integers(0, SPAN_DAYS + 2))))
    for first, last in ((0, SPAN_DAYS + 9), days):
        start, end = NOON + first * DAY_MS, NOON + last * DAY_MS
        now = NOON + 20 * DAY_MS
        expected = naive.people(raw, owners, start, end, WINDOW, now)
        assert computed(warehouse, start, end, now) == {
            owner: {**vars(person)} for owner, person in expected.items()
        }
