"""What counts as an order, in SQL: the transitions of each order in, its net value and what is left of its lines out.

The value of an order depends on the set of its transitions alone, not on the order in which they came.
"""

from typing import Literal

TRANSITIONS = ("Order Completed", "Order Updated", "Order Refunded", "Order Cancelled")

OrderState = Literal["completed", "partly refunded", "refunded", "cancelled", "credit note"]

_NAMES = ", ".join(f"'{name}'" for name in TRANSITIONS)

ROWS = f"""
select hash(case when "order" is not null then 'o' || "order" when name = 'Order Completed' then 'e' || id
            when refund is null or refund like '=%' then 'n' || id else 'r' || refund end) as key,
       id, name, profile, session, ts, received, "order" as number,
       try_cast(round(revenue * 10000) as bigint) as revenue, currency, refund, sender,
       sender is not distinct from 'site' as told, channel, origin, campaign, device, country,
       case when len(items) > 0 then items when coalesce(product, '') = '' then []
            else [struct_pack(product := product, category := category, quantity := quantity, price := price)]
            end as lines
from ({{events}})
where site = $scope_site and type = 'track' and name in ({_NAMES}) and not bot and doubtful is not true
    and ("order" is not null or name in ('Order Completed', 'Order Refunded'))
"""
"""The transitions: a row each, ``revenue`` in ten-thousandths. ``key`` is that of the order; a completed order without
an id is one of its own, a refund without the id of an order a credit note. Those set apart are left out."""

_TOLD = """
many as (select key from order_rows group by key having count(*) > 1),
several as (select order_rows.* from order_rows semi join many using (key)),
alone as (select order_rows.* from order_rows anti join many using (key)),
completed as (
    select *, first_value(profile) over (partition by key order by told desc, ts, id) as buyer
    from several where name = 'Order Completed'
), accepted as (
    select *, row_number() over (partition by key order by told desc, ts, id) as place
    from completed where told or profile = buyer
)
"""
"""``accepted``: who told of orders of several rows, the decisive telling first: the site's own, else the earliest.
Of others those by the same person count, for when it was and in which visit."""

_REFUNDS = """
refunds as (
    select * from several where name = 'Order Refunded'
    qualify row_number() over (partition by key, coalesce(refund, id) order by told desc, ts, id) = 1
)
"""

_VISIT = "session, channel, origin, campaign, device, country"
_WHO = f"profile, ts, received, told, sender, {_VISIT}"

_LINES = """
updated_lines as (
    select key, arg_max(lines, row(ts, id)) as lines from several
    where name = 'Order Updated' and len(lines) > 0 group by key
), told_lines as (
    select key, arg_min(lines, place) as lines from accepted where len(lines) > 0 group by key
)
"""
"""What was ordered, as it was told last: the lines of an update, else of the decisive telling that has any."""

_QUANTITY = "greatest(coalesce(line.quantity, 1), 0)"
_AMOUNT = f"coalesce(try_cast(round({_QUANTITY} * coalesce(line.price, 0) * 10000) as bigint), 0)"

_WORTH = f"""
unpriced as (
    select key, coalesce(refund, id) as refund, line.product as product,
           sum(round(abs(coalesce(line.quantity, 1)) * 10000))::hugeint as back
    from (select key, refund, id, unnest(lines) as line from refunds where revenue is null and number is not null)
    group by all
), priced as (
    select key, line.product as product, sum({_AMOUNT})::hugeint as amount,
           sum(round({_QUANTITY} * 10000))::hugeint as sold
    from (
        select key, unnest(coalesce(updated_lines.lines, told_lines.lines)) as line
        from told_lines full join updated_lines using (key) semi join unpriced using (key)
    ) group by all
), worth as (
    select key, refund, sum(case when sold > 0 then amount * least(back, sold) // sold else 0 end)::bigint as amount
    from unpriced join priced using (key, product) group by all having amount > 0
)
"""
"""What a refund that tells lines but no amount gives back, by the order's own prices."""

