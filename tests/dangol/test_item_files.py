"""Any file of items: nothing breaks, what is good is stored, what is not is named, and one reading equals two."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dangol.transfer.item_file import ItemFile, ItemOptions
from dangol.transfer.item_import import ItemSummary, read_items
from ingest.files.mappings import Mappings
from ingest.files.rejects import Rejects
from ingest.files.rows import FileInvalid
from recommender.catalogue.item import Item
from recommender.feeds.sync import FeedSync
from tests.support.recommender_histories import MemoryItems
from tracker.sites import new_site

RELAXED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def read(raw: bytes, folder: Path, store: MemoryItems, whole: bool = True) -> tuple[ItemSummary, Rejects]:
    path = folder / "feed"
    path.write_bytes(raw)
    file = ItemFile(path, new_site("s"), ItemOptions(feed="feed"), Mappings(folder / "mappings.json"))
    with Rejects(None, file.names) as rejects:
        return read_items(file, rejects, FeedSync(store, "feed"), whole), rejects


def stored(store: MemoryItems) -> dict[str, Item]:
    return {item_id: msgspec.msgpack.decode(put, type=Item) for item_id, put in store.put_items() if put}


@RELAXED
@given(
    st.binary(max_size=400)
    | st.text(max_size=300).map(lambda text: f"id,price,availability\n{text}".encode("utf-8", "replace"))
    | st.text(max_size=300).map(
        lambda text: f"<rss><item><id>1</id>{text}</item></rss>".encode("utf-8", "replace")
    )
    | st.binary(max_size=300).map(lambda raw: b'{"id": "a", "price": 1}\n' + raw)
)
def test_any_bytes_are_items_or_a_reason(tmp_path: Path, raw: bytes) -> None:
    try:
        read(raw, tmp_path, MemoryItems())
    except FileInvalid as error:
        assert str(error)


CELL = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=12)
ROWS = st.lists(
    st.none() | st.fixed_dictionaries({"price": CELL, "availability": CELL, "link": CELL}), max_size=12
)


def csv_of(rows: list[dict[str, str] | None]) -> str:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = ["id,title,link,availability,price"]
    for n, row in enumerate(rows):
        if row is None:
            lines.append(f"good{n},Tea,https://s.example/{n},in stock,{n}.50 EUR")
        else:
            lines.append(
                f"bad{n},Tea,{quoted(row['link'])},{quoted(row['availability'])},{quoted(row['price'])}"
            )
    return "\n".join(lines)


def xml_of(rows: list[dict[str, str] | None]) -> str:
    items = []
    for n, row in enumerate(rows):
        said = row or {"link": f"https://s.example/{n}", "availability": "in stock", "price": f"{n}.50 EUR"}
        cells = "".join(
            f"<g:{name}><![CDATA[{text.replace(']]>', '')}]]></g:{name}>" for name, text in said.items()
        )
        items.append(f"<item><g:id>{'bad' if row else 'good'}{n}</g:id><title>Tea</title>{cells}</item>")
    return f'<rss xmlns:g="g"><channel>{"".join(items)}</channel></rss>'


@pytest.mark.parametrize("written", [csv_of, xml_of])
@RELAXED
@given(rows=ROWS)
def test_bad_rows_never_touch_good_ones(
    tmp_path: Path, written: Any, rows: list[dict[str, str] | None]
) -> None:
    """Whatever stands in the other rows: the good ones are stored as they are, and each other is stored or named."""
    store, text = MemoryItems(), written([None, *rows, None])
    summary, rejects = read(text.encode(), tmp_path, store)
    found = stored(store)
    good = [n for n, row in enumerate([None, *rows, None]) if row is None]
    assert {n: found[f"good{n}"].price for n in good} == {n: n + 0.5 for n in good}
    assert len(found) + rejects.count == len(rows) + 2 and summary.rows == len(rows) + 2
    again, _ = read(text.encode(), tmp_path, store)
    assert again.fates["unchanged"] == len(found) and stored(store) == found


@RELAXED
@given(st.lists(st.sets(st.sampled_from("abcdefgh")), max_size=6))
def test_readings_of_a_feed_equal_a_naive_ledger(tmp_path: Path, readings: list[set[str]]) -> None:
    """Available is what the last reading held; a reading of less than half of the items changes nothing for others."""
    store, ledger = MemoryItems(), dict[str, bool]()
    for ids in readings:
        text = "id,title,link,availability\n" + "".join(f"{each},Tea,/t,\n" for each in sorted(ids))
        if not ids:
            continue
        read(text.encode(), tmp_path, store)
        before = {each for each, available in ledger.items() if available}
        gone = before - ids
        ledger |= dict.fromkeys(ids, True)
        held = before | ids
        if len(held) - len(gone) >= 0.5 * len(held):
            ledger |= dict.fromkeys(gone, False)
        assert {item_id: item.available for item_id, item in stored(store).items()} == ledger
