"""Strategies that start from associations: bought next, the next category, the better item; and their report."""

from pathlib import Path

import pytest

from profiles.model import ItemTouch, Profile
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from recommender.serving.request import Recommendations, SlotRequest
from recommender.training.train import train
from tests.support.recommender_histories import NOW, MemoryItems, TableHistory, history
from tracker.durations import DAY_MS
from web.reports.products.associations import associations_of

ITEMS = [
    ("camera", "cameras", 300.0),
    ("camera pro", "cameras", 450.0),
    ("camera xl", "cameras", 2_000.0),
    ("camera mini", "cameras", 320.0),
    ("lens", "lenses", 100.0),
    ("filter", "lenses", 20.0),
    ("tea", "tea", 5.0),
    ("cup", "cups", 9.0),
]


class Shop:
    """Forty people bought a camera and later a lens; forty others tea and cups. Of those who looked at the camera and
    the dearer one, most bought the dearer one."""

    def __init__(self, folder: Path) -> None:
        rows = []
        for n in range(40):
            rows += self._order(f"a{n}", 60, "camera") + self._order(f"a{n}", 20, "lens")
            rows += self._order(f"b{n}", 50, "tea", "cup") + self._order(f"b{n}", 40, "tea")
            rows += self._visit(
                f"c{n}", "camera", "camera pro", "camera pro" if n < 12 else "camera" if n < 15 else ""
            )
            rows += self._visit(f"d{n}", "camera", "camera xl", "")
        self.registry = ModelRegistry(folder, "default", clock=self.clock)
        self.catalogue = Catalogue(MemoryItems())
        self.catalogue.put(
            [
                Item(id=name, name=name.title(), category=category, price=price)
                for name, category, price in ITEMS
            ]
        )
        items = self.catalogue.all()
        train("default", TableHistory(history(rows)), self.registry, clock=self.clock, items=items)
        self.recommender = Recommender(self.registry, self.catalogue, clock=self.clock)

    @staticmethod
    def clock() -> float:
        return NOW / 1000

    @staticmethod
    def _order(who: str, ago: int, *items: str) -> list[tuple[str, str, str, int, str]]:
        return [(who, item, "Order Completed", NOW - ago * DAY_MS, f"{who}-{ago}") for item in items]

    @staticmethod
    def _visit(who: str, one: str, other: str, bought: str) -> list[tuple[str, str, str, int, str]]:
        rows = [
            (who, each, "Product Viewed", NOW - 10 * DAY_MS + at, who) for at, each in enumerate((one, other))
        ]
        return rows + ([(who, bought, "Order Completed", NOW - 10 * DAY_MS + 5, who)] if bought else [])

    def shown(self, profile: Profile | None, page: str | None = None, **ask: object) -> Recommendations:
        visitor = self.recommender.visitor(profile, page)
        answer = self.recommender.recommend(visitor, SlotRequest(**ask))  # type: ignore[arg-type]
        assert isinstance(answer, Recommendations)
        return answer


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return Shop(tmp_path_factory.mktemp("models"))


def buyer(item: str, days: int) -> Profile:
    touch = ItemTouch(item=item, kind="purchase", ts=NOW - days * DAY_MS)
    return Profile(id="v:x", items=[touch])


def test_what_others_bought_next_is_offered_with_its_evidence(shop: Shop) -> None:
    first = shop.shown(buyer("camera", 5), strategy="bought_next", limit=2).items[0]
    assert (first.id, first.reason.kind, first.reason.item) == ("lens", "next", "camera")
    assert first.reason.people == 40 and first.reason.lift is not None and first.reason.lift > 1.5
    asked = shop.shown(None, strategy="bought_next", item="camera", limit=1).items[0]
    assert (asked.id, asked.reason.kind) == ("lens", "next")


def test_a_purchase_of_long_ago_and_an_item_bought_already_suggest_nothing(shop: Shop) -> None:
    old = shop.shown(buyer("camera", 100), strategy="bought_next", limit=1)
    assert all(each.reason.kind == "popular" for each in old.items)
    both = buyer("camera", 5)
    both.items.append(ItemTouch(item="lens", kind="purchase", ts=NOW - DAY_MS))
    assert all(each.id != "lens" for each in shop.shown(both, strategy="bought_next", limit=5).items)


def test_the_next_category_is_where_others_went(shop: Shop) -> None:
    shown = shop.shown(buyer("camera", 5), strategy="next_category", limit=2)
    assert [each.reason.kind for each in shown.items] == ["next_category", "next_category"]
    assert {each.reason.category for each in shown.items} == {"lenses"}
    assert shown.items[0].reason.people == 40


def test_the_better_item_is_of_the_same_need_dearer_and_not_too_dear(shop: Shop) -> None:
    shown = [
        each
        for each in shop.shown(None, page="camera", strategy="up_sell", limit=5).items
        if each.reason.kind == "up_sell"
    ]
    assert [each.id for each in shown] == ["camera pro", "camera mini"]
    assert shown[0].reason.people == 12 and shown[0].reason.item == "camera"
    cheapest = shop.shown(None, page="tea", strategy="up_sell", limit=1).items
    assert all(each.reason.kind != "up_sell" for each in cheapest)


def test_an_item_that_cannot_be_had_is_never_the_better_one(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.catalogue.put([Item(id="camera pro", category="cameras", price=450.0, available=False)])
    shown = shop.shown(None, page="camera", strategy="up_sell", limit=5).items
    assert "camera pro" not in {each.id for each in shown}
    assert all(each.other != "camera pro" for each in associations_of(shop.registry, shop.catalogue).better)


def test_the_report_tells_support_confidence_and_lift(shop: Shop) -> None:
    found = associations_of(shop.registry, shop.catalogue)
    (pair,) = [each for each in found.together if each.item == "cup"]
    assert (pair.other, pair.other_name, pair.people, pair.base) == ("tea", "Tea", 40, 40)
    # 40 of 95 buyers: 40 bought a camera and a lens, 40 tea and cups, 15 one camera alone
    assert (pair.support, pair.confidence, pair.lift) == (round(40 / 95, 6), 1.0, round(95 / 40, 3))
    assert [(each.item, each.other) for each in found.next] == [("camera", "lens")]
    assert [(each.item, each.other) for each in found.categories] == [("cameras", "lenses")]
    better = found.better[0]
    assert (better.item, better.other) == ("camera", "camera pro")
    assert (better.people, better.bought_other, better.bought_item) == (40, 12, 3)
    one = associations_of(shop.registry, shop.catalogue, "camera")
    assert {each.item for each in (*one.together, *one.next, *one.better)} == {"camera"}
    assert {each.item for each in one.categories} == {"cameras"}
    nothing = associations_of(shop.registry, shop.catalogue, "nobody knows it")
    assert not (nothing.together or nothing.next or nothing.categories or nothing.better)


def test_without_a_model_the_report_is_empty_and_strategies_still_answer(tmp_path: Path) -> None:
    catalogue = Catalogue(MemoryItems())
    registry = ModelRegistry(tmp_path, "default", clock=Shop.clock)
    assert associations_of(registry, catalogue).model == ""
    recommender = Recommender(registry, catalogue, clock=Shop.clock)
    for strategy in ("bought_next", "next_category", "up_sell"):
        answer = recommender.recommend(recommender.visitor(None, "x"), SlotRequest(strategy=strategy))
        assert isinstance(answer, Recommendations) and answer.items == ()
