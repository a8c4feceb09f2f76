"""Associations of a site's live model with their evidence: bought together, bought next, next category, up-sell."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from recommender.algorithms.associations import LEAST_PEOPLE, Rules
from recommender.catalogue.catalogue import Catalogue
from recommender.model.model import Model
from recommender.model.registry import ModelRegistry
from recommender.serving.associated import DEARER
from warehouse.definitions.shares import Share, share_of

MOST = 200
"""Rows of one table."""


@dataclass(frozen=True, slots=True)
class Association:
    """Who has ``item`` also has, or later buys, ``other``: ``people`` of the ``base`` who have the item. ``support`` is
    their share of all, ``confidence`` of the base; ``lift`` is how much more often that is than by chance."""

    item: str
    item_name: str
    other: str
    other_name: str
    people: int
    base: int
    support: float
    support_interval: Share
    confidence: float
    confidence_interval: Share
    lift: float


@dataclass(frozen=True, slots=True)
class Better:
    """``other`` is dearer and of the same category: of ``people`` who looked at both in one visit, so many bought
    ``other`` and so many bought ``item``."""

    item: str
    item_name: str
    other: str
    other_name: str
    price: float
    other_price: float
    people: int
    bought_other: int
    bought_item: int


@dataclass(frozen=True, slots=True)
class Associations:
    """Of the model ``model`` ("" while there is none): the strongest of each kind, or those of one item."""

    model: str
    together: tuple[Association, ...] = ()
    next: tuple[Association, ...] = ()
    categories: tuple[Association, ...] = ()
    better: tuple[Better, ...] = ()


ASSOCIATION_TABLES = ("together", "next", "categories", "better")


def associations_of(registry: ModelRegistry, catalogue: Catalogue, item: str = "") -> Associations:
    """``item``: only what starts from it; "" for the strongest of all. Unknown items have none."""
    model = registry.live()
    if model is None:
        return Associations("")
    names = _Names(catalogue)
    only = model.index.get(item, -1) if item else None
    category = names.category(item) if item else ""
    in_category = model.categories.index(category) if category in model.categories else -1
    return Associations(
        model.card.version,
        tuple(_rules(model.with_it, model.items, names, only)),
        tuple(_rules(model.after_it, model.items, names, only)),
        tuple(_rules(model.after_category, model.categories, None, in_category if item else None)),
        tuple(_better(model, names, only)),
    )


class _Names:
    """What the catalogue says of items."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._catalogue.refresh()

    def name(self, item: str) -> str:
        found = self._catalogue.state(item)[1]
        return found.name if found and found.name else item

    def category(self, item: str) -> str:
        found = self._catalogue.state(item)[1]
        return found.category if found else ""

    def price(self, item: str) -> float:
        found = self._catalogue.state(item)[1]
        return found.price if found and found.shown and found.price is not None else float("nan")


def _rules(
    rules: Rules, items: tuple[str, ...], names: _Names | None, only: int | None
) -> Iterator[Association]:
    sources = np.repeat(np.arange(len(items)), np.diff(rules.starts))
    span = rules.of(only) if only is not None else slice(0, len(rules.items))
    places = np.arange(span.start, span.stop)
    best = places[np.argsort(-rules.scores[span], kind="stable")][:MOST]
    population = max(round(float(rules.population[0])), 1)
    for place in best.tolist():
        item, other = items[int(sources[place])], items[int(rules.items[place])]
        people, base = round(float(rules.people[place])), round(float(rules.base[int(sources[place])]))
        yield Association(
            item,
            names.name(item) if names else item,
            other,
            names.name(other) if names else other,
            people,
            base,
            round(people / population, 6),
            share_of(people, population),
            round(people / max(base, 1), 6),
            share_of(people, base),
            round(float(rules.lift[place]), 3),
        )


def _better(model: Model, names: _Names, only: int | None) -> Iterator[Better]:
    near, taken = model.near, model.substitutes
    sources = np.repeat(np.arange(len(model.items)), np.diff(near.starts))
    places = np.arange(len(sources)) if only is None else np.flatnonzero(sources == only)
    found = 0
    for place in places[np.argsort(-taken.other[places], kind="stable")].tolist():
        item, other = model.items[int(sources[place])], model.items[int(near.items[place])]
        if found == MOST:
            break
        if taken.looked[place] < LEAST_PEOPLE:
            continue
        price, dearer = names.price(item), names.price(other)
        same = names.category(item) and names.category(item) == names.category(other)
        if not same or not DEARER[0] * price <= dearer <= DEARER[1] * price:
            continue
        found += 1
        counts = (round(float(each[place])) for each in (taken.looked, taken.other, taken.first))
        yield Better(item, names.name(item), other, names.name(other), price, dearer, *counts)
