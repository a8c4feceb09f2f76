"""Feeds in XML (RSS 2.0, Atom, or a list of products) as records, read as a stream in bounded memory.

Entities other than those of XML and HTML are refused before they are expanded, and nothing outside of the file is read.
"""

import codecs
import re
from collections.abc import Iterator
from html.entities import html5
from typing import IO, NamedTuple
from xml.parsers import expat

ITEMS = frozenset({"item", "entry", "product", "offer"})
CHUNK = 1 << 16
SIZE_LIMIT = 4 << 30
"""Bytes of a feed after unpacking."""
TEXT_LIMIT, FIELDS_LIMIT, DEPTH_LIMIT = 1 << 16, 500, 64
_DECLARED = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


class FeedBroken(Exception):
    """The feed ends before its end, or is no XML; the message says where."""


class Record(NamedTuple):
    """``cells``: name of an element, in small letters and without its namespace → its text. ``fault`` says why the
    record cannot be used."""

    line: int
    cells: dict[str, str]
    fault: str = ""


def is_xml(head: bytes) -> bool:
    """Whether a file that begins so is XML and no page of HTML."""
    text = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    return text.startswith(
        (b"<?xml", b"<rss", b"<feed", b"<rdf", b"<products", b"<catalog", b"<items", b"<!--")
    )


def records(stream: IO[bytes], encoding: str = "") -> Iterator[Record]:
    """The items of a feed, as they come. Raises FeedBroken; what came before it stands."""
    head = stream.read(CHUNK)
    name = encoding or _declared(head)
    reader = _Reader(name, given=bool(encoding))
    size = 0
    while head:
        size += len(head)
        if size > SIZE_LIMIT:
            raise FeedBroken(f"it unpacks to more than {SIZE_LIMIT:,} bytes")
        yield from reader.feed(head, last=False)
        head = stream.read(CHUNK)
    yield from reader.feed(b"", last=True)


def _declared(head: bytes) -> str:
    found = _DECLARED.search(head[:300])
    return found[1].decode() if found else ""


class _Reader:
    def __init__(self, encoding: str, given: bool) -> None:
        """``given``: somebody says the encoding, which need not be what the feed declares."""
        self._decoder: codecs.IncrementalDecoder | None = None
        if encoding:
            try:
                known = codecs.lookup(encoding)
            except LookupError:
                raise FeedBroken(f"there is no encoding {encoding!r}") from None
            # A declaration of UTF-16 that can be read as ASCII is wrong: such feeds are in UTF-8.
            if given or not known.name.startswith(("utf-8", "utf-16")):
                self._decoder = known.incrementaldecoder("strict")
        self._parser = parser = expat.ParserCreate("utf-8" if encoding else None)
        parser.buffer_text = True
        parser.UseForeignDTD(True)  # else an entity of HTML, such as &nbsp;, is an error
        parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_ALWAYS)
        parser.ExternalEntityRefHandler = self._external
        parser.EntityDeclHandler = self._entity
        parser.SkippedEntityHandler = self._skipped
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler = self._text
        self._done: list[Record] = []
        self._depth, self._inside = 0, 0  # ``_inside``: the depth of the item, 0 outside of one
        self._record = Record(0, {})
        self._fault, self._field = "", ""
        self._googles: set[str] = set()  # names that Google's own elements have given
        self._parts: list[str] = []
        self._size = 0

    def feed(self, chunk: bytes, last: bool) -> Iterator[Record]:
        try:
            data = self._decoder.decode(chunk, last).encode() if self._decoder else chunk
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            found = self._taken()
            yield from found
            raise FeedBroken(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None
        except UnicodeError as error:
            raise FeedBroken(f"not in its encoding: {error}") from None
        yield from self._taken()

    def _taken(self) -> list[Record]:
        found, self._done = self._done, []
        return found

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise FeedBroken(
                f"line {self._parser.CurrentLineNumber}: more than {DEPTH_LIMIT} elements in each other"
            )
        own = name.rpartition(":")[2].lower()
        if not self._inside:
            if own in ITEMS:
                self._inside, self._fault = self._depth, ""
                self._record, self._googles = Record(self._parser.CurrentLineNumber, {}), set()
                for attribute in ("id", "available"):  # as in a list of offers
                    if attribute in attributes:
                        self._record.cells[attribute] = attributes[attribute][:TEXT_LIMIT]
        elif self._depth == self._inside + 1:
            self._field, self._parts, self._size = own, [], 0
            if own == "link" and attributes.get("href") and attributes.get("rel", "alternate") == "alternate":
                self._parts = [attributes["href"]]

    def _text(self, text: str) -> None:
        if self._inside and self._depth == self._inside + 1:
            self._size += len(text)
            if self._size > TEXT_LIMIT:
                self._fault = f"{self._field}: longer than {TEXT_LIMIT:,} characters"
            else:
                self._parts.append(text)

    def _end(self, name: str) -> None:
        if self._inside and self._depth == self._inside + 1:
            self._keep(name)
        elif self._inside == self._depth:
            self._done.append(self._record._replace(fault=self._fault))
            self._inside = 0
        self._depth -= 1

    def _keep(self, name: str) -> None:
        """Of several elements of one name the first counts, but Google's own (g:title) goes before RSS's (title)."""
        cells, text = self._record.cells, "".join(self._parts).strip()
        googles = name.lower().startswith("g:")
        if len(cells) >= FIELDS_LIMIT:
            self._fault = f"more than {FIELDS_LIMIT} elements"
        elif googles and self._field not in self._googles:
            cells[self._field] = text
            self._googles.add(self._field)
        elif self._field not in cells:
            cells[self._field] = text

    def _skipped(self, name: str, is_parameter: bool) -> None:
        if is_parameter:
            return
        known = html5.get(f"{name};")
        if known is None:
            self._fault = f"&{name}; is no entity of XML or HTML"
        else:
            self._text(known)

    def _external(self, context: str, _base: str | None, system: str | None, _public: str | None) -> int:
        if system is None:  # the DTD that we add: an empty one
            self._parser.ExternalEntityParserCreate(context).Parse(b"", True)
        return 1  # of others nothing is read, and the parser goes on

    def _entity(self, name: str, *_: object) -> None:
        raise FeedBroken(f"declares the entity {name[:40]!r}: entities of a feed's own are refused")
