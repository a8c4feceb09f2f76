"""The parameters of training and serving, each with its reason. A site's own values are in its ``params.toml``."""

import msgspec


class Weights(msgspec.Struct, frozen=True, kw_only=True):
    """How much one event of each kind says about liking an item; negative means the opposite."""

    view: float = 1.0
    list: float = 0.0  # seen in a list: no choice was made
    add: float = 3.0
    remove: float = -2.0
    purchase: float = 5.0
    dismiss: float = -4.0


class Params(msgspec.Struct, frozen=True, kw_only=True):
    """How models are trained and served.

    ``half_life_days`` ages history in training; ``click_half_life`` ages a visitor's own touches by how many came
    after them, so that a change of mind shows at once even for someone with a long past.
    """

    weights: Weights = Weights()
    # training
    window_days: int = 180  # history read by one training
    half_life_days: float = 60.0  # weight of an interaction halves
    factors: int = 64  # fewer where there are few items, see als.factors_for
    regularization: float = 10.0  # holds back factors of items with few visitors
    alpha: float = 40.0  # confidence = 1 + alpha * weight
    iterations: int = 15
    seed: int = 42  # the same history gives the same model
    threads: int = 0  # 0: every core
    ann_above: int = 200_000  # items; up to so many the best are found exactly, beyond them nearly so
    basket_limit: int = 100  # lines of one order that count for "bought together"
    follows_days: int = 60  # within so many days an order follows another: "bought next"
    neighbours: int = 50  # kept per item in the co-purchase and co-view tables
    popular_half_life_days: float = 14.0
    trend_half_life_days: float = 2.0
    held_out: float = 0.1  # newest share of sessions that judges a model and fits its blend
    judged_cases: int = 2000  # moments of them that are looked at
    # sessions
    session_postings: int = 1000  # most recent sessions remembered per item
    session_items: int = 50  # last items remembered of one past session
    session_last: int = 10  # items of the current session that are matched
    session_neighbours: int = 500  # most similar sessions that vote
    session_decay: float = 1.0  # a click weighs exp(-decay * clicks after it)
    session_distance: float = 0.2  # a candidate weighs exp(-this * steps from the shared item)
    session_half_life_days: float = 10.0  # a past session's vote halves
    # serving
    click_half_life: float = 3.0
    taste_items: int = 25  # a visitor's items that enter the fold-in
    rebuy_days: tuple[float, float] = (
        40.0,
        200.0,
    )  # half-lives of a purchase's part in a habit: fresh and old ones
    revisit: float = 0.4  # factor on the score of an item the visitor has seen already
    rebuy_categories: tuple[str, ...] = ()  # where bought items may be shown again: what is used up
    affinity: float = 0.6  # weight of category affinity beside the factors' best score; less with more data
    explore: float = 0.02  # share of shown items that nobody chose yet, so that new ones get seen; 0 = off
    new_days: float = 30.0  # an item is new so long after it was first seen, or created as the shop says
    candidates: int = 100  # taken from each component of a blend