NET_ORDERS = f"""
with {_TOLD}, {_REFUNDS}, {_LINES}, {_WORTH},
based as (
    select key, min(ts) as ts, any_value(number) as number, any_value(buyer) as profile, bool_or(told) as told,
           arg_min(revenue, place) as revenue,
           arg_min(coalesce(currency, ''), row(revenue is null, place)) as currency,
           any_value(received) filter (place = 1) as received, any_value(sender) filter (place = 1) as sender,
           arg_min(struct_pack({_VISIT}), row(session = '', place)) as visit
    from accepted group by key
), updated as (
    select key, arg_max(revenue, row(ts, id)) as revenue, arg_max(currency, row(ts, id)) as currency
    from several where name = 'Order Updated' group by key
), ordered as (
    select based.* exclude (visit, revenue, currency), unnest(visit),
           coalesce(updated.revenue, based.revenue, 0) as amount,
           coalesce(updated.currency, nullif(based.currency, '')) as currency
    from based left join updated using (key)
    union all by name
    select key, number, {_WHO}, coalesce(revenue, 0) as amount, currency from alone where name = 'Order Completed'
), taken as (
    select refunds.* replace (coalesce(refunds.revenue, -worth.amount) as revenue,
               nullif(coalesce(case when refunds.revenue is not null then refunds.currency end, ordered.currency), $own)
               as currency),
           nullif(ordered.currency, $own) as paid
    from refunds join ordered using (key)
    left join worth on worth.key = refunds.key and worth.refund = coalesce(refunds.refund, refunds.id)
), refunded as (
    select key, bool_or(revenue is null) as whole, -sum(revenue) as refunded from taken
    where revenue is null or currency is not distinct from paid group by key
), cancelled as (select distinct key, true as cancelled from several where name = 'Order Cancelled'),
left_over as (
    select *, case when cancelled or whole then 0 else greatest(amount - coalesce(refunded, 0), 0) end as net
    from ordered left join refunded using (key) left join cancelled using (key)
), notes as (
    select *, coalesce(revenue, 0) as amount from (from alone union all from refunds)
    where name = 'Order Refunded' and number is null
    union all by name
    select * replace (hash(key, coalesce(refund, id)) as key), revenue as amount from taken
    where revenue is not null and currency is distinct from paid
)
select key, coalesce(number, '') as number, {_WHO}, case when cancelled then 'cancelled'
            when whole or (net = 0 and amount > 0) then 'refunded'
            when refunded > 0 then 'partly refunded' else 'completed' end as state,
       (state in ('completed', 'partly refunded'))::bigint as orders, net::bigint as revenue, amount::bigint as amount,
       coalesce(nullif(currency, $own), '') as currency
from left_over
union all by name
select key, coalesce(number, '') as number, {_WHO}, 'credit note' as state, 0 as orders, amount as revenue, amount,
       coalesce(nullif(currency, $own), '') as currency
from notes
"""
"""From ``order_rows`` (ROWS under current ids) and the site's ``$own`` currency: a row for each completed order and
each credit note. ``orders`` is 1 for an order that stands; ``revenue``, net, and ``amount``, gross, are
ten-thousandths of ``currency``, '' for the site's own; ``session``, ``channel`` … are those of the visit that brought
it. A refund in another currency than its order's is a credit note."""

NET_LINES = f"""
with {_TOLD}, {_REFUNDS}, {_LINES},
first_lines as (
    from told_lines union all by name select key, lines from alone where name = 'Order Completed'
), bought as (
    select key, line.product as product, max(coalesce(line.category, '')) as category,
           sum({_QUANTITY}) as sold, sum(greatest(-line.quantity, 0)) as negative, sum({_AMOUNT}) as amount
    from (
        select key, unnest(coalesce(updated_lines.lines, first_lines.lines)) as line
        from first_lines full join updated_lines using (key) semi join standing using (key)
    ) where line.product <> '' group by 1, 2
), given_back as (
    select key, line.product as product, sum(abs(coalesce(line.quantity, 1))) as quantity
    from (select key, unnest(lines) as line from refunds where number is not null)
    where line.product <> '' group by 1, 2
), netted as (
    select bought.* exclude (negative), least(sold, case when state = 'refunded' then sold
           else coalesce(given_back.quantity, 0) + coalesce(negative, 0) end) as returned
    from bought join standing using (key) left join given_back using (key, product)
)
select key, product, category, sold, returned, sold - returned as quantity,
       case when returned = 0 then amount when sold = returned then 0
            else round(amount * (sold - returned) / sold) end::bigint as revenue
from netted
union all by name
select key, product, max(coalesce(category, '')) as category, 0 as sold, sum(quantity) as returned,
       -sum(quantity) as quantity, -sum(amount)::bigint as revenue
from (
    select key, line.product as product, line.category as category, abs(coalesce(line.quantity, 1)) as quantity,
           coalesce(try_cast(round(abs(coalesce(line.quantity, 1) * coalesce(line.price, 0)) * 10000) as bigint), 0)
           as amount
    from (
        select key, unnest(lines) as line from (from alone union all from refunds)
        where name = 'Order Refunded' and number is null
    )
) where product <> '' group by key, product
"""
"""From ``order_rows`` and ``standing`` (key and state of NET_ORDERS that were not cancelled): a row for each product of
an order or a credit note. ``quantity`` is what is left of ``sold`` after ``returned``, ``revenue`` its worth at the
order's prices, in ten-thousandths; of a credit note both are below nothing."""

LINES_KEPT = """
noted as (select distinct product, profile from net_lines join net_orders using (key) where state = 'credit note'),
moved as (
    select net_lines.*, net_orders.* exclude (key, revenue), quantity as change
    from net_lines join net_orders using (key)
), summed as (
    select *, sum(change) over (partition by profile, product order by ts, change < 0, key) as level
    from moved semi join noted using (profile, product)
), lines_kept as (
    select *, least(change, min(level) over (
        partition by profile, product order by ts, change < 0, key rows between current row and unbounded following
    ) - level + change) as kept from summed
    union all by name
    select *, change as kept from moved anti join noted using (profile, product)
)
"""
"""``lines_kept``: the lines of orders with those who ordered. ``kept`` is what is left of a line, credit notes
included: each takes off what the customer bought last before it."""
