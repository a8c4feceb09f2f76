"""What each customer bought, by category: lines of orders that stand."""

import pyarrow as pa

from warehouse.events import Events
from warehouse.question.scope import Scope
from warehouse.question.span import Span

_LINES = """
with told as (
    select product, arg_max(category, ts) as category from events
    where product <> '' and category <> '' group by product
), bought as (
    select profile, product, coalesce(nullif(net_lines.category, ''), told.category) as category
    from net_lines join net_orders using (key) left join told using (product)
    where quantity > 0 and state <> 'credit note'
), named as (select count(category) * 2 >= count(*) as categories from bought)
select profile, case when categories then category else product end as category, count(*)::bigint as count
from bought, named where category is not null or not categories group by all order by profile, category
"""


def category_mix(warehouse: Events, site: str, span: Span, currency: str) -> pa.Table:
    """A row for each customer and category: profile, category, count (lines of orders that stand). The category is the
    line's, else what an event told last of the product. Where most lines have none, products stand in place of
    categories. Raises WarehouseUnavailable."""
    return warehouse.table(_LINES, Scope(site, span.start, span.end, currency=currency))
