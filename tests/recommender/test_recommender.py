"""Serving: the live profile decides, whatever is missing."""

import threading
import time
import weakref
from pathlib import Path

import pytest

from profiles.model import Affinity, CartLine, ItemTouch, Profile, Session, Touch
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.redis import CatalogueUnavailable
from recommender.catalogue.store import Changes
from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from recommender.serving.request import (
    STRATEGIES,
    Filter,
    Recommendations,
    Rule,
    SlotRequest,
    parse_slot_request,
)
from recommender.training.train import train
from tests.support.catalogue_documents import parse_items
from tests.support.consents import answers
from tests.support.recommender_histories import (
    NOW,
    MemoryItems,
    TableHistory,
    history,
    shop_history,
    shop_items,
)
from tracker.refusal import Refusal


def clock() -> float:
    return NOW / 1000


class Shop:
    """The demo shop's size: 42 items in six categories."""

    def __init__(self, folder: Path, visitors: int) -> None:
        self.registry = ModelRegistry(folder, "default", clock=clock)
        self.catalogue = Catalogue(MemoryItems(), every=0)
        self.catalogue.put(parse_items(shop_items()))
        self.recommender = Recommender(self.registry, self.catalogue, clock=clock)
        if visitors:
            train("default", TableHistory(shop_history(visitors)), self.registry, clock=clock)

    def recommend(self, profile: Profile | None, page: str | None = None, **ask: object) -> Recommendations:
        shown = self.recommender.recommend(self.recommender.visitor(profile, page), SlotRequest(**ask))  # type: ignore[arg-type]
        assert isinstance(shown, Recommendations)
        return shown


def profile(*touches: tuple[str, str], category: bool = True) -> Profile:
    """A visitor who just did these (item, kind)."""
    items = [
        ItemTouch(item, kind, NOW - 1000 * (len(touches) - n), item.split("-")[0] if category else "")  # type: ignore[arg-type]
        for n, (item, kind) in enumerate(touches)
    ]
    return Profile(id="v:new", items=items, sessions=[Session("s", NOW - 60_000, NOW, Touch())])


def categories(shown: Recommendations) -> list[str]:
    return [pick.id.split("-")[0] for pick in shown.items]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("models"), 300)


@pytest.mark.parametrize("visitors", [0, 5, 50, 300, 2000])
@pytest.mark.parametrize("strategy", ["personal", "blend"])
def test_three_clicks_on_shoes_turn_the_row_to_shoes(tmp_path: Path, visitors: int, strategy: str) -> None:
    shop = Shop(tmp_path, visitors)
    past = [(f"bags-{n}", "view") for n in range(5)]
    for earlier in ([], past):
        before = shop.recommend(profile(*earlier) if earlier else None, strategy=strategy, limit=6)
        shown = shop.recommend(
            profile(*earlier, ("shoes-1", "view"), ("shoes-4", "view"), ("shoes-2", "view")),
            strategy=strategy,
            limit=6,
        )
        shoes = categories(shown).count("shoes")
        assert shoes > categories(before).count("shoes")
        if earlier:
            assert categories(shown)[:2] == ["shoes"] * 2
            assert shoes >= 3
        else:
            assert categories(shown)[:4] == ["shoes"] * 4
            seen = {pick.id for pick in shown.items[:2]} & {"shoes-1", "shoes-4", "shoes-2"}
            # The blend may have learned that this shop's visitors return to what they saw.
            assert not seen or (strategy == "blend" and visitors == 2000)


def test_one_click_counts_whatever_came_before(shop: Shop) -> None:
    many = [(f"bags-{n % 7}", "view") for n in range(60)]
    shown = shop.recommend(profile(*many, ("tea-1", "view")), strategy="session", limit=6)
    assert "tea" in categories(shown)[:3]


def test_an_item_on_the_page_counts_before_its_event_arrived(shop: Shop) -> None:
    shown = shop.recommend(None, page="lamps-0", strategy="personal", limit=5)
    assert categories(shown)[0] == "lamps"
    assert "lamps-0" not in [pick.id for pick in shown.items]
    assert shown.items[0].reason.item == "lamps-0"
    assert shown.items[0].reason.kind in ("viewed", "category")


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "buy_again"])
def test_strangers_and_missing_evidence_get_full_rows(shop: Shop, strategy: str) -> None:
    for page in (None, "no-such-item", "shoes-0"):
        shown = shop.recommend(None, page=page, strategy=strategy, limit=8)
        assert len({pick.id for pick in shown.items}) == 8
        if page is None and strategy != "trending":
            assert {pick.reason.kind for pick in shown.items} == {"popular"}


