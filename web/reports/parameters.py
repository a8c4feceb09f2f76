"""What a funnel is asked by, the same in the desk's address and in the API's."""

from collections.abc import Sequence

from werkzeug.datastructures import MultiDict

from warehouse.funnel.funnel import Rules, Step, parse_step, parse_window
from warehouse.question.refused import QueryRefused
from web.flows import one_of

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
