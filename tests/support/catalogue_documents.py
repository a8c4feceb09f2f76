"""Items from documents as the API takes them, for tests that need items in a catalogue."""

from recommender.catalogue.item import Item, ItemInvalid, parse_change, parse_changes


def parse_item(raw: object) -> Item:
    """The item in one document, as if there had been none. Raises ItemInvalid."""
    return parse_change(raw).applied(None)


def parse_items(raw: object) -> list[Item]:
    """Items of a bulk document. Raises ItemInvalid for the first that cannot be taken."""
    found, refused = parse_changes(raw)
    if refused:
        raise ItemInvalid(refused[0].field, refused[0].message)
    return [each.applied(None) for each in found]
