"""Where stored visits came from, for classifying them anew: the address and referrer of each one's first deed, and the
rows that tell something else."""

from collections.abc import Sequence

import pyarrow as pa

from warehouse.definitions.conditions import CAUSED
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

COLUMNS = ("channel", "origin", "medium", "campaign", "keyword")
"""How a visit came about, as its rows tell it."""

_VISITS = f"""
select session, any_value(profile) as profile, min(ts) as ts,
       arg_min(struct_pack(url := url, referrer := referrer), (ts, coalesce("position", 1::bigint << 62), id)) as came
from events where session <> '' and {CAUSED} group by session
"""
_ARRIVALS = "select came.url as url, came.referrer as referrer from visits group by all"
_FOUND = """
with arrivals as (
    select unnest($urls::varchar[]) as url, unnest($referrers::varchar[]) as referrer, unnest($codes::int[]) as code
)
select session, profile, ts, code from visits join arrivals on url = came.url and referrer = came.referrer
"""
_WAYS = "select unnest(range(len($channel))) as code, " + ", ".join(
    f"unnest(${name}::varchar[]) as {name}" for name in COLUMNS
)
_STORED = ", ".join(f"e.{name}" for name in COLUMNS)
_DIFFERS = " or ".join(f"e.{name} <> w.{name}" for name in COLUMNS)
_ROW = f'e.id, e.ts, e.visitor, e."user", w.code, {_STORED}'
_IN_VISITS = f"""
select {_ROW}, session from events e join found using (session) join ways w on w.code = found.code where {_DIFFERS}
"""
_OUTSIDE = f"""
with known as (select profile, ts, code from found where code <> 0)
select {_ROW}, '' as session
from (select * from events where session = '' and not bot) e
asof left join known on e.profile = known.profile and e.ts >= known.ts
join ways w on w.code = coalesce(known.code, 0) where {_DIFFERS}
"""


def stored_arrivals(warehouse: Warehouse, site: str) -> tuple[list[str], list[str]]:
    """The different (address, referrer) with which visits began, as two columns. Raises WarehouseUnavailable."""
    scope = Scope(site, bots=True)
    found = warehouse.tables({"": _ARRIVALS}, scope, prepared={"visits": _VISITS})[""].to_pydict()
    return found["url"], found["referrer"]


def differing_rows(
    warehouse: Warehouse,
    site: str,
    urls: Sequence[str],
    referrers: Sequence[str],
    codes: Sequence[int],
    ways: Sequence[Sequence[str]],
) -> pa.Table:
    """The rows that tell something else than ``ways[code]`` of their arrival, with what they tell, ``code``, and
    ``session``. Rows of no visit ("") tell the last way but ``ways[0]`` of their person's visits before.
    Raises WarehouseUnavailable."""
    params = {"urls": list(urls), "referrers": list(referrers), "codes": list(codes)}
    params |= {name: [way[at] for way in ways] for at, name in enumerate(COLUMNS)}
    prepared = {"visits": _VISITS, "found": _FOUND, "ways": _WAYS}
    queries = {"inside": _IN_VISITS, "outside": _OUTSIDE}
    answers = warehouse.tables(queries, Scope(site, bots=True), params, prepared)
    return pa.concat_tables(answers.values())
