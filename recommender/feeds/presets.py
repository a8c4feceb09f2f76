"""The columns of feeds and of shop systems' product exports, by which their files are recognised."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Names = Mapping[str, Sequence[str]]
"""Field → what its column is called, the best name first, in small letters and digits alone."""

EXTRAS: Names = {
    "brand": ("brand", "vendor", "manufacturer", "브랜드", "marke"),
    "gtin": ("gtin", "ean", "upc", "isbn", "gtinupceanorisbn", "variantbarcode", "barcode", "바코드"),
    "mpn": ("mpn",),
    "color": ("color", "colour", "색상", "farbe"),
    "size": ("size", "사이즈", "grosse", "größe"),
    "gender": ("gender",),
    "age_group": ("agegroup",),
    "material": ("material",),
    "condition": ("condition",),
    **{f"custom_label_{n}": (f"customlabel{n}",) for n in range(5)},
}
"""Further attributes that are kept, as text."""

FIELDS: Names = {
    "id": ("id", "itemid", "productid", "sku", "articlenumber", "상품번호", "상품코드", "artikelnummer"),
    "sku": ("sku", "variantsku", "itemsku", "자체상품코드", "artikelnummer"),
    "name": ("title", "name", "productname", "itemname", "상품명", "bezeichnung"),
    "category": (
        "producttype",
        "category",
        "categories",
        "categorypath",
        "카테고리",
        "상품분류",
        "kategorie",
    ),
    "google_category": ("googleproductcategory", "fbproductcategory"),
    "price": ("price", "regularprice", "판매가", "preis", "unitprice"),
    "sale_price": ("saleprice", "할인가", "angebotspreis"),
    "compare_price": ("compareatprice", "variantcompareatprice"),
    "sale_dates": ("salepriceeffectivedate",),
    "sale_from": ("salefrom", "datesalepricestarts", "salestart"),
    "sale_until": ("saleuntil", "datesalepriceends", "saleend"),
    "currency": ("currency", "통화", "währung", "waehrung"),
    "url": ("link", "url", "producturl", "permalink", "상품url"),
    "image": ("imagelink", "image", "imageurl", "imagesrc", "images", "picture", "이미지", "이미지등록목록"),
    "availability": ("availability", "available", "instock", "stockstatus", "판매상태", "verfügbarkeit"),
    "published": ("published", "진열상태"),
    "status": ("status",),
    "visibility": ("visibility", "visibilityincatalog"),
    "stock": ("stock", "quantity", "inventory", "quantitytosellonfacebook", "재고", "재고수량", "bestand"),
    "group": ("itemgroupid", "group", "groupid", "parentid", "parent", "parentsku", "상위상품번호"),
    "created_at": ("createdat", "created", "dateadded", "등록일", "상품등록일"),
    "recommendable": ("recommendable",),
    **EXTRAS,
}


class Preset(NamedTuple):
    """``marks``: columns that only this export has. ``whole``: such a file holds all that the shop sells.
    ``currency``: of prices that name none; "" is the site's."""

    name: str
    marks: frozenset[str]
    fields: Names
    whole: bool = False
    currency: str = ""


GENERIC = Preset("", frozenset(), FIELDS)
FEED = Preset(
    "Google or Facebook feed", frozenset({"id", "title", "link", "availability"}), FIELDS, whole=True
)
SHOPIFY = Preset(
    "Shopify",
    frozenset({"handle", "title", "variantprice"}),
    {
        **FIELDS,
        "id": ("variantid", "id"),
        "handle": ("handle",),
        "group": ("productid", "handle"),
        "category": ("type", "producttype", "productcategory"),
        "price": ("variantprice",),
        "stock": ("variantinventoryqty",),
        "tracked": ("variantinventorytracker",),
        "policy": ("variantinventorypolicy",),
        "option": ("option1value",),
        "availability": (),
    },
)
WOOCOMMERCE = Preset(
    "WooCommerce",
    frozenset({"sku", "regularprice", "visibilityincatalog"}),
    {**FIELDS, "type": ("type",), "category": ("categories",), "backorders": ("backordersallowed",)},
)
CAFE24 = Preset(
    "Cafe24", frozenset({"상품코드", "상품명", "판매가"}), {**FIELDS, "code": ("상품코드",)}, currency="KRW"
)
PRESETS = (SHOPIFY, WOOCOMMERCE, CAFE24, FEED)


def preset_of(columns: Sequence[str]) -> Preset:
    """The preset of a file with these columns, written in small letters and digits alone."""
    return next((each for each in PRESETS if each.marks <= set(columns)), GENERIC)
