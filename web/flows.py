"""What paths and retention are asked by, the same in the desk's address and in the API's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from warehouse.question.refused import QueryRefused
from warehouse.question.steps import Step, parse_step
from warehouse.reports.paths import DEPTH_LIMIT
from warehouse.reports.retention import DEEDS, UNITS, Deed, Unit

T = TypeVar("T", bound=str)


@dataclass(frozen=True, slots=True)
class PathOptions:
    """Without an anchor: from the entry of each visit, or to its exit."""

    anchor: Step | None = None
    direction: Literal["from", "to"] = "from"
    depth: int = 4


@dataclass(frozen=True, slots=True)
class RetentionOptions:
    unit: Unit = "week"
    deed: Deed = "visit"
    by_channel: bool = False


def path_options(args: Mapping[str, str]) -> PathOptions:
    """``anchor`` (a step), ``direction`` (from or to) and ``depth``. Raises QueryRefused."""
    anchor, depth = args.get("anchor", ""), args.get("depth") or "4"
    if depth not in {str(number) for number in range(1, DEPTH_LIMIT + 1)}:
        raise QueryRefused("depth", f"from 1 to {DEPTH_LIMIT}")
    direction = one_of("direction", args, ("from", "to"))
    step = parse_step(anchor, "anchor") if anchor else None
    return PathOptions(step, cast(Literal["from", "to"], direction), int(depth))


def retention_options(args: Mapping[str, str]) -> RetentionOptions:
    """``unit`` (week, day or month), ``deed`` (visit or purchase) and ``by`` (channel). Raises QueryRefused."""
    units: Sequence[Unit] = ("week", *(unit for unit in UNITS if unit != "week"))
    by = one_of("by", args, ("", "channel"))
    return RetentionOptions(one_of("unit", args, units), one_of("deed", args, DEEDS), by == "channel")


def one_of(name: str, args: Mapping[str, str], choices: Sequence[T]) -> T:
    """The choice that ``args`` names; the first is the usual one. Raises QueryRefused."""
    given = args.get(name) or choices[0]
    for choice in choices:
        if given == choice:
            return choice
    raise QueryRefused(name, f"one of {', '.join(choice for choice in choices if choice)}")
