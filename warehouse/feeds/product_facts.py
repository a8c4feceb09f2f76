"""The products that events name: what the catalogue learns where the shop does not tell.

Anybody can send an event with the public key. So the site's own word decides; without it, what most visitors agree on:
one visitor has one vote, a network REPRESENTATIVES at most, those who came first, and the latest VOTES are heard. So it
takes two networks to teach; but AGREED visitors do where all come from this machine, as while a shop is tried out.
"""

from dataclasses import dataclass

from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.tables.schema import NEAR

AGREED = 3
"""So many visitors must say the same."""
REPRESENTATIVES, VOTES = 2, 31
_TEXTS = ("name", "category", "url", "image")

_FOREIGN = "(coalesce(currency, $own) <> $own or name in ('Order Refunded', 'Order Cancelled'))"
"""Whether an event's prices are none of the catalogue's: in another currency, or of what was given back."""

_LINES = f"""
select profile, sender, received, ts, product, category, case when {_FOREIGN} then null else price end as price,
       props ->> '$.name' as name, props ->> '$.url' as url, props ->> '$.image_url' as image
from events where product is not null and coalesce(len(items), 0) < 2 and doubtful is not true
union all by name
select profile, sender, received, ts, line.product as product, line.category as category,
       case when is_foreign then null else line.price end as price
from (
    select profile, sender, received, ts, {_FOREIGN} as is_foreign, unnest(items) as line
    from events where len(items) > 1 and doubtful is not true
)
"""

_COLUMNS = ", ".join(f"coalesce({name}, '') as {name}" for name in _TEXTS)
_SAID = ", ".join(f"arg_max({name}, received) filter ({name} <> '') as {name}" for name in _TEXTS)

_VOTES = f"""
with lines as ({_LINES}),
said as (
    select product, profile, arg_max(sender, received) as sender, min(received) as first, max(received) as last,
           {_SAID}, arg_max(price, received) filter (price > 0) as price
    from lines where product is not null and sender is distinct from 'site' group by product, profile
),
represented as (
    select *, row_number() over (partition by product, coalesce(sender, profile) order by first, profile) as rank
    from said qualify rank <= case when sender like '{NEAR}%' then {AGREED} else {REPRESENTATIVES} end
),
heard as (
    select *, row_number() over (partition by product order by last desc, profile) as place
    from represented qualify place <= {VOTES}
),
told as (
    select product, {_SAID}, arg_max(price, received) filter (price > 0) as price, max(received) as last
    from lines where product is not null and sender = 'site' group by product
),
begun as (select product, min(ts) as first from lines where product is not null group by product)
"""


def _won(name: str) -> str:
    """SQL: of each product, the value that most votes name, and enough of them; of equal ones the older."""
    return f"""
        select product, arg_max(value, row(votes, -first)) as {name} from (
            select product, {name} as value, count(*) as votes, min(first) as first from heard
            where {name} is not null group by product, {name} having count(*) >= {AGREED}
        ) group by product
    """


_PRODUCTS = f"""
{_VOTES}
select found.*, begun.first from (
select product, true as told, {_COLUMNS}, price, 0 as networks, last from told
union all by name
select product, false as told, {_COLUMNS}, coalesce(price, middle) as price, networks, last
from (
    select product, max(last) as last, count(distinct coalesce(sender, profile)) as networks,
           case when count(price) >= 2 * {AGREED} - 1 then quantile_disc(price, 0.5) end as middle
    from heard group by product having count(*) >= {AGREED}
) {" ".join(f"left join ({_won(name)}) using (product)" for name in (*_TEXTS, "price"))}
where product not in (select product from told)
) as found join begun using (product)
order by told desc, networks desc, last desc, product limit $most
"""
"""A price that varies from visitor to visitor is the median of what enough of them are told."""

_HOSTS = f"""
with seen as (
    select regexp_extract(lower(url), '^https?://([a-z0-9.-]+(:[0-9]+)?)', 1) as host,
           case when sender = 'site' then profile else coalesce(sender, profile) end as voter
    from events where type = 'page' and url <> ''
)
select host from seen where host <> '' group by host
having count(distinct voter) >= {AGREED} and 2 * count(distinct voter) >= (select count(distinct voter) from seen)
"""


@dataclass(frozen=True, slots=True)
class Product:
    """As the site itself ``told``, else as visitors agree; "" and None for what nobody says, or they disagree on.
    ``first``: when an event named it first, ms."""

    product: str
    told: bool
    name: str
    category: str
    price: float | None
    url: str
    image: str
    first: int


def products(
    warehouse: Events, site: str, currency: str, start: int = 0, most: int = 100_000
) -> list[Product]:
    """Of events since ``start`` (ms) the products that the site told of, then those that most networks did, the last
    seen first; ``most`` of them: made-up ones push no others out. Prices are in ``currency``, the site's. Raises
    WarehouseUnavailable."""
    rows = warehouse.rows(_PRODUCTS, Scope(site, start), {"most": most, "own": currency})
    return [Product(**{name: row[name] for name in Product.__dataclass_fields__}) for row in rows]


def hosts(warehouse: Events, site: str, start: int) -> set[str]:
    """Hosts (with a port that is not the usual) where at least half of the visitors' networks, and three of them, saw a
    page since ``start`` (ms): the site's own, where it does not name them. Raises WarehouseUnavailable."""
    return {row["host"] for row in warehouse.rows(_HOSTS, Scope(site, start))}
