"""Refresh: a new version with current sessions, neighbours, popularity and trends, and the last trained factors.

It is cheap enough to run every few minutes. Factors change slowly; the other parts change within the day.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence

import msgspec

from recommender.catalogue.item import Item
from recommender.catalogue.variants import model_names
from recommender.data.interactions import read
from recommender.model.card import Card
from recommender.model.registry import ModelRegistry
from recommender.training.renewal import renewed
from recommender.training.train import History


def refresh(
    site: str,
    history: History,
    registry: ModelRegistry,
    clock: Callable[[], float] = time.time,
    items: Sequence[Item] = (),
) -> Card | None:
    """Publish the live model with everything but its factors renewed; None when there is no model or nothing new.

    ``items`` is the catalogue. Raises ModelUnusable.
    """
    version = registry.live_version()
    if version is None:
        return None
    begin, live = time.perf_counter(), registry.load(version)
    params = live.card.params
    rows = read(history.interactions(site, params.window_days))
    # By their number, too: a visitor's clock may be a day ahead, and nothing newer comes until then.
    if not len(rows) or (int(rows.ts[-1]) <= live.card.last and len(rows) == live.card.events):
        return None
    rows = rows.renamed(model_names(items))
    model = renewed(live, rows)
    origin = live.card.refreshed or live.card.version
    card = msgspec.structs.replace(
        live.card,
        version=registry.new_version(),
        refreshed=origin,
        made=int(clock() * 1000),
        last=int(rows.ts[-1]),
        events=len(rows),
        items=len(model.items),
        seconds=round(time.perf_counter() - begin, 3),
        verdict=f"sessions and trends of now on the factors of {origin}",
    )
    registry.add(dataclasses.replace(model, card=card))
    registry.publish(card.version)
    return card
