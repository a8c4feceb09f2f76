"""The port of the catalogue's store: what it keeps of each item, and what changed since a version."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class CatalogueFull(Exception):
    """The site's catalogue holds as many items as it may; remove some or raise the limit."""


class Stored(NamedTuple):
    """One item as the store keeps it: ``put`` by the shop (b"" = deleted by it), ``from_events`` learned.

    ``seen``: when it was first seen, ms since 1970.
    """

    put: bytes | None
    from_events: bytes | None
    seen: int | None = None


class Changes(NamedTuple):
    """What changed since a version; ``complete`` when it is the whole catalogue.

    ``whole``: a feed told all items that the shop sells, so what it never put is not sold.
    """

    version: int
    items: Mapping[str, Stored]
    complete: bool = False
    whole: bool = False


NEW = Stored(None, None)
Change = Callable[[str, Stored], bytes | None]
"""What the shop's part of an item becomes; None leaves it as it is."""


class ItemStore(Protocol):
    """Where the items of one site live. Times are ms. Failures raise CatalogueUnavailable of the adapter."""

    def put(self, items: Mapping[str, bytes], seen: int) -> None:
        """Replace the shop's part of items. An item keeps the earliest time at which it was seen."""

    def put_from_events(self, items: Mapping[str, bytes], seen: Mapping[str, int]) -> None:
        """Replace the learned part of items, which were first seen at these times."""

    def update(self, ids: Sequence[str], change: Change, seen: int) -> None:
        """Change the shop's part of items in one step each: nothing that others write meanwhile is lost."""

    def put_items(self) -> Iterator[tuple[str, bytes]]:
        """The shop's part of every item, in any order; one that changes meanwhile may come twice."""
        ...

    def mark_whole(self) -> None:
        """Note that the shop's items are all that it sells."""

    def changes(self, since: int) -> Changes: ...