def test_bought_and_unavailable_and_dismissed_items_are_not_shown(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 300)
    someone = profile(("shoes-0", "purchase"), ("shoes-1", "dismiss"), ("shoes-2", "view"))
    shop.catalogue.put(parse_items([{"id": "shoes-3", "category": "shoes", "available": False}]))
    shop.catalogue.delete("shoes-4")
    for strategy in STRATEGIES:
        ids = [pick.id for pick in shop.recommend(someone, strategy=strategy, limit=42).items]
        assert not {"shoes-1", "shoes-3", "shoes-4"} & set(ids), strategy
        assert ("shoes-0" in ids) == (strategy == "buy_again")
    shop.catalogue.put(parse_items([{"id": "shoes-3", "category": "shoes"}]))
    ids = [pick.id for pick in shop.recommend(someone, strategy="personal", limit=42).items]
    assert "shoes-3" in ids


def test_filters(shop: Shop) -> None:
    someone = profile(("shoes-1", "view"))
    for strategy in STRATEGIES:
        shown = shop.recommend(someone, strategy=strategy, limit=5, filter=Filter(category="hats"))
        assert set(categories(shown)) <= {"hats"}
        shown = shop.recommend(someone, strategy=strategy, limit=5, filter=Filter(price_min=20, price_max=30))
        assert all(pick.id[-1] in "12" for pick in shown.items)
    two = shop.recommend(someone, strategy="popular", limit=14, filter=Filter(category=("hats", "tea")))
    assert set(categories(two)) == {"hats", "tea"}
    assert not shop.recommend(someone, strategy="blend", filter=Filter(category="none")).items


def test_reasons_name_the_component_and_the_item(shop: Shop) -> None:
    someone = profile(("shoes-1", "view"), ("tea-2", "add"))
    viewed = shop.recommend(someone, strategy="session", limit=3).items
    assert {(pick.reason.kind, pick.reason.item) for pick in viewed} <= {
        ("added", "tea-2"),
        ("viewed", "shoes-1"),
    }
    like = shop.recommend(someone, strategy="similar", item="books-1", limit=3)
    assert {(pick.reason.kind, pick.reason.item) for pick in like.items} == {("similar", "books-1")}
    assert set(categories(like)) == {"books"}
    again = shop.recommend(profile(("tea-2", "purchase")), strategy="buy_again", limit=3).items
    assert [(pick.id, pick.reason.kind) for pick in again] == [("tea-2", "again")]


def test_bought_together_follows_the_orders(tmp_path: Path) -> None:
    orders = [
        (f"v{n}", item, "Order Completed", NOW - n * 1000, f"s{n}")
        for n in range(20)
        for item in ("racket", "balls")
    ]
    orders += [
        (f"w{n}", item, "Product Viewed", NOW - n, f"t{n}") for n in range(20) for item in ("racket", "shoe")
    ]
    registry = ModelRegistry(tmp_path, "default", clock=clock)
    train("default", TableHistory(history(orders)), registry, clock=clock)
    recommender = Recommender(registry, Catalogue(MemoryItems()), clock=clock)
    cart = Profile(id="v:x", cart={"racket": CartLine(1.0)})
    for visitor in (recommender.visitor(None, "racket"), recommender.visitor(cart)):
        shown = recommender.recommend(visitor, SlotRequest(strategy="bought_together", limit=2))
        assert isinstance(shown, Recommendations)
        assert shown.items[0].id == "balls"
        assert (shown.items[0].reason.kind, shown.items[0].reason.item) == ("together", "racket")


def test_before_any_training_interest_in_a_category_decides(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 0)
    fond = Profile(id="v:x", affinities={"tea": Affinity(3.0, NOW)})
    shown = shop.recommend(fond, strategy="personal", limit=7)
    assert set(categories(shown)) == {"tea"}
    assert shown.items[0].reason.kind == "category"
    assert shown.items[0].reason.category == "tea"
    assert shown.model == ""


def test_no_catalogue_and_no_model_is_an_empty_row(tmp_path: Path) -> None:
    recommender = Recommender(ModelRegistry(tmp_path, "default"), Catalogue(MemoryItems()))
    for strategy in STRATEGIES:
        assert recommender.recommend(
            recommender.visitor(None, "p"), SlotRequest(strategy=strategy)
        ) == Recommendations((), "")


