"""Import of event files: a table of who did what with which item when, in any format of ``ingest.files``.

Columns are found by their common names. An import goes through the log like any other event, and an event's id
comes from its content: importing a file twice, or a file that has grown, adds nothing twice. Purchases are orders: the
rows of one transaction, or without its number what somebody bought at one moment, are the lines of one
(``ingest.order_files``).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import blake2b

import msgspec

from ingest.files.columns import Names, Needed
from ingest.files.rows import Row, cell_id, cell_text
from ingest.order_files.fields import FIELDS
from ingest.order_files.files import OrderFile, OrderFiles
from ingest.order_files.presets import Preset
from ingest.order_files.rows import RowRefused
from ingest.order_files.shape import Meaning, Shape
from profiles.ids import user_id, visitor_id
from tracker import values
from tracker.event import SITE, Event
from tracker.sites import Site
from tracker.standard_events.names import standard_name

_COLUMNS: dict[str, tuple[str, ...]] = {
    "session": ("sessionid", "session", "usersession"),
    "visitor": ("visitorid", "visitor", "anonymousid", "clientid", "userpseudoid", "cookie"),
    "user": ("userid", "user", "customerid", "customer", "householdid"),
    "item": ("itemid", "item", "productid", "product", "sku"),
    "time": ("time", "timestamp", "ts", "datetime", "date", "eventtime", "eventtimestamp", "createdat"),
    "event": ("event", "eventname", "eventtype", "action", "type"),
    "category": ("category", "categoryid", "categorycode"),
    "price": ("price",),
    "quantity": ("quantity", "qty"),
    "url": ("url", "page", "pageurl"),
    "order": ("transactionid", "orderid", "ordernumber", "orderno", "ecommercetransactionid"),
    "total": ("revenue", "ordertotal", "purchaserevenue", "ecommercepurchaserevenue"),
    "items": ("items", "ecommerceitems"),
}
_SHARED = ("email", "currency", "refunded", "item_name", "country", "city")
_NEEDED = (
    Needed("a session, visitor or user column", ("session", "visitor", "user")),
    Needed("an item or url column", ("item", "url", "items")),
    Needed("a time column", ("time",)),
)
# What an action is called in the files people have → Segment's name.
_EVENTS = {
    "": "Product Viewed",
    "view": "Product Viewed",
    "click": "Product Viewed",
    "pv": "Product Viewed",
    "addtocart": "Product Added",
    "add_to_cart": "Product Added",
    "cart": "Product Added",
    "add": "Product Added",
    "remove_from_cart": "Product Removed",
    "purchase": "Order Completed",
    "transaction": "Order Completed",
    "buy": "Order Completed",
}
_MEANINGS: dict[str, Meaning] = {"Order Completed": "sale", "Order Refunded": "refund"}
BATCH = 10_000


def _fields(_preset: Preset) -> Names:
    return {**_COLUMNS, **{field: FIELDS[field] for field in _SHARED}}


def _name(action: str) -> str:
    return _EVENTS.get(action.lower().replace(" ", "_")) or standard_name(action)


def _meaning(action: str) -> Meaning:
    return _MEANINGS.get(_name(action), "")


EVENTS = Shape("events", _fields, _NEEDED, _meaning, numbered=False, zero_is_nobody=False)
"""The shape of a file of events."""


class EventRows:
    """The rows of event files that are no orders, as events: give ``add`` to ``import_orders``, then ``flush``.

    ``append`` gets them in batches, with those in it that are stored; ``received`` is now, in ms. ``nobody`` counts
    the rows whose only ids are placeholders, ``erased`` those of people who were erased since.
    """

    def __init__(
        self,
        files: OrderFiles,
        received: int,
        forgotten: Callable[[str, Collection[str]], Mapping[str, int]],
        append: Callable[[Sequence[Event]], None],
    ) -> None:
        self._files, self._received, self._forgotten, self._append = files, received, forgotten, append
        self._batch: list[Event] = []
        self.nobody = self.erased = 0

    def add(self, file: OrderFile, row: Row) -> None:
        """Raises RowRefused."""
        event = self._event(file, row)
        if event is None:
            self.nobody += 1
            return
        self._batch.append(event)
        if len(self._batch) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Append the events that wait."""
        names = {name for event in self._batch for name in _names(event)}
        erased = self._forgotten(self._files.site.id, list(names))
        kept = [
            event for event in self._batch if all(event.ts > erased.get(name, -1) for name in _names(event))
        ]
        self.erased += len(self._batch) - len(kept)
        self._batch = []
        if kept:
            self._append(kept)

    def _event(self, file: OrderFile, row: Row) -> Event | None:
        """The event of a row. None when its only ids are placeholders."""
        parser = file.parser
        who, ts = parser.who(row), parser.moment(row)
        if ts is None:
            raise RowRefused("no time")
        user, visitor = who["user"] or who["email"], who["visitor"]
        if not visitor and not user:
            if not any(
                cell_text(parser.value(row, field)) for field in ("session", "visitor", "user", "email")
            ):
                raise RowRefused("no session, visitor or user")
            return None
        item = cell_id(parser.value(row, "item")) or _first_item(parser.value(row, "items"))
        url, name = parser.text(row, "url"), _name(parser.text(row, "event"))
        given = {field: parser.value(row, field) for field in ("category", "price", "quantity")}
        told = {field: value for field, value in given.items() if value}
        page = not item
        site = self._files.site
        return Event(
            site=site.id,
            id=self._id(site, (visitor or user, item, name, ts)),
            type="page" if page else "track",
            name="" if page else name,
            visitor=visitor or None,
            user=user or None,
            ts=ts,
            received=self._received,
            url=url,
            props={} if page else {"product_id": item, **values.settled(told)},
            context={"backfill": True, **({"session": who["session"]} if who["session"] else {})},
            source="log" if page else "api",
            proven=bool(user),  # the shop's own file
            sender=SITE,
        )

    def _id(self, site: Site, key: tuple[str, str, str, int]) -> str:
        """By what the row says, and the how manieth of its kind it is."""
        said = msgspec.json.encode((site.id, *key))
        times = self._files.times(blake2b(said, digest_size=12).digest())
        identity = msgspec.json.encode((site.id, *key, times))
        return "file-" + blake2b(identity, digest_size=16).hexdigest()


def _names(event: Event) -> list[str]:
    names = [user_id(event.user)] if event.user else []
    return [*names, visitor_id(event.visitor)] if event.visitor else names


def _first_item(items: object) -> str:
    """The product of a view, in GA4's export a list of one."""
    first = items[0] if isinstance(items, list) and items else None
    return cell_id(first.get("item_id") or first.get("item_name")) if isinstance(first, dict) else ""
