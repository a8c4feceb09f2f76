"""Training: from a site's history to a new version in the model registry, published if the gate accepts it."""

import dataclasses
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np

from recommender.algorithms import (
    als,
    associations,
    content,
    cooccurrence,
    factors,
    popularity,
    rebuy,
    session_knn,
)
from recommender.catalogue.item import Item
from recommender.catalogue.variants import model_names, stand_ins
from recommender.data.interactions import (
    Interactions,
    NothingToLearn,
    confidence_matrix,
    interaction_matrix,
    read,
)
from recommender.data.params import Params
from recommender.evaluation.cases import Case
from recommender.model.card import Card
from recommender.model.model import Model
from recommender.model.registry import ModelRegistry
from recommender.training.blend_weights import fit_blend
from recommender.training.held_out import NEWEST, HeldOut, held_out_cases
from recommender.training.live_models import live_models
from recommender.training.progress import Progress

log = logging.getLogger("dangol.recommender")


class History(Protocol):
    """What happened on a site, as Arrow tables."""

    def interactions(self, site: str, days: int) -> Any:
        """What happened in the last ``days`` before the newest product event: an import of an old year is as good as
        this one. Columns profile, product, name (of the event), ts, quantity, session."""


NO_PROGRESS = Progress()


def fit(
    rows: Interactions,
    params: Params,
    card: Card,
    items: Sequence[Item] = (),
    progress: Progress = NO_PROGRESS,
) -> Model:
    """A model of ``rows`` as of their last event; ``items`` is what the catalogue says of them.

    Deterministic for given rows and params on one thread.
    """
    now = int(rows.ts[-1])
    used, alpha = confidence_matrix(interaction_matrix(rows, params, now), params.alpha, rows.profile_weights)
    vectors = als.fit(used, params, progress.part)
    index = {item: code for code, item in enumerate(rows.items)}
    taught = np.repeat(rows.profile_weights, np.diff(used.indptr))
    visitors = np.bincount(used.indices, taught, len(rows.items)).astype(np.float32)
    card = msgspec.structs.replace(
        card,
        first=int(rows.ts[0]),
        last=now,
        events=len(rows),
        profiles=int(np.count_nonzero(np.diff(used.indptr))),
        sessions=int(np.count_nonzero(np.bincount(rows.session))),
        items=len(rows.items),
        factors=vectors.shape[1],
        alpha=alpha,
        params=params,
    )
    limit, keep = params.basket_limit, params.neighbours
    near = cooccurrence.neighbours(cooccurrence.visits(rows, limit), keep)
    categories, by_category = in_categories(rows, items)
    return Model(
        card=card,
        items=rows.items,
        index=index,
        factors=factors.solve(vectors, params.regularization, params.ann_above, params.threads),
        sessions=session_knn.build(rows, params),
        together=cooccurrence.neighbours(
            cooccurrence.baskets(rows, limit), keep, least=cooccurrence.LEAST_ORDERS
        ),
        near=near,
        substitutes=associations.substitutes(rows, near, limit),
        with_it=associations.together(rows, keep, limit),
        after_it=associations.following(rows, keep, limit, params.follows_days),
        after_category=associations.following(by_category, keep, limit, params.follows_days),
        categories=categories,
        popularity=popularity.popularity(rows, params, now),
        rebuy=rebuy.rebuy(rows),
        content=content.learn(items, index, vectors, visitors),
    )


def in_categories(rows: Interactions, items: Sequence[Item]) -> tuple[tuple[str, ...], Interactions]:
    """The names of the categories, and the interactions with them in place of items; without items of no category."""
    named = {item.id: item.category for item in items if item.category}
    there = np.array([item in named for item in rows.items], np.bool_)
    kept = rows.rows(there[rows.item]) if len(rows) else rows
    by_category = kept.renamed({item: named.get(item, "") for item in rows.items})
    return by_category.items, by_category


class Learned(NamedTuple):
    """A model of everything, and beside it one of what was ``known`` before the newest sessions, to be judged by
    ``cases`` of those."""

    model: Model
    before: Model | None = None
    cases: Sequence[Case] = ()
    known: Interactions | None = None


def learn(
    rows: Interactions,
    params: Params,
    card: Card,
    items: Sequence[Item] = (),
    held_out: HeldOut = NEWEST,
    progress: Progress = NO_PROGRESS,
) -> Learned:
    """A model of all ``rows`` whose blend was fitted on what was held out from a model before.

    The earlier half of the held-out sessions fits the blend, the later half is left to judge with.
    """
    cut, fitting, judging = held_out_cases(rows, params, held_out)
    if cut is None:
        progress.stage("learn")
        return Learned(fit(rows, params, card, items, progress))
    progress.stage("rehearse")
    known = rows.before(cut)
    before = fit(known, params, card, items, progress)
    progress.stage("blend")
    weights = fit_blend(before, fitting, params)
    blend = {"blend": weights.components, "revisit": weights.revisit} if weights else {}
    progress.stage("learn")
    before, model = (
        dataclasses.replace(each, card=msgspec.structs.replace(each.card, **blend))
        for each in (before, fit(rows, params, card, items, progress))
    )
    return Learned(model, before, judging, known)


def train(
    site: str,
    history: History,
    registry: ModelRegistry,
    params: Params | None = None,
    clock: Callable[[], float] = time.time,
    items: Sequence[Item] = (),
    progress: Progress = NO_PROGRESS,
) -> Card:
    """Learn from the site's window of history and serve the result, if it is not worse than the live model.

    ``items`` is the catalogue, from which new items' places are learned, and which variants are of one group.
    ``params`` are the registry's unless given.
    Raises NothingToLearn, ParamsInvalid.
    """
    params = params or registry.params.read()
    begin, now = time.perf_counter(), int(clock() * 1000)
    progress.stage("read")
    rows = read(history.interactions(site, params.window_days)).renamed(model_names(items))
    if not len(rows):
        raise NothingToLearn(f"site {site}: no product events yet")
    log.info("site %s: learning from %d events of %d visitors", site, len(rows), len(rows.profiles))
    live = live_models(registry)
    card = Card(version=registry.new_version(), site=site, made=now)
    learned = learn(rows, params, card, stand_ins(items), live.held_out(), progress)
    progress.stage("judge")
    judgement = live.judge(learned.model.card, learned.before, learned.cases, learned.known, now)
    card = msgspec.structs.replace(
        learned.model.card,
        seconds=round(time.perf_counter() - begin, 3),
        accepted=judgement.accepted,
        verdict=judgement.verdict,
        metrics=judgement.measured,
        compared=judgement.compared,
        anchored=judgement.anchored,
        anchor=live.anchor_after(judgement),
        reason=judgement.reason,
    )
    progress.stage("save")
    registry.add(dataclasses.replace(learned.model, card=card))
    if card.accepted:
        registry.publish(card.version)
        log.info("site %s: model %s of %d events in %.1f s", site, card.version, card.events, card.seconds)
    elif card.reason == "not shown":
        log.warning("site %s: model %s is not served: %s", site, card.version, card.verdict)
    else:
        log.error("site %s: model %s refused: %s", site, card.version, card.verdict)
    return card