def test_without_consent_only_the_page_speaks(shop: Shop) -> None:
    someone = profile(("shoes-1", "view"), ("shoes-2", "view"))
    someone.consents = answers({"personalization": False})
    assert shop.recommend(someone, strategy="personal").items[0].reason.kind == "popular"


def test_new_items_take_part_at_once(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 300)
    shop.recommend(None)
    shop.catalogue.put(
        parse_items([{"id": "tea-new", "category": "tea"}, {"id": "rug-1", "category": "rugs"}])
    )
    shown = shop.recommend(profile(("tea-1", "view")), strategy="personal", limit=9)
    assert "tea-new" in [pick.id for pick in shown.items]
    assert shop.recommend(None, strategy="popular", filter=Filter(category="rugs")).items[0].id == "rug-1"


@pytest.mark.parametrize(
    ("slot", "field"),
    [
        ({"strategy": "magic"}, "strategy"),
        ({"limit": 10_000}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"filter": {"price_min": "cheap"}}, "filter.price_min"),
        ({"item": ["p1"]}, "item"),
        ("blend", "slot"),
    ],
)
def test_asks_that_are_refused_name_the_field(slot: object, field: str) -> None:
    refused = parse_slot_request(slot)
    assert isinstance(refused, Refusal)
    assert refused.field == field


def test_an_ask_as_a_page_sends_it() -> None:
    slot = {"id": "also", "kind": "items", "strategy": "session", "limit": 8, "filter": {"category": "shoes"}}
    assert parse_slot_request(slot) == SlotRequest(
        strategy="session", limit=8, filter=Filter(category="shoes")
    )
    assert parse_slot_request({}) == SlotRequest()


def test_an_unknown_strategy_or_an_endless_row_is_a_refusal(shop: Shop) -> None:
    refused = shop.recommender.recommend(shop.recommender.visitor(None), SlotRequest(strategy="magic"))  # type: ignore[arg-type]
    assert isinstance(refused, Refusal)
    for limit in (0, 10_000):
        refused = shop.recommender.recommend(shop.recommender.visitor(None), SlotRequest(limit=limit))
        assert isinstance(refused, Refusal)
        assert refused.field == "limit"


def test_rules_only_never_and_more(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 300)
    shop.catalogue.put(
        parse_items([{"id": "tea-6", "category": "tea", "brand": "Ceylon", "tags": ["new", "sale"]}])
    )
    someone = profile(("shoes-1", "view"))

    def ids(*rules: Rule, strategy: str = "personal", limit: int = 6) -> list[str]:
        return [
            pick.id for pick in shop.recommend(someone, strategy=strategy, limit=limit, rules=rules).items
        ]

    for strategy in ("personal", "session", "popular", "blend"):
        only = ids(Rule(field="category", values=("hats", "tea"), bias=-1), strategy=strategy)
        assert {item.split("-")[0] for item in only} <= {"hats", "tea"}
        assert not any("shoes" in item for item in ids(Rule(field="category", values=("shoes",), bias=0)))
    assert ids(Rule(field="brand", values=("Ceylon",), bias=-1)) == ["tea-6"]
    assert ids(Rule(field="tags", values=("sale",), bias=-1)) == ["tea-6"]
    usual = ids()
    assert ids(Rule(field="id", values=(usual[3],), bias=100.0))[0] == usual[3]
    assert set(ids(Rule(field="category", values=("lamps",), bias=1.0))) == set(usual)


def test_spread_over_categories(shop: Shop) -> None:
    someone = profile(("shoes-1", "view"), ("shoes-2", "view"))
    usual = categories(shop.recommend(someone, strategy="personal", limit=6))
    spread = categories(shop.recommend(someone, strategy="personal", limit=6, spread=2))
    assert max(usual.count(name) for name in usual) > 2
    assert max(spread.count(name) for name in spread) == 2
    assert len(shop.recommend(someone, limit=42, spread=1).items) == len(
        shop.recommend(someone, limit=42).items
    )


def test_new_items_are_shown_now_and_then(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 300)
    shop.catalogue.put(parse_items([{"id": "rug-1", "category": "rugs"}]))
    someone = profile(("shoes-1", "view"))
    for share, least, most in ((0.0, 0, 0), (0.05, 40, 120)):
        recommender = Recommender(shop.registry, shop.catalogue, Params(explore=share), clock)
        rows = [recommender.recommend(recommender.visitor(someone), SlotRequest(limit=8)) for _ in range(200)]
        new = [row for row in rows if isinstance(row, Recommendations) and row.items[-1].id == "rug-1"]
        assert least <= len(new) <= most
        assert all(row.items[-1].reason.kind == "new" for row in new)


