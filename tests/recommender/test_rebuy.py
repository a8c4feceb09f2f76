"""What was bought: when it is wanted again, and where it may be shown meanwhile."""

import pytest

from profiles.model import ItemTouch, Profile
from recommender.catalogue.catalogue import Catalogue
from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.serving.components import _need
from recommender.serving.recommender import Recommender
from recommender.serving.request import Recommendations, SlotRequest
from recommender.training.train import train
from tests.support.catalogue_documents import parse_items
from tests.support.recommender_histories import NOW, MemoryItems, TableHistory, history
from tracker.durations import DAY_MS


def clock() -> float:
    return NOW / 1000


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """Coffee is bought each week, soap each month, a lamp once."""
    rows = []
    for n in range(60):
        for item, every, times in (("coffee", 7, 10), ("soap", 30, 4), ("lamp", 1, 1)):
            rows += [
                (
                    f"v{n}",
                    item,
                    "Order Completed",
                    NOW - (n % 5) * DAY_MS - every * DAY_MS * k,
                    f"s{n}{item}{k}",
                )
                for k in range(times)
            ]
    registry = ModelRegistry(tmp_path_factory.mktemp("models"), "s", clock=clock)
    train("s", TableHistory(history(rows)), registry, Params(iterations=2), clock)
    return registry


def buyer(*bought: tuple[str, float]) -> Profile:
    """Who bought these so many days ago, oldest first."""
    return Profile(
        id="v:x", items=[ItemTouch(item, "purchase", NOW - round(age * DAY_MS)) for item, age in bought]
    )


def shown(
    registry: ModelRegistry, profile: Profile, params: Params | None = None, **ask: object
) -> list[str]:
    catalogue = Catalogue(MemoryItems(), every=0)
    catalogue.put(parse_items([{"id": "coffee", "category": "food/hot"}, {"id": "lamp", "category": "home"}]))
    recommender = Recommender(registry, catalogue, params, clock)
    row = recommender.recommend(recommender.visitor(profile), SlotRequest(**ask))  # type: ignore[arg-type]
    assert isinstance(row, Recommendations)
    return [pick.id for pick in row.items]


def test_what_is_due_comes_first(registry: ModelRegistry) -> None:
    """Both were bought eight days ago: coffee runs out after a week, soap after a month, another lamp is not needed."""
    again = shown(registry, buyer(("lamp", 8), ("soap", 8), ("coffee", 8)), strategy="buy_again")
    assert again == ["coffee", "soap", "lamp"]


def test_what_was_bought_a_moment_ago_waits(registry: ModelRegistry) -> None:
    model = registry.live()
    assert model is not None
    row, half_lives = model.index["coffee"], (40.0, 200.0)

    def need(*ages: float) -> float:
        return _need(model, row, [NOW - round(age * DAY_MS) for age in ages], NOW, half_lives)

    assert need(0.01) < need(7), "what is at home is not needed"
    assert need(7) > need(90), "what was given up is not needed either"
    assert need(21, 14, 7) > need(7), "a habit counts more than one purchase"
    # Who buys each third day runs out sooner than the others.
    assert need(6, 3.0) / need(6, 0.01) > need(30, 3.0) / need(30, 0.01)


def test_what_is_used_up_may_be_shown_again_in_its_categories(registry: ModelRegistry) -> None:
    profile = buyer(("lamp", 30), ("coffee", 30))
    assert shown(registry, profile, strategy="popular", limit=3) == ["soap"]
    food = Params(rebuy_categories=("food",))
    assert set(shown(registry, profile, food, strategy="popular", limit=3)) == {"soap", "coffee"}
    every = shown(registry, profile, strategy="popular", limit=3, rebuy=True)
    assert set(every) == {"soap", "coffee", "lamp"}
