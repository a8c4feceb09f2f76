"""The visitors of a funnel one by one: who went on from a step, who dropped out after it."""

from collections.abc import Sequence

from warehouse.events import Events
from warehouse.funnel.funnel import Found, Rules, search
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import Step


def funnel_visitors(
    events: Events,
    site: str,
    steps: Sequence[Step],
    rules: Rules,
    span: Span,
    step: int,
    beyond: bool | None = False,
    most: int = 10_000,
) -> list[str]:
    """Profile ids of who reached ``step`` (from 0) and got no further; with ``beyond`` who did get to the next
    one, with None both. At most ``most``, by id."""
    if not 0 <= step < len(steps) - (beyond is not None):
        raise QueryRefused(
            "step", "no such step" if step < 0 or step >= len(steps) else "the last step has no next"
        )
    return _profiles(events, site, search(events, site, steps, rules, span), rules, span, step, beyond, most)


def _profiles(
    events: Events,
    site: str,
    found: Found,
    rules: Rules,
    span: Span,
    step: int,
    beyond: bool | None,
    most: int,
) -> list[str]:
    """The same, of a search already made."""
    sql = f"""
        select distinct profile from {rules.source}
        where hash({rules.owner}) in (select unnest($owners::ubigint[])) order by profile limit $most
    """
    params = {"owners": found.owners(step, beyond).tolist(), "most": most}
    return [row["profile"] for row in events.rows(sql, Scope(site, span.start, span.end), params)]
