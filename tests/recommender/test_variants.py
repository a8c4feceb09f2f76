"""Variants, names of items, and what is shown in no row: hidden, not recommendable, gone from the catalogue."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.model import ItemTouch, Profile, Session, Touch
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item, moment, parse_change
from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from recommender.serving.request import STRATEGIES, Filter, Recommendations, SlotRequest
from recommender.training.refresh import refresh
from recommender.training.train import train
from tests.support.catalogue_documents import parse_items
from tests.support.recommender_histories import NOW, MemoryItems, TableHistory, history
from tracker.durations import DAY_MS

SHIRTS = [
    {"id": f"shirt-{size}", "group": "shirt", "sku": f"SKU-{size}", "price": 20.0, "category": "tops"}
    for size in "sml"
]
OTHERS = [{"id": name, "category": "other", "price": 10.0} for name in ("hat", "belt", "sock", "tie")]
NAMES = ["shirt-s", "SKU-m", "shirt", "shirt-l"]
"""How events call the shirt: as a variant, by SKU, as the parent."""


class Shop:
    def __init__(
        self, folder: Path, items: Sequence[Any], rows: Sequence[tuple[str, ...]], explore: float = 0.0
    ) -> None:
        self.now = NOW
        self.registry = ModelRegistry(folder, "default", clock=self.clock)
        self.catalogue = Catalogue(MemoryItems(), self.clock, every=0)
        self.catalogue.put(parse_items(list(items)))
        self.recommender = Recommender(
            self.registry, self.catalogue, Params(explore=explore), clock=self.clock
        )
        self.history = TableHistory(history(rows))  # type: ignore[arg-type]
        self.train()

    def clock(self) -> float:
        return self.now / 1000

    def train(self) -> None:
        train("default", self.history, self.registry, clock=self.clock, items=self.catalogue.all())

    def shown(self, profile: Profile | None = None, page: str | None = None, **ask: Any) -> list[str]:
        answer = self.recommender.recommend(self.recommender.visitor(profile, page), SlotRequest(**ask))
        assert isinstance(answer, Recommendations)
        self.reasons = [pick.reason for pick in answer.items]
        return [pick.id for pick in answer.items]


def orders(count: int = 40, past: int = 0) -> list[tuple[Any, ...]]:
    """Whoever buys a shirt, by whatever name, buys a hat; others look at belts and socks."""
    rows: list[tuple[Any, ...]] = []
    for n in range(count):
        ts, who = NOW - past - DAY_MS - n * 1000, f"v:{n}"
        for item in (NAMES[n % 4], "hat"):
            rows.append((who, item, "Product Viewed", ts, f"s{n}"))
            rows.append((who, item, "Order Completed", ts + 60, f"s{n}"))
        rows += [
            (f"v:x{n}", item, "Product Viewed", ts + at, f"x{n}")
            for at, item in enumerate(("belt", "sock", "tie"))
        ]
    return rows


def profile(*touches: tuple[str, str]) -> Profile:
    items = [ItemTouch(item, kind, NOW - 1000 * (len(touches) - n)) for n, (item, kind) in enumerate(touches)]  # type: ignore[arg-type]
    return Profile(id="v:new", items=items, sessions=[Session("s", NOW - 60_000, NOW, Touch())])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, [*SHIRTS, *OTHERS], orders())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_shows_one_of_a_group(shop: Shop, strategy: Any) -> None:
    for who in (None, profile(("hat", "view")), profile(("tie", "purchase"), ("belt", "view"))):
        ids = shop.shown(who, strategy=strategy, limit=10)
        assert sum(each.startswith("shirt-") for each in ids) <= 1
        assert set(ids) <= {item["id"] for item in [*SHIRTS, *OTHERS]}, "no parent and no SKU, but items"


@pytest.mark.parametrize("name", NAMES)
def test_what_happened_to_a_variant_counts_for_all(shop: Shop, name: str) -> None:
    assert shop.shown(page=name, strategy="bought_together", limit=1) == ["hat"]
    assert (shop.reasons[0].kind, shop.reasons[0].item) == ("together", name)
    assert shop.shown(profile((name, "view")), strategy="session", limit=1) == ["hat"]
    bought = shop.shown(profile((name, "purchase")), strategy="popular", limit=10)
    assert not any(each.startswith("shirt") for each in bought), "bought in another size"
    on_page = shop.shown(page=name, strategy="blend", limit=10)
    assert not any(each.startswith("shirt") for each in on_page)


def test_buy_again_shows_what_was_bought(shop: Shop) -> None:
    assert shop.shown(profile(("shirt-l", "purchase")), strategy="buy_again") == ["shirt-l"]
    assert shop.shown(profile(("SKU-m", "purchase")), strategy="buy_again") == ["shirt-m"]
    shop.catalogue.change([parse_change({"id": "shirt-l", "available": False})])
    assert shop.shown(profile(("shirt-l", "purchase")), strategy="buy_again") == ["shirt-m"]


def test_the_variant_that_is_there_is_shown(shop: Shop) -> None:
    assert shop.shown(page="hat", strategy="bought_together", limit=1) == ["shirt-l"]
    shop.catalogue.change([parse_change({"id": "shirt-l", "available": False})])
    assert shop.shown(page="hat", strategy="bought_together", limit=1) == ["shirt-m"]
    shop.catalogue.delete("shirt-m")
    assert shop.shown(page="hat", strategy="bought_together", limit=1) == ["shirt-s"]
    shop.catalogue.change([parse_change({"id": "shirt-s", "recommendable": False})])
    assert not any(each.startswith("shirt") for each in shop.shown(page="hat", strategy="blend", limit=10))


def test_groups_that_the_catalogue_learns_after_the_training(tmp_path: Path) -> None:
    plain = [{key: value for key, value in item.items() if key not in ("group", "sku")} for item in SHIRTS]
    shop = Shop(tmp_path, [*plain, *OTHERS], orders())
    assert len([each for each in shop.shown(strategy="popular", limit=10) if each.startswith("shirt-")]) > 1
    shop.catalogue.change([parse_change(item) for item in SHIRTS])
    for again in (lambda: None, shop.train):
        again()
        for strategy in STRATEGIES:
            ids = shop.shown(profile(("hat", "view")), strategy=strategy, limit=10)
            assert sum(each.startswith("shirt") for each in ids) <= 1
    assert shop.shown(page="shirt", strategy="bought_together", limit=1) == ["hat"]


def test_a_refresh_counts_variants_as_one(shop: Shop) -> None:
    shop.history.table = history([*orders(), *orders(60)])  # type: ignore[arg-type]
    assert refresh("default", shop.history, shop.registry, shop.clock, shop.catalogue.all())
    assert shop.shown(page="shirt-m", strategy="bought_together", limit=1) == ["hat"]


HIDING: list[Any] = [
    {"available": False},
    {"recommendable": False},
    {"available": False, "recommendable": False},
    None,
]


@settings(max_examples=40, deadline=None)
@given(
    hidden=st.dictionaries(
        st.sampled_from(["hat", "belt", "sock", "tie", "shirt-m", "wrap"]), st.sampled_from(HIDING)
    )
)
def test_what_is_hidden_is_in_no_row(
    tmp_path_factory: pytest.TempPathFactory, hidden: dict[str, Any]
) -> None:
    """``wrap`` is in every order, and new to the model when it comes."""
    shop = Shop(tmp_path_factory.mktemp("shop"), [*SHIRTS, *OTHERS, {"id": "wrap"}], orders(20), explore=1.0)
    for item_id, change in hidden.items():
        if change is None:
            shop.catalogue.delete(item_id)
        else:
            shop.catalogue.change([parse_change({"id": item_id, **change})])
    for strategy in STRATEGIES:
        for page in (None, "hat", "shirt-m", "belt"):
            who = profile(("hat", "purchase"), ("belt", "view"), ("wrap", "purchase"))
            ids = shop.shown(who, page, strategy=strategy, limit=10, rebuy=True)
            assert not hidden.keys() & set(ids), strategy


def test_postage_is_kept_and_never_recommended(tmp_path: Path) -> None:
    rows = [
        *orders(),
        *((f"v:{n}", "postage", "Order Completed", NOW - DAY_MS - n * 1000 + 60, f"s{n}") for n in range(40)),
    ]
    shop = Shop(tmp_path, [*SHIRTS, *OTHERS, {"id": "postage", "name": "Postage"}], rows)
    assert "postage" in shop.shown(page="hat", strategy="bought_together", limit=3)
    shop.catalogue.change([parse_change({"id": "postage", "recommendable": False})])
    for strategy in STRATEGIES:
        who = profile(("postage", "purchase"), ("hat", "view"))
        assert "postage" not in shop.shown(who, strategy=strategy, limit=10, rebuy=True)
    item = shop.catalogue.get("postage")
    assert item and item.name == "Postage" and item.available


def test_new_is_what_was_first_seen_lately(tmp_path: Path) -> None:
    """Not what the model does not know: an item that nobody has looked at for long is none."""
    shop = Shop(tmp_path, OTHERS, orders(), explore=1.0)
    shop.now = NOW + 100 * DAY_MS
    assert not shop.catalogue.get("old")
    shop.catalogue.put_from_events(parse_items([{"id": "old"}]), {"old": NOW - 400 * DAY_MS})
    shop.catalogue.put(parse_items([{"id": "old"}, {"id": "made", "created_at": "2020-01-01"}]))
    for _ in range(20):
        shop.shown(strategy="popular", limit=3)
        assert "new" not in {reason.kind for reason in shop.reasons}
    shop.catalogue.put(parse_items([{"id": "fresh"}]))
    assert "fresh" in {each for _ in range(20) for each in shop.shown(strategy="popular", limit=3)}
    shop.now += 31 * DAY_MS
    shop.catalogue.change([parse_change({"id": "fresh", "price": 3})])
    assert "new" not in {
        reason.kind
        for _ in range(20)
        for reason in (shop.shown(strategy="popular", limit=3), shop.reasons)[1]
    }


def test_what_a_whole_catalogue_does_not_hold_is_not_sold(tmp_path: Path) -> None:
    rows = [
        *orders(),
        *((f"v:{n}", "gone", "Order Completed", NOW - DAY_MS - n * 1000 + 60, f"s{n}") for n in range(40)),
    ]
    shop = Shop(tmp_path, [*SHIRTS, *OTHERS], rows)
    shop.catalogue.put_from_events([Item(id="gone", sent_by_site=True)])
    assert "gone" in shop.shown(page="hat", strategy="bought_together", limit=5)
    shop.catalogue.mark_whole()
    for strategy in STRATEGIES:
        assert "gone" not in shop.shown(
            profile(("gone", "purchase")), "hat", strategy=strategy, limit=10, rebuy=True
        )


def test_prices_of_a_sale_are_those_of_the_moment(tmp_path: Path) -> None:
    begin, end = "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"
    shop = Shop(tmp_path, [*OTHERS, {"id": "coat", "price": 100.0}], orders())
    shop.catalogue.change(
        [parse_change({"id": "coat", "sale_price": 60.0, "sale_from": begin, "sale_until": end})]
    )
    cheap = {"strategy": "popular", "limit": 10, "filter": Filter(price_max=70.0)}

    def at(time: str) -> bool:
        shop.now = moment(time) or 0
        return "coat" in shop.shown(**cheap)

    times = ["2026-11-19T23:59:59Z", begin, "2026-11-20T23:59:59Z", end]
    assert [at(time) for time in times] == [False, True, True, False]


@pytest.mark.parametrize("order", [0, 1])
def test_names_in_events_are_no_items_of_their_own(tmp_path: Path, order: int) -> None:
    """Events teach the catalogue items: not those that the shop's items are called, whoever comes first."""
    shop = Shop(tmp_path, OTHERS, orders())
    learned = [Item(id=name, sent_by_site=True, name="learned") for name in NAMES]
    steps = [
        lambda: shop.catalogue.sync_from_events(learned),
        lambda: shop.catalogue.put(parse_items(SHIRTS)),
    ]
    for step in (steps[order], steps[1 - order]):
        step()
        shop.shown(strategy="popular")
    for again in (lambda: None, shop.train):
        again()
        for strategy in STRATEGIES:
            for who, page in ((None, None), (profile(("SKU-m", "view")), "hat"), (None, "shirt")):
                ids = shop.shown(who, page, strategy=strategy, limit=10, rebuy=True)
                assert sum(each.startswith(("shirt", "SKU")) for each in ids) <= 1, (strategy, ids)
                assert not {"shirt", "SKU-m"} & set(ids)
    assert {item.id for item in shop.catalogue.all()} == {str(item["id"]) for item in [*SHIRTS, *OTHERS]}
    assert shop.shown(page="hat", strategy="bought_together", limit=1) == ["shirt-l"]
