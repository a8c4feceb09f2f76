"""The format of lines that nobody named: each column of many lines is known by what most of them have there.

A column is ``[...]``, ``"..."`` or text between blanks. A line needs a time, a request and a client's address: the
column of addresses with the most different ones, since a proxy's or the server's own is the same in all lines.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC
from functools import partial
from typing import NamedTuple

from ingest.access_log.clients import address_of, hops_of
from ingest.access_log.format import CLF_TIME, Format, moment

MOST = 0.9
"""Of the lines, those that have to have the same kind of column."""
MANY = 0.5
COLUMNS = 40

_TOKEN = re.compile(r'(?:\[[^\]]*+\]|"(?:[^"\\]|\\.)*+")(?!\S)|(?:[^\s,"]++, )*+\S++')
_REQUEST = re.compile(r"[A-Z]{3,20} \S+(?: HTTP/\d(?:\.\d)?)?")
_STATUS = re.compile(r"[1-5]\d\d")
_AGENT = re.compile(r"\A(?:Mozilla/|Opera/|[\w.-]++/\d|.*(?:bot|spider|crawl))", re.IGNORECASE)
_HOST = re.compile(r"\A(?:(?:(?:[\w-]+\.)+[A-Za-z][\w-]+|localhost)(?::\d{1,5})?|[\w.-]++:\d{1,5})", re.ASCII)
_TIMES = (
    CLF_TIME,
    "iso",
    "%d/%b/%Y:%H:%M:%S.%f %z",
    "%d/%b/%Y:%H:%M:%S",
    "%d/%b/%Y:%H:%M:%S.%f",
)
_EPOCHS = {10: "sec", 13: "msec", 16: "usec"}


class Column(NamedTuple):
    """``mark``: what it begins with, ``[``, ``"`` or nothing. ``values``: one of each line."""

    mark: str
    values: list[str]

    def share(self, test: Callable[[str], object]) -> float:
        return sum(bool(test(value)) for value in self.values) / max(len(self.values), 1)


class NoFormat(Exception):
    """No column can be what the message names."""


def format_of(lines: Sequence[str]) -> Format:
    """The format that most of the lines are in. Raises NoFormat."""
    columns = _columns([_TOKEN.findall(line) for line in lines])
    request = _first(columns, _is_request, MANY, '"')
    if request < 0:
        raise NoFormat('a request ("GET /page HTTP/1.1")')
    time, kind = _time(columns)
    if time < 0:
        raise NoFormat("a time")
    client = _client(columns, request, time)
    if client < 0:
        raise NoFormat("a client's address")
    found = {time: "time", request: "request", client: _kind(columns[client], client > request)}
    for index, field in _others(columns, found, request, client).items():
        found.setdefault(index, field)
    return _format(columns, found, kind)


def _kind(column: Column, behind: bool) -> str:
    """Whether a column of addresses is the connection's or what proxies forwarded: a row of them, or a header's."""
    rows = column.share(lambda text: "," in text) > 0
    return "forwarded" if rows or (behind and column.mark == '"') else "ip"


def _columns(rows: list[list[str]]) -> list[Column]:
    """The columns that at least MANY of the lines share, from the left."""
    columns: list[Column] = []
    least = MANY * len(rows)
    for index in range(COLUMNS):
        marks = Counter(_mark(row[index]) for row in rows if len(row) > index)
        mark, count = marks.most_common(1)[0] if marks else ("", 0)
        if not count or count < least:
            break
        rows = [row for row in rows if len(row) > index and _mark(row[index]) == mark]
        columns.append(Column(mark, []))
    for index, column in enumerate(columns):
        cut = slice(1, -1) if column.mark else slice(None)
        column.values.extend(row[index][cut] for row in rows)
    return columns


def _mark(token: str) -> str:
    """``[`` or a quote around a token; nothing around an IPv6 address, which others need no brackets for."""
    if len(token) < 2 or token[0] + token[-1] not in ("[]", '""') or (token[0] == "[" and address_of(token)):
        return ""
    return token[0]


def _first(columns: Sequence[Column], test: Callable[[str], object], share: float, mark: str = "") -> int:
    fitting = (i for i, column in enumerate(columns) if column.mark == mark and column.share(test) >= share)
    return next(fitting, -1)


def _is_request(text: str) -> bool:
    return bool(_REQUEST.fullmatch(text))


def _time(columns: Sequence[Column]) -> tuple[int, str]:
    """The first column of times, and how it says them (``Format.time``)."""
    for index, column in enumerate(columns):
        for kind in _TIMES:
            if column.share(partial(_says, kind, 16)) >= MOST:
                return index, kind
    for index, column in enumerate(columns):
        digits = len(column.values[0].partition(".")[0]) if column.values else 0
        kind = _EPOCHS.get(digits, "")
        if kind and column.share(partial(_says, kind, 10)) >= MOST:
            return index, kind
    return -1, ""


def _says(kind: str, length: int, text: str) -> bool:
    return len(text) >= length and moment(text, kind, UTC) is not None


def _client(columns: Sequence[Column], request: int, time: int) -> int:
    """The column of addresses with the most different ones, the first of several. Without any: where Common has the
    client's, which may be a name, unless all lines have the same there."""
    known: dict[int, int] = {}
    for index, column in enumerate(columns):
        if index in (request, time):
            continue
        told = [text for text in column.values if text not in ("-", "")]
        if len(told) >= MANY * len(column.values) and _addresses(told) >= MOST:
            # Before the request stands the client, or what it said; ports make one address many.
            known[index] = len({address_of(text) or text for text in told}) * (2 if index < request else 1)
    if known:
        return max(known, key=lambda index: (known[index], -index))
    index = time - 3
    names = set(columns[index].values) if index >= 0 and not columns[index].mark else set()
    names.discard("-")
    return index if len(names) > 1 and not any(":" in name for name in names) else -1


def _addresses(texts: Sequence[str]) -> float:
    """Of the texts, those that are an address or a row of addresses."""
    return sum(bool(hops_of(text)) for text in texts) / max(len(texts), 1)


def _others(columns: Sequence[Column], found: dict[int, str], request: int, client: int) -> dict[int, str]:
    """Status, referrer, user agent, host, and the other one of the connection's and the forwarded address."""
    others: dict[int, str] = {}
    order = [*range(request + 1, len(columns)), *range(request)]
    free = [index for index in order if index not in found]
    status = [i for i in free if not columns[i].mark and columns[i].share(_STATUS.fullmatch) >= MOST]
    if status:
        others[status[0]] = "status"
    quoted = [index for index in free if columns[index].mark == '"']
    agents = {index: columns[index].share(_AGENT.match) for index in quoted}
    best = max(agents, key=lambda index: agents[index], default=-1)
    if best >= 0 and agents[best] < 1 - MOST:
        best = quoted[1] if len(quoted) > 1 else -1
    if best >= 0:
        others[best] = "ua"
    links = [index for index in quoted if index != best and columns[index].share(_is_link) >= MOST]
    if links:
        near = [index for index in links if index < best]
        others[near[-1] if near else links[0]] = "referrer"
    hosts = [index for index in range(min(client + 2, request)) if index in free]  # lighttpd has it behind
    host = next((index for index in hosts if columns[index].share(_HOST.fullmatch) >= MOST), -1)
    if host >= 0 and not columns[host].mark:
        others.setdefault(host, "host")
    _chain(columns, others, found, client, best)
    return others


def _is_link(text: str) -> bool:
    return text in ("", "-") or "://" in text


def _chain(
    columns: Sequence[Column], others: dict[int, str], found: dict[int, str], client: int, agent: int
) -> None:
    """The forwarded addresses beside the connection's, or the connection's beside those.

    Behind the user agent nginx has X-Forwarded-For, "-" as long as no proxy is used."""
    missing = "ip" if found[client] == "forwarded" else "forwarded"
    request = next(index for index, field in found.items() if field == "request")
    for index, column in enumerate(columns):
        if index in found or others.get(index):
            continue
        told = [text for text in column.values if text not in ("-", "")]
        quoted = column.mark == '"' or any("," in text for text in told)
        before = index < request and missing == "ip"
        if told and _addresses(told) >= MOST and (quoted or before):
            others[index] = missing
            return
        if not told and column.mark == '"' and index == agent + 1 and missing == "forwarded":
            others[index] = missing
            return


def _format(columns: Sequence[Column], found: dict[int, str], time: str) -> Format:
    """The fields up to the last one that is used, with the text between them."""
    fields, literals, before = [], [], ""
    for index in range(max(found) + 1):
        mark = columns[index].mark
        fields.append(found.get(index, ""))
        literals.append(before + mark)
        before = {"[": "]", '"': '"', "": ""}[mark] + " "
    literals.append(before.rstrip(" "))
    return Format(tuple(fields), tuple(text.encode() for text in literals), time)
