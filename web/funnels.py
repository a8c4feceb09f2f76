"""What a funnel is asked by, the same in the desk's address and in the API's."""

from collections.abc import Mapping, Sequence

from warehouse.funnel import Rules, Step, parse_step, parse_window
from warehouse.refused import QueryRefused
from web.flows import one_of

STEPS_LIMIT = 12
USUAL_WINDOW = "7d"


def question(steps: Sequence[str], args: Mapping[str, str]) -> tuple[list[Step], Rules]:
    """The steps, and the rules in ``window``, ``by`` (visitor or visit), ``order`` (strict or any) and ``without``.

    Raises QueryRefused naming the parameter.
    """
    if not 1 <= len(steps) <= STEPS_LIMIT:
        raise QueryRefused("step", f"a funnel has 1 to {STEPS_LIMIT} steps")
    without = args.get("without", "")
    rules = Rules(
        window=parse_window(args.get("window") or USUAL_WINDOW),
        by_session=one_of("by", args, ("visitor", "visit")) == "visit",
        any_order=one_of("order", args, ("strict", "any")) == "any",
        without=((parse_step(without, "without"), None),) if without else (),
    )
    return [parse_step(text) for text in steps], rules
