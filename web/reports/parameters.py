"""The parameters of funnels, paths and retention: the same in the desk's address and in the API's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar, cast

from werkzeug.datastructures import MultiDict

from warehouse.funnel.funnel import Rules, Step, parse_step, parse_window
from warehouse.question.refused import QueryRefused
from warehouse.reports.paths import DEPTH_LIMIT
from warehouse.reports.retention import DEEDS, UNITS, Deed, Unit

T = TypeVar("T", bound=str)

STEPS_LIMIT, EXCLUSIONS_LIMIT = 12, 8
USUAL_WINDOW = "7d"


def funnel_options(steps: Sequence[str], args: "MultiDict[str, str]") -> tuple[list[Step], Rules]:
    """The steps, and the rules in ``window``, ``by`` (visitor or visit), ``order`` (strict or any) and any number of
    ``without``.

    Raises QueryRefused naming the parameter.
    """
    if not 1 <= len(steps) <= STEPS_LIMIT:
        raise QueryRefused("step", f"a funnel has 1 to {STEPS_LIMIT} steps")
    without = [text for text in args.getlist("without") if text]
    if len(without) > EXCLUSIONS_LIMIT:
        raise QueryRefused("without", f"a funnel has at most {EXCLUSIONS_LIMIT} exclusions")
    rules = Rules(
        window=parse_window(args.get("window") or USUAL_WINDOW),
        by_session=one_of("by", args, ("visitor", "visit")) == "visit",
        any_order=one_of("order", args, ("strict", "any")) == "any",
        without=tuple(map(_exclusion, without)),
    )
    return [parse_step(text) for text in steps], rules


def gap_of(text: str) -> tuple[int | None, str]:
    """``2:event:X``, which must not come between step 2 and the next, as (2, "event:X"); without a number None:
    anywhere between the first step and the last."""
    number, colon, rest = text.partition(":")
    if colon and number.isascii() and number.isdigit() and len(number) < 3:
        return int(number), rest
    return None, text


def _exclusion(text: str) -> tuple[Step, int | None]:
    gap, step = gap_of(text)
    return parse_step(step, "without"), None if gap is None else gap - 1


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
