"""Feeds: their words, their XML, and that nothing that they hold breaks anything."""

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.catalogue.item import Item, ItemInvalid
from recommender.feeds import xml_records
from recommender.feeds.document import FeedRules, change_of
from recommender.feeds.words import availability
from recommender.feeds.xml_records import FeedBroken, Record, records

RULES = FeedRules("feed", "EUR", decimal_mark=".")


def read(raw: bytes, encoding: str = "") -> tuple[list[Record], str]:
    found: list[Record] = []
    try:
        found.extend(records(io.BytesIO(raw), encoding))
    except FeedBroken as broken:
        return found, str(broken)
    return found, ""


def rss(*items: str, head: str = '<?xml version="1.0"?>') -> bytes:
    body = "".join(f"<item>{each}</item>" for each in items)
    space = 'xmlns:g="http://base.google.com/ns/1.0"'
    return f'{head}<rss version="2.0" {space}><channel><title>Shop</title>{body}</channel></rss>'.encode()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (
            [
                "in_stock",
                "in stock",
                "In Stock",
                "IN-STOCK",
                "available for order",
                "https://schema.org/InStock",
                "판매중",
                "1",
            ],
            (True, ""),
        ),
        (
            [
                "out_of_stock",
                "out of stock",
                "discontinued",
                "sold out",
                "http://schema.org/OutOfStock",
                "품절",
                "0",
                "draft",
            ],
            (False, ""),
        ),
        (["preorder", "pre-order", "Pre Order", "https://schema.org/PreOrder"], (True, "preorder")),
        (["backorder", "back order", "on backorder", "onbackorder"], (True, "backorder")),
        (["maybe", "", "soon", "12 left"], None),
    ],
)
def test_words_for_availability(words: list[str], meant: Any) -> None:
    assert {word: availability(word) for word in words} == dict.fromkeys(words, meant)


def test_googles_elements_go_before_those_of_rss() -> None:
    both = "<title>Short</title><g:id>1</g:id><g:title>Long &amp; <![CDATA[<b>]]></g:title><g:price>1 EUR</g:price>"
    nested = "<g:shipping><g:price>5 EUR</g:price></g:shipping><link>https://s.example/?a=1&amp;b=2</link>"
    (found,), broken = read(rss(both + nested))
    assert not broken and not found.fault
    assert (found.cells["title"], found.cells["price"]) == ("Long & <b>", "1 EUR")
    assert found.cells["link"] == "https://s.example/?a=1&b=2"


def test_atom_and_entities_of_html() -> None:
    entry = '<entry><g:id>1</g:id><title>Caf&eacute;&nbsp;</title><link rel="alternate" href="https://s.example/1"/></entry>'
    raw = f'<feed xmlns="http://www.w3.org/2005/Atom" xmlns:g="g">{entry}</feed>'.encode()
    assert [record.cells for record in read(raw)[0]] == [
        {"id": "1", "title": "Café", "link": "https://s.example/1"}
    ]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-16", "iso-8859-1", "euc-kr", "cp949", "windows-1252", "shift_jis"]
)
def test_encodings(encoding: str) -> None:
    name = "é" if encoding in ("iso-8859-1", "windows-1252") else "茶" if encoding == "shift_jis" else "녹차"
    raw = (
        rss(f"<g:id>{name}</g:id>", head=f'<?xml version="1.0" encoding="{encoding}"?>')
        .decode()
        .encode(encoding)
    )
    assert [record.cells["id"] for record in read(raw)[0]] == [name]
    plain = rss(f"<g:id>{name}</g:id>", head="").decode().encode(encoding)
    assert [record.cells["id"] for record in read(plain, encoding)[0]] == [name]


BOMB = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 30))


@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE rss [<!ENTITY l0 "lol">{BOMB}]>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE rss [<!ENTITY % p SYSTEM "http://127.0.0.1:1/x.dtd"> %p;]>',
        '<!DOCTYPE rss [<!ENTITY x "one">]>',
        '<!DOCTYPE rss SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE rss PUBLIC "x" "http://127.0.0.1:1/x.dtd">',
    ],
)
def test_entities_of_a_feed_s_own_are_refused(doctype: str) -> None:
    found, broken = read(rss("<g:id>&x;&l29;</g:id>", head=doctype))
    assert broken or found[0].fault
    assert "root:" not in str(found)


def test_what_comes_before_a_break_stands() -> None:
    whole = rss("<g:id>1</g:id>", "<g:id>2</g:id>", "<g:id>3</g:id>")
    found, broken = read(whole[: whole.index(b"<g:id>3")])
    assert [record.cells["id"] for record in found] == ["1", "2"] and "line" in broken


