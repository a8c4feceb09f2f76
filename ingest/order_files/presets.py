"""Known exports, by the names of their columns: which is which, and what is particular about them."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from ingest.files.columns import plain
from ingest.order_files.fields import FIELDS
from ingest.order_files.statuses import State


class Preset(NamedTuple):
    """An export is known by ``marks``: for each group of names, one that it has. ``names`` go before the common ones;
    a field with no name is not looked for. ``currency`` holds where the file names none. ``credit`` is the order
    number of a credit note. ``states`` are its own words."""

    name: str
    marks: tuple[tuple[str, ...], ...]
    names: Mapping[str, tuple[str, ...]] = {}
    currency: str = ""
    credit: re.Pattern[str] | None = None
    states: Mapping[str, State] = {}


PRESTASHOP_STATES: Mapping[str, State] = {
    **dict.fromkeys(("1", "8", "10", "12", "13"), "unpaid"),
    **dict.fromkeys(("2", "3", "4", "5", "9", "11"), "paid"),
    "6": "cancelled",
    "7": "refunded",
}
"""A new shop's numbers."""
OTHER = Preset("", ())
PRESETS = (
    Preset(
        "Shopify",
        (("financialstatus",), ("lineitemquantity", "lineitemname")),
        {
            "order": ("name",),
            "number": ("id",),
            "time": ("createdat", "paidat"),
            "status": ("financialstatus",),
            "total": ("total",),
            "item": ("lineitemsku",),
            "country": ("shippingcountry", "billingcountry"),
        },
    ),
    Preset(
        "Shopify's API",
        (("financialstatus",), ("lineitems",)),
        {"order": ("id", "name"), "time": ("createdat",), "total": ("totalprice",)},
    ),
    Preset(
        "WooCommerce's API",
        (("lineitems",), ("datecreated",), ("status",)),
        {"order": ("id", "number"), "time": ("datecreated",), "total": ("total",), "country": ("billingcountry",)},
    ),
    Preset(
        "WooCommerce",
        (("orderstatus",), ("ordernumber", "orderid"), ("ordertotal", "ordertotalamount", "itemname", "itemsku")),
        {
            "order": ("orderid", "ordernumber"),
            "item": ("itemsku", "sku", "productid", "itemid"),
            "price": ("itemprice", "itemcost", "price"),
            "cost": ("costofgoods",),
        },
    ),
    Preset(
        "Cafe24",
        (("주문번호",), ("상품코드", "상품번호", "상품명", "품목코드", "주문상품명"), ("수량",)),
        currency="KRW",
    ),
    Preset(
        "Magento",
        (("incrementid",), ("grandtotal", "basegrandtotal", "grandtotalpurchased")),
        {"order": ("incrementid",), "refunded": ("totalrefunded", "basetotalrefunded")},
        states={"closed": "refunded"},
    ),
    Preset(
        "PrestaShop",
        (("idorder", "reference"), ("currentstate",), ("totalpaid", "totalpaidtaxincl", "totalpaidreal")),
        {"order": ("idorder", "reference"), "total": ("totalpaid", "totalpaidtaxincl", "totalpaidreal")},
        states=PRESTASHOP_STATES,
    ),
    Preset(
        "UCI Online Retail",
        (("invoiceno", "invoice"), ("stockcode",), ("unitprice", "price")),
        {"order": ("invoiceno", "invoice")},
        credit=re.compile(r"[Cc]\d+"),
    ),
    Preset(
        "Olist orders",
        (("orderpurchasetimestamp",), ("orderstatus",)),
        {"user": (), "customer_key": ("customerid",)},
    ),
    Preset("Olist items", (("orderitemid",), ("freightvalue",)), {"time": (), "quantity": ()}),
    Preset("Olist payments", (("paymentsequential",), ("paymentvalue",)), {"kind": ()}),
    Preset(
        "Olist customers",
        (("customeruniqueid",), ("customerid",)),
        {"user": ("customeruniqueid",), "customer_key": ("customerid",)},
    ),
    Preset(
        "RetailRocket",
        (("visitorid",), ("event",), ("itemid",), ("transactionid",)),
        {"order": ("transactionid",), "visitor": ("visitorid",)},
    ),
    Preset(
        "GA4",
        (("eventname",), ("eventtimestamp",), ("userpseudoid",)),
        {
            "order": ("ecommercetransactionid", "transactionid"),
            "total": ("ecommercepurchaserevenue", "purchaserevenue"),
            "event": ("eventname",),
            "time": ("eventtimestamp",),
            "country": ("geocountry",),
            "city": ("geocity",),
            "items": ("items", "ecommerceitems"),
        },
    ),
)  # fmt: skip


def preset_of(names: Collection[str]) -> Preset:
    """The export that has these columns, else OTHER."""
    have = {plain(name) for name in names}
    return next(
        (each for each in PRESETS if all(have.intersection(group) for group in each.marks)),
        OTHER,
    )


def fields_of(preset: Preset) -> dict[str, tuple[str, ...]]:
    """FIELDS with the preset's own names."""
    return {
        **FIELDS,
        "number": (),
        "customer_key": (),
        **{field: names and (*names, *FIELDS.get(field, ())) for field, names in preset.names.items()},
    }
