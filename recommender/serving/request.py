"""The request of one slot and its answer: the values that cross the recommender's boundary."""

from typing import Annotated, Any, Literal

import msgspec

from tracker.refusal import Refusal

Strategy = Literal[
    "personal",
    "session",
    "similar",
    "bought_together",
    "bought_next",
    "next_category",
    "up_sell",
    "buy_again",
    "trending",
    "popular",
    "blend",
]
STRATEGIES: tuple[Strategy, ...] = (
    "personal",
    "session",
    "similar",
    "bought_together",
    "bought_next",
    "next_category",
    "up_sell",
    "buy_again",
    "trending",
    "popular",
    "blend",
)


LIMIT = 100  # most items of one answer
BIAS_LIMIT = 1000.0


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which items may be shown. A category includes those below it: ``shoes`` holds ``shoes/boots``."""

    category: str | tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    exclude: tuple[str, ...] = ()

    @property
    def categories(self) -> tuple[str, ...]:
        return (self.category,) if isinstance(self.category, str) else self.category


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Items whose ``field`` (id, category or a further attribute) is one of ``values``: only these (bias -1),
    never these (0), or their scores times ``bias``. A category includes those below it; ``categories`` is that one
    or any of the further attribute of this name."""

    field: str
    values: tuple[str, ...]
    bias: float

    def __post_init__(self) -> None:
        if self.bias != -1 and not 0 <= self.bias <= BIAS_LIMIT:
            raise ValueError(f"bias must be -1, or from 0 to {BIAS_LIMIT:g}")


class SlotRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One item slot. ``item`` is what similar, bought_together, bought_next and up_sell start from; default: the item
    on the page, and of bought_next the last orders.

    ``rebuy``: items the visitor has bought may be shown; buy_again shows nothing else. ``spread``: at most so many
    items of one category, as long as others are left.
    """

    strategy: Strategy = "blend"
    limit: int = 10
    item: str | None = None
    filter: Filter = Filter()
    rebuy: bool = False
    rules: tuple[Rule, ...] = ()
    spread: int | None = None


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an item is shown: ``kind`` names the component that found it, ``item`` the item that it started from.
    ``people`` who did so, and ``lift``: how much more often than by chance, are the evidence of an association."""

    # viewed | added | bought | similar | together | next | next_category | up_sell | again | category | popular
    # | trending | new
    kind: str
    item: str | None = None
    category: str | None = None
    people: int | None = None
    lift: float | None = None


class RecommendedItem(msgspec.Struct, frozen=True):
    id: str
    score: float
    reason: Reason


class Recommendations(msgspec.Struct, frozen=True):
    """The answer: best first, and the version of the model that gave it ("" when there is none yet)."""

    items: tuple[RecommendedItem, ...]
    model: str


class _SlotDocument(msgspec.Struct, frozen=True):
    """The item slot of a request document; other fields of the slot belong to other stages."""

    strategy: str = "blend"
    limit: int = 10
    item: str | int | None = None
    filter: Filter = Filter()
    rebuy: bool = False
    rules: Annotated[tuple[Rule, ...], msgspec.Meta(max_length=20)] = ()
    spread: Annotated[int, msgspec.Meta(ge=1)] | None = None


def parse_slot_request(raw: Any) -> SlotRequest | Refusal:
    """The slot request in a decoded slot of ``/v1/personalize``, or the refusal that names the field."""
    try:
        slot = msgspec.convert(raw, _SlotDocument)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at `$")
        return Refusal("bad_request", message, path.rstrip("`").lstrip(".") or "slot")
    strategy = next((name for name in STRATEGIES if name == slot.strategy.replace("-", "_")), None)
    if strategy is None:
        return Refusal("bad_request", f"must be one of {', '.join(STRATEGIES)}", "strategy")
    if not 1 <= slot.limit <= LIMIT:
        return Refusal("bad_request", f"must be between 1 and {LIMIT}", "limit")
    item = None if slot.item is None else str(slot.item)
    return SlotRequest(
        strategy=strategy,
        limit=slot.limit,
        item=item,
        filter=slot.filter,
        rebuy=slot.rebuy,
        rules=slot.rules,
        spread=slot.spread,
    )