def test_a_feed_is_read_in_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        def __init__(self, items: int) -> None:
            self.rest: Iterator[bytes] = self._parts(items)

        def _parts(self, items: int) -> Iterator[bytes]:
            yield rss().partition(b"</channel>")[0]
            for n in range(items):
                yield b"<item><g:id>%d</g:id><g:title>%s</g:title></item>" % (n, b"x" * 200)
            yield b"</channel></rss>"

        def read(self, _: int = -1) -> bytes:
            return next(self.rest, b"")

    def peak(items: int) -> int:
        tracemalloc.start()
        assert sum(1 for _ in records(Endless(items))) == items  # type: ignore[arg-type]
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    assert peak(40_000) < 1 << 20, "of a feed of 10 MB"
    huge, _ = read(rss(f"<g:id>1</g:id><g:title>{'x' * (1 << 20)}</g:title>", "<g:id>2</g:id>"))
    assert huge[0].fault and not huge[1].fault


def test_a_feed_that_unpacks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def read(self, _: int = -1) -> bytes:
            return b"<rss>" + b"x" * 100_000

    monkeypatch.setattr(xml_records, "SIZE_LIMIT", 1 << 20)
    with pytest.raises(FeedBroken, match="unpacks"):
        list(records(Endless()))  # type: ignore[arg-type]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: rss("<g:id>1</g:id>", text)))
def test_any_bytes_end_in_records_or_a_reason(raw: bytes) -> None:
    read(raw)


CELLS = st.dictionaries(
    st.sampled_from(
        ["id", "name", "price", "sale_price", "sale_dates", "availability", "stock", "url", "image", "group"]
    ),
    st.none() | st.text(max_size=30) | st.floats() | st.integers() | st.booleans(),
)
GOOD = {"id": "p", "name": "Tea", "price": "12.50 EUR", "availability": "in stock"}


@settings(max_examples=300, deadline=None)
@given(CELLS)
def test_any_record_is_a_change_or_names_its_field(cells: dict[str, Any]) -> None:
    try:
        change = change_of(cells, RULES)
    except ItemInvalid as refused:
        assert refused.message
        return
    assert change.applied(None).id


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"price": "19.99 EUR"}, {"price": 19.99, "price_currency": ""}),
        ({"price": "19.99 USD"}, {"price": 19.99, "price_currency": "USD"}),
        ({"price": "1,299.00 EUR"}, {"price": 1299.0}),
        ({"price": "1299"}, {"price": 1299.0}),
        ({"price": "20 EUR", "sale_price": ""}, {"sale_price": None}),
        ({"price": "20", "compare_price": "30"}, {"price": 30.0, "sale_price": 20.0}),
        ({"category": "Home > Women >Dresses"}, {"category": "Home/Women/Dresses"}),
        ({"category": "", "google_category": "Apparel > Tops"}, {"category": "Apparel/Tops"}),
        ({"google_category": "2271"}, {}),
        ({"availability": "", "stock": "0"}, {"available": False}),
        ({"availability": "", "stock": 3.0}, {"available": True}),
        ({"availability": "in stock", "status": "archived"}, {"available": False}),
        ({"group": 12345.0}, {"group": "12345"}),
        ({"image": "https://a/1.jpg, https://a/2.jpg"}, {"image": "https://a/1.jpg"}),
        (
            {"sale_dates": "2026-11-01T00:00+0900/2026-11-30"},
            {"sale_from": "2026-11-01T00:00:00+09:00", "sale_until": "2026-11-30T23:59:59.999000+00:00"},
        ),
    ],
)
def test_what_a_record_says(cells: dict[str, Any], expected: dict[str, Any]) -> None:
    known = change_of({**GOOD, **cells}, RULES).known
    assert {name: known[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("cells", "field"),
    [
        ({"price": "free"}, "price"),
        ({"price": "12.50 XYZ"}, "price"),
        ({"price": "-5"}, ".price"),
        ({"availability": "maybe"}, "availability"),
        ({"id": ""}, ".id"),
        ({"id": None}, ".id"),
        ({"url": "javascript:alert(1)"}, ".url"),
        ({"sale_dates": "tomorrow"}, "sale_dates"),
        ({"stock": "many"}, "stock"),
        ({"status": "hm"}, "status"),
    ],
)
def test_what_a_record_cannot_say(cells: dict[str, Any], field: str) -> None:
    with pytest.raises(ItemInvalid) as refused:
        change_of({**GOOD, "availability": "", **cells}, RULES)
    assert refused.value.field == field


def test_an_item_that_comes_back_is_available() -> None:
    left = Item(id="p", available=False, feed="-feed")
    assert change_of({"id": "p"}, RULES).applied(left).available
    assert not change_of({"id": "p", "availability": "out of stock"}, RULES).applied(left).available
    assert not change_of({"id": "p"}, RULES).applied(Item(id="p", available=False, feed="feed")).available