@pytest.mark.parametrize("bias", [-2, -0.5, 1e9, float("nan")])
def test_a_rule_s_bias_has_bounds(bias: float) -> None:
    slot = {"rules": [{"field": "category", "values": ["shoes"], "bias": bias}]}
    refused = parse_slot_request(slot)
    assert isinstance(refused, Refusal)
    assert refused.field.startswith("rules")


def test_a_new_model_is_taken_while_the_old_one_answers(tmp_path: Path) -> None:
    now = [NOW / 1000]
    shop = Shop(tmp_path, 50)
    recommender = Recommender(
        ModelRegistry(tmp_path, "default", clock=lambda: now[0]), shop.catalogue, clock=clock
    )

    def served() -> str:
        shown = recommender.recommend(recommender.visitor(None), SlotRequest())
        assert isinstance(shown, Recommendations)
        assert shown.items
        return shown.model

    old = served()
    new = train("default", TableHistory(shop_history(150)), shop.registry, clock=clock).version
    now[0] += 2
    deadline = time.monotonic() + 10
    while served() == old and time.monotonic() < deadline:
        time.sleep(0.01)
    assert served() == new != old


def test_no_request_has_to_take_an_old_model_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recommender.serving.recommender.LONGEST_REQUEST_SECONDS", 0.3)
    shop, ended = Shop(tmp_path, 20), list[str]()
    shop.recommend(None)
    live = shop.registry.live()
    assert live is not None
    weakref.finalize(live.sessions.idf, lambda: ended.append(threading.current_thread().name))
    del live
    shop.registry._clock = clock_after = Later()
    version = train("default", TableHistory(shop_history(60)), shop.registry, clock=clock_after).version
    deadline = time.monotonic() + 60
    while not ended and time.monotonic() < deadline:
        clock_after.now += 2
        shop.recommend(None)
        time.sleep(0.01)
    assert shop.recommend(None).model == version
    assert ended == ["item-table"]


class Later:
    now = clock()

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_items_that_the_model_does_not_know_harm_nothing(tmp_path: Path, strategy: str) -> None:
    """In the cart, seen, bought, on the page: newer than the model, or of nowhere."""
    shop = Shop(tmp_path, 50)
    shop.catalogue.put(parse_items([{"id": "rug-1", "category": "rugs"}]))
    for stranger in ("rug-1", "no-such-item"):
        someone = profile((stranger, "view"), (stranger, "add"), (stranger, "purchase"), category=False)
        someone.cart = {stranger: CartLine(1.0)}
        for page in (None, stranger):
            shown = shop.recommend(someone, page=page, strategy=strategy, limit=6)
            assert stranger not in [pick.id for pick in shown.items] or strategy == "buy_again"
            assert len(shown.items) == 6 or strategy == "buy_again"


def test_a_catalogue_whose_store_is_down_stays_as_it_was(shop: Shop, tmp_path: Path) -> None:
    class Flaky(MemoryItems):
        down = False

        def changes(self, since: int) -> Changes:
            if self.down:
                raise CatalogueUnavailable("away")
            return super().changes(since)

    store = Flaky()
    catalogue = Catalogue(store, every=0)
    catalogue.put(parse_items(shop_items()))
    recommender = Recommender(shop.registry, catalogue, clock=clock)
    asked = SlotRequest(strategy="popular", limit=6, filter=Filter(category="tea"))
    before = recommender.recommend(recommender.visitor(None), asked)
    store.down = True
    assert recommender.recommend(recommender.visitor(None), asked) == before
    fresh = Recommender(ModelRegistry(tmp_path, "default"), Catalogue(store, every=0), clock=clock)
    assert fresh.recommend(fresh.visitor(None), asked) == Recommendations((), "")


def test_a_history_of_dislikes_alone_makes_a_model_that_answers(tmp_path: Path) -> None:
    shop = Shop(tmp_path, 0)
    rows = [(f"v{n}", f"tea-{n}", "Product Dismissed", NOW - n, f"s{n}") for n in range(5)]
    card = train("default", TableHistory(history(rows)), shop.registry, clock=clock)
    assert (card.profiles, card.items) == (0, 5)
    shown = Recommender(shop.registry, shop.catalogue, clock=clock)
    for strategy in STRATEGIES:
        answer = shown.recommend(
            shown.visitor(profile(("tea-1", "view"))), SlotRequest(strategy=strategy, limit=4)
        )
        assert isinstance(answer, Recommendations)
        assert answer.model == card.version
