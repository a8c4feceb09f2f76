"""Money in reports: whole ten-thousandths, so that sums are exact; other currencies than the site's stand apart."""

from dataclasses import dataclass

import pyarrow as pa

UNITS = 10_000
"""Of one amount: 12.5 is 125,000."""

OTHERS = f"""
select currency, sum(orders)::bigint as orders, sum(revenue)::double / {UNITS} as revenue from net_orders
where currency <> '' and state <> 'cancelled' group by currency having sum(orders) > 0 or sum(revenue) <> 0
order by orders desc, currency
"""


@dataclass(frozen=True, slots=True)
class CurrencySum:
    """Orders in a currency that is not the site's, with their net ``revenue`` in that currency."""

    currency: str
    orders: int
    revenue: float


def currency_sums(table: pa.Table) -> tuple[CurrencySum, ...]:
    """The answer to OTHERS, most orders first."""
    return tuple(CurrencySum(**row) for row in table.to_pylist())
