"""Exports of shop systems whose records do not stand alone: variants that take their name from a record before."""

from collections.abc import Mapping
from typing import Any

from recommender.feeds.presets import CAFE24, SHOPIFY, WOOCOMMERCE, Preset

Cells = Mapping[str, Any]
_INHERITED = ("name", "brand", "category", "published", "status", "image")


class ExportRecords:
    """Completes the records of one file, in their order."""

    def __init__(self, preset: Preset) -> None:
        self._preset = preset
        self._product: dict[str, Any] = {}
        self._parents: dict[str, Cells] = {}  # products with variations, by id and by SKU

    def completed(self, cells: Cells) -> Cells | None:
        """The record with what its export leaves to others; None for one that is no item, such as a second picture."""
        if self._preset is SHOPIFY:
            return self._shopify(cells)
        if self._preset is WOOCOMMERCE:
            return self._woocommerce(cells)
        if self._preset is CAFE24 and not _text(cells, "sku") and _text(cells, "code") != _text(cells, "id"):
            return {**cells, "sku": cells.get("code")}
        return cells

    def _shopify(self, cells: Cells) -> Cells | None:
        """A product's first record names it; the next ones are its other variants and pictures."""
        handle = _text(cells, "handle")
        if handle and handle == self._product.get("handle") and not _text(cells, "name"):
            if not _text(cells, "price"):
                return None
            own = {name: self._product.get(name) for name in _INHERITED if not _text(cells, name)}
            cells = {**cells, **own}
        else:
            self._product = dict(cells)
        item_id = _text(cells, "id") or _text(cells, "sku")
        option = _text(cells, "option")
        if not item_id:
            item_id = handle if option in ("", "Default Title") else f"{handle}:{option}"[:100]
        made = {**cells, "id": item_id, "group": _text(cells, "group") or handle}
        if not _text(cells, "tracked") or _text(cells, "policy").lower() == "continue":
            made["stock"] = ""  # it is sold whatever the stock says
            made["availability"] = "in stock"
        return made

    def _woocommerce(self, cells: Cells) -> Cells:
        """A variation names its parent by ``id:7`` or by SKU, and has its category and picture where it has none."""
        made = dict(cells)
        if (path := _text(cells, "category")) and "," in path:
            made["category"] = path.partition(",")[0]
        if _text(cells, "availability"):
            made["stock"] = ""
        named = _text(cells, "group").removeprefix("id:")
        if parent := self._parents.get(named):
            named = _text(parent, "id")
            made |= {name: parent.get(name) for name in ("category", "image") if not _text(cells, name)}
        if _text(cells, "type").lower().startswith("variable"):
            names = (_text(cells, "id"), _text(cells, "sku"))
            self._parents |= {name: made for name in names if name}
        return {**made, "group": named}


def _text(cells: Cells, name: str) -> str:
    value = cells.get(name)
    return "" if value is None else str(value).strip()
