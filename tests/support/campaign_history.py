"""A campaign that ran for some days, in a real warehouse: two variants, a holdout, clicks, orders, a forged answer."""

import json
import random

from offers.bandit.arm_store import ArmStore
from offers.decision.budget import BudgetStore
from offers.feedback.token import Token
from offers.feedback.warehouse import WarehouseResponses
from offers.feedback_job import FeedbackJob
from profiles.model import Affinity, Counts, Profile, Touch
from profiles.store.port import ABSENT, Write
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage
from tracker.durations import DAY_MS, HOUR_MS

CAMPAIGN = {
    "name": "Ten percent off boots",
    "status": "live",
    "slots": ["hero"],
    "audience": "affinity('shoes') >= 0",
    "holdout": 0.3,
    "goal": {"event": "Order Completed", "window": "2d"},
    "creatives": [
        {
            "id": "warm",
            "kind": "html",
            "content": "<h2>Warm feet</h2><p>Hello {{ trait.first_name | you }}</p>",
        },
        {"id": "plain", "kind": "json", "content": {"title": "Ten percent off"}},
    ],
}
RATES = {"warm": 0.3, "plain": 0.1}
ORDERS = {"warm": 0.25, "plain": 0.2, "": 0.1}


def play(
    stage: Stage, campaign_id: str, redis_url: str, visitors: int = 600, days: int = 6, holdout: float = 0.3
) -> None:
    """Write the campaign and what ``visitors`` did, of whom 0.3 were held out; the learner has run afterwards."""
    written = {**CAMPAIGN, "holdout": holdout}
    assert stage.call("PUT", f"/v1/campaigns/{campaign_id}", json=written).status_code == 200
    draw, now = random.Random(3), int(stage.stores.clock() * 1000)
    rows, people = [], []
    for number in range(visitors):
        who, held = f"v:{number}", draw.random() < 0.3
        variant = "" if held else draw.choice(("warm", "plain"))
        device = draw.choice(("phone", "desktop"))
        ts = now - draw.randrange(1, days) * DAY_MS - draw.randrange(DAY_MS // 2)
        context = f"prospect|{device}|e-mail"
        token = Token(
            *("default", campaign_id, variant, "hero", 1.0 if held else 0.5, ts, context),
            *(f"n{number}", held, "", holdout, 0.0),
        )
        props = json.dumps(
            {"campaign": campaign_id, "variant": variant, "token": stage.stores.campaigns.signer.sign(token)}
        )

        def event(name: str, at: int, number: int = number, props: str = props, **more: object) -> None:
            told = {"type": "track", "name": name, "props": props, "profile": f"v:{number}"}
            rows.append(row(at, **{**told, "id": f"{name}{number}", "visitor": str(number), **more}))

        event("Offer Withheld" if held else "Offer Decided", ts)
        clicked = not held and draw.random() < RATES[variant]
        if not held:
            event("Offer Viewed", ts + 1_000)
        if clicked:
            event("Offer Clicked", ts + 5_000)
        elif not held and number % 5 == 0:
            event("Offer Dismissed", ts + 3_000)
        if draw.random() < ORDERS[variant]:
            event("Order Completed", ts + HOUR_MS, props="{}", order=f"o{number}", revenue=40.0)
        likes = "shoes" if clicked or draw.random() < 0.2 else "books"
        people.append(
            Profile(
                id=who,
                visitors=[str(number)],
                last_seen=ts,
                counts=Counts(visits=2),
                device=device,
                last_touch=Touch(channel="e-mail"),
                affinities={likes: Affinity(3.0, ts)},
            )
        )
    rows.append(
        row(
            now - DAY_MS,
            type="track",
            name="Offer Viewed",
            id="f",
            props=json.dumps({"campaign": campaign_id, "token": "forged"}),
        )
    )
    stage.warehouse.append(rows, [], {})
    stage.profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    stores = stage.stores
    FeedbackJob(
        stores.campaigns.store,
        WarehouseResponses(stores.reports.warehouse),
        stores.campaigns.signer,
        ArmStore(redis_url, timeout=10),
        BudgetStore(redis_url, timeout=10),
        clock=stores.clock,
    ).run(stage.site)
