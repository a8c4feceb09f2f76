"""Variants: the names by which events call items, and the one that stands for them in a model."""

from collections.abc import Iterable

import msgspec

from recommender.catalogue.item import Item


def model_names(items: Iterable[Item]) -> dict[str, str]:
    """By id and SKU, the name in a model where it is another one: of a variant its group, so that what happened to one
    variant counts for all; of an SKU its item."""
    every = list(items)
    ids = {item.id for item in every}
    names = {item.sku: item.group or item.id for item in every if item.sku and item.sku not in ids}
    return names | {item.id: item.group for item in every if item.group and item.group != item.id}


def stand_ins(items: Iterable[Item]) -> list[Item]:
    """One item for each name in a model: of a group the first variant that may be shown, under the group's name."""
    found: dict[str, Item] = {}
    for item in items:
        name = item.group or item.id
        if name not in found or (item.shown and not found[name].shown):
            found[name] = item
    return [
        item if item.id == name else msgspec.structs.replace(item, id=name) for name, item in found.items()
    ]
