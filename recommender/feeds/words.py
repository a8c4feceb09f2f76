"""The words of feeds and exports: what is in stock, what is yes and no."""

import re
from typing import NamedTuple

_SELLABLE = {
    *(
        "instock",
        "available",
        "availablefororder",
        "limitedavailability",
        "onlineonly",
        "instoreonly",
        "inventory",
    ),
    *("1", "true", "yes", "y", "t", "ja", "ativo", "active", "visible", "published", "enabled", "publish"),
    *("판매중", "판매함", "판매", "진열함", "진열", "재고있음", "예"),
}
_LATER = {
    **dict.fromkeys(("preorder", "presale", "예약판매", "예약"), "preorder"),
    **dict.fromkeys(("backorder", "backordered", "onbackorder", "madetoorder"), "backorder"),
}
_NOT = {
    *("outofstock", "unavailable", "notavailable", "soldout", "discontinued", "oos", "reserved", "pending"),
    *(
        "0",
        "false",
        "no",
        "n",
        "f",
        "nein",
        "-1",
        "draft",
        "archived",
        "hidden",
        "private",
        "disabled",
        "inactive",
    ),
    *("unlisted", "deleted", "trash"),
    *("품절", "일시품절", "판매안함", "판매중지", "판매종료", "단종", "진열안함", "재고없음", "아니오"),
}
_SPACES = re.compile(r"[\s_\-.]+")


class Availability(NamedTuple):
    """Whether it can be bought now or ordered for later; ``word`` is "preorder" or "backorder", else ""."""

    available: bool
    word: str = ""


def availability(text: str) -> Availability | None:
    """What a word says: Google's, Facebook's, schema.org's, and those of shop systems. None for an unknown one."""
    word = text.strip().lower().rpartition("/")[2]
    word = word if word == "-1" else _SPACES.sub("", word)
    if word in _LATER:
        return Availability(True, _LATER[word])
    if word in _SELLABLE or word in _NOT:
        return Availability(word in _SELLABLE)
    return None
