"""Tables from the shop's files: every format, encoding and separator gives the rows that were written."""

import csv
import gzip
import io
import json
import tracemalloc
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files import delimited
from ingest.files.rows import FileInvalid, Row
from ingest.files.table import Reading, open_table

NAMES = ["주문번호", "이름", "amount"]
ROWS = [["1001", "김단골", "12,900"], ["1002", "박\n손님", "1,200"], ["1003", '이 "단" 골', "3"]]


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def found(path: Path, reading: Reading = Reading()) -> list[Row]:  # noqa: B008
    return list(open_table(path, reading).rows())


def values(path: Path, reading: Reading = Reading()) -> list[list[Any]]:  # noqa: B008
    rows = found(path, reading)
    assert not any(row.fault for row in rows)
    return [list(row.values) for row in rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp949"]
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_encoding_and_separator(tmp_path: Path, delimiter: str, encoding: str, packed: bool) -> None:
    path = tmp_path / "orders.txt"
    raw = written([NAMES, *ROWS], delimiter).encode(encoding)
    path.write_bytes(gzip.compress(raw) if packed else raw)
    table = open_table(path)
    assert table.names == NAMES
    assert values(path) == ROWS
    assert [row.line for row in found(path)] == [2, 3, 5]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_western_letters(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "orders.csv"
    rows = [["1", "Jürgen Müller", "Straße"], ["2", "Zoë Côté", "Málaga"], ["3", "plain", "plain"]]
    path.write_bytes(written([["id", "name", "city"], *rows]).encode(encoding))
    assert values(path) == rows
    assert "CP1252 (guessed, for example 'Jürgen'" in open_table(path).format


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id;имя\n1;Привет дорогой\n2;Москва\n", "cp1251"),
        ("id,name\n1,東京都千代田区\n2,大阪\n", "shift-jis"),
        ("id;nom\n1;Éléonore été\n2;à côté\n", "mac-roman"),
        ("id;όνομα\n1;Καλημέρα\n", "cp1253"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_not_guessed(tmp_path: Path, text: str, encoding: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(FileInvalid, match="--encoding"):
        open_table(path)
    rows = [line.replace(";", ",").split(",") for line in text.splitlines()]
    assert values(path, Reading(encoding)) == rows[1:]


def test_the_only_accent_is_in_the_last_row_of_many(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    plain = "id,name\n" + "1,somebody with a plain name\n" * 100_000
    path.write_bytes(plain.encode() + "2,김단골\n".encode("cp949"))
    assert values(path)[-1] == ["2", "김단골"]
    path.write_bytes(plain.encode() + "2,김단골\n".encode())
    assert values(path)[-1] == ["2", "김단골"]


def test_a_broken_byte_costs_its_row_only(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    good = "".join(f"{number},김단골\n" for number in range(100)).encode()
    path.write_bytes(b"id,name\n" + good + b"x,\xb1\xe8\n" + good)
    rows = found(path)
    assert len(rows) == 201
    assert [(row.line, row.fault) for row in rows if row.fault] == [
        (102, "not in the file's encoding (--encoding names another)")
    ]


@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=20),
            min_size=3,
            max_size=3,
        ),
        max_size=8,
    ),
    delimiter=st.sampled_from(",;\t|"),
)
def test_what_csv_writes_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(written([["a", "b", "c"], *rows], delimiter).encode())
    assert values(path) == [row for row in rows if any(row)]


def test_quoted_line_breaks_across_every_boundary(tmp_path: Path) -> None:
    """Each row breaks at another place, so that every buffer ends inside of some quoted field."""
    path = tmp_path / "orders.csv"
    rows = [
        [str(number), "line\n" * (number % 7) + "x" * (number % 97), 'a "b", c'] for number in range(60_000)
    ]
    path.write_text(written([["id", "text", "more"], *rows]), newline="")
    assert path.stat().st_size > 3_000_000
    assert values(path) == rows


def test_a_large_file_needs_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    row = '1,"two\nlines",' + "x" * 180 + "\n"
    with path.open("w") as file:
        file.write("id,text,more\n")
        for _ in range(200):
            file.write(row * 1000)
    assert path.stat().st_size > 35_000_000
    tracemalloc.start()
    assert sum(1 for _ in open_table(path).rows()) == 200_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000


@pytest.mark.parametrize("place", [1, 50, 99])
def test_a_quotation_mark_that_is_not_closed_costs_its_row_only(tmp_path: Path, place: int) -> None:
    path = tmp_path / "orders.csv"
    lines = [f"{number},'name {number}',\"quoted, {number}\"" for number in range(100)]
    lines[place] = f'{place},"never closed,3'
    path.write_text("id,name,note\n" + "\n".join(lines) + "\n")
    rows = found(path)
    assert [row.line for row in rows if row.fault] == [place + 2]
    assert [row.values[0] for row in rows if not row.fault] == [str(n) for n in range(100) if n != place]


def test_an_inch_mark_does_not_close_the_quotation_of_the_row_above(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text('id,name,note\n1,"never closed,3\n2,screen,5"\n3,c,d\n')
    rows = found(path)
    assert [(row.line, row.fault) for row in rows if row.fault] == [(2, "a quotation mark is not closed")]
    assert [row.values for row in rows if not row.fault] == [("2", "screen", '5"'), ("3", "c", "d")]


def test_a_quotation_mark_that_is_never_closed_reads_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "RECORD_LIMIT", 10_000)
    path = tmp_path / "orders.csv"
    good = [f"{number},name {number}" for number in range(20_000)]
    path.write_text("id,name\n" + "\n".join([*good[:10], '9,"open', *good[10:]]) + "\n")
    rows = found(path)
    assert [row.line for row in rows if row.fault] == [12]
    assert len(rows) == 20_001


def test_ragged_rows_have_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("a,b,c,\n1,2,3\n1,2\n1,2,3,4,5\n1,2,3,,,\n\n,,\n1,2,3\n")
    rows = found(path)
    assert [(row.line, row.fault) for row in rows if row.fault] == [
        (3, "has 2 fields, the header has 3"),
        (4, "has 5 fields, the header has 3"),
    ]
    assert [row.line for row in rows if not row.fault] == [2, 5, 8]


def test_nul_bytes_and_old_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(b"id,name\r1,a\0b\r2,c\r")
    assert values(path) == [["1", "a\0b"], ["2", "c"]]


def test_titles_above_the_header_and_the_separator_that_excel_names(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("# Orders\n# of November\n\nid,name\n1,a\n")
    assert open_table(path).names == ["id", "name"]
    assert found(path) == [Row(5, ("1", "a"))]
    path.write_text("sep=|\nid|name, first\n1|a\n")
    assert found(path) == [Row(3, ("1", "a"))]


def test_decimal_commas_do_not_look_like_separators(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id;price;total\n" + "1;1,50;2,50\n" * 20)
    assert values(path)[0] == ["1", "1,50", "2,50"]


RECORDS = [{"id": 1, "who": {"mail": "a@b.c"}, "items": [{"sku": "x"}]}, {"id": 2, "late": "김"}]
EXPECTED = [[1, "a@b.c", [{"sku": "x"}], None], [2, None, None, "김"]]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(json.dumps(each) for each in RECORDS),
        json.dumps(RECORDS),
        json.dumps(RECORDS, indent=2, ensure_ascii=False),
        json.dumps({"orders": RECORDS}),
        json.dumps({"orders": RECORDS}, indent=1),
    ],
)
def test_json(tmp_path: Path, text: str) -> None:
    path = tmp_path / "orders.json"
    path.write_text(text)
    table = open_table(path)
    assert table.names == ["id", "who.mail", "items", "late"]
    assert values(path) == EXPECTED
    path.write_bytes(gzip.compress(text.encode("utf-8-sig")))
    assert values(path) == EXPECTED


def test_json_of_many_records_and_a_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "orders.jsonl"
    many = [{"id": number, "text": "x" * (number % 977) + ']}"\\'} for number in range(5_000)]
    path.write_text(json.dumps(many))
    assert values(path) == [list(each.values()) for each in many]
    path.write_text('{"id": 1}\nnonsense\n[1]\n\n{"id": 2}\n')
    assert [(row.line, row.fault) for row in found(path)] == [
        (1, ""), (2, "no JSON object"), (3, "no JSON object"), (5, "")
    ]  # fmt: skip
    path.write_text('[{"id": 1}, {"id": ')
    with pytest.raises(FileInvalid, match=r"orders\.jsonl: ?.*record"):
        found(path)


def test_parquet_with_structs(tmp_path: Path) -> None:
    path = tmp_path / "orders.parquet"
    table = pa.table({"id": [1, 2], "who": [{"mail": "a"}, None], "when": [datetime(2026, 11, 20), None]})  # noqa: DTZ001
    pa.parquet.write_table(table, path)
    assert open_table(path).names == ["id", "who.mail", "when"]
    assert values(path) == [[1, "a", datetime(2026, 11, 20)], [2, None, None]]  # noqa: DTZ001
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(FileInvalid, match=r"orders\.parquet"):
        open_table(path)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"", "Empty"),
        (b" \n\n", "Empty"),
        (b"<!DOCTYPE html><table>", "HTML"),
        (b"%PDF-1.7", "PDF"),
        (b"PK\x03\x04nonsense", "spreadsheet"),
        (gzip.compress(b"a,b\n1,2\n" * 1000, mtime=0)[:-20], "orders"),
        (b'{"a', "no JSON"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, raw: bytes, complaint: str) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(raw)
    with pytest.raises(FileInvalid, match=complaint):
        found(path)
