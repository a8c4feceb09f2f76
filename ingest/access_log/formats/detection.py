"""Which format a log is in, by the first of its lines, before any line is imported.

Read in another format a log may seem to be fine: with the virtual host for the client's address everybody is one
visitor, and without user agents bots are people.
"""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from typing import NamedTuple

import numpy as np

from ingest.access_log.clients import hops_of, shared_proxies
from ingest.access_log.fields import Mask, Rows, distinct, statuses, times
from ingest.access_log.format import AUTO, PATTERNS, Format, named
from ingest.access_log.formats.columns import MANY, MOST, NoFormat, format_of
from ingest.access_log.formats.conversion import BOM, converted
from ingest.access_log.formats.json_lines import wrapped_text
from ingest.access_log.formats.prefixes import COMMENT, PREFIXES, WRAPPED, remover
from ingest.access_log.formats.records import records_format
from ingest.access_log.lines import Lines, LogUnreadable, cut, escaped

FIRST_LINES, MORE_LINES, LINE_LENGTH = 300, 300, 8_192
"""How many lines at the begin of the first block, and from all over its rest, are looked at, and what of each."""
NESTED = 4
"""Prefixes before prefixes, as of docker compose before those of syslog."""
RECORDS = {"json": "JSON", "w3c": "W3C", "haproxy": "HAProxy"}
TRIED = f"{', '.join(PATTERNS)}, {', '.join(RECORDS.values())}; behind {', '.join(PREFIXES)} and {WRAPPED}"


class FormatMismatch(LogUnreadable):
    """The lines are in another format; the message names it where it is known."""


class Recognised(NamedTuple):
    """How a log is read. ``prefixes``: what stands before its lines, the outermost first. ``proxies``: addresses that
    are no clients'."""

    form: Format
    prefixes: tuple[str, ...] = ()
    proxies: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The format for people: a name of PATTERNS or RECORDS, or its pattern."""
        known = (
            RECORDS.get(self.form.records) or next(filter(self._is, PATTERNS), "") or pattern_of(self.form)
        )
        return f"{known}, behind {', '.join(self.prefixes)}" if self.prefixes else known

    def _is(self, name: str) -> bool:
        known, width = named(name), len(self.form.fields)
        return (
            known.fields[:width] == self.form.fields and known.literals[:width] == self.form.literals[:width]
        )

    def lines(self, blocks: Iterator[bytes], zone: tzinfo) -> Iterator[bytes]:
        """The blocks of the log, ready to be cut."""
        return converted(blocks, self.form, self.prefixes, zone)


def named_format(name: str, pattern: str = "") -> Format:
    """``auto``, one of RECORDS, or a format with a pattern (``format.named``). Raises FormatInvalid."""
    if name == "auto":
        return AUTO
    return records_format(name) if name in RECORDS else named(name, pattern)


def recognised(block: bytes, asked: Format, zone: tzinfo, name: str) -> Recognised:
    """How to read the log ``name``, whose first block is ``block``. ``asked``: AUTO, or the format to be in.

    Raises FormatMismatch: at least half of the lines have to be in a format that tells a time, a request and a client.
    """
    sample = _sample(block.removeprefix(BOM))
    if not sample.strip():
        return Recognised(named("combined") if asked == AUTO else asked)
    found, reason = _unfolded(sample, AUTO, zone)
    if asked != AUTO:
        theirs, _ = _unfolded(sample, asked, zone)
        if theirs and not (found and _tells_more(sample, found, theirs, zone)):
            return theirs
        told = (
            f"its lines are in the format {found.name}" if found else "give its format (--format, --pattern)"
        )
        which = "the lines are not" if theirs else "none of the first lines is"
        raise FormatMismatch(f"{name}: {which} in the format asked for; {told}. {_begin(sample)}")
    if found:
        return found
    raise FormatMismatch(
        f"{name}: the lines are in no format that is known: {reason}. {_begin(sample)}\n"
        f"Tried: {TRIED}. Name the format (--format), or describe it (--format custom --pattern)."
    )


def pattern_of(form: Format) -> str:
    """The format as a pattern that ``--pattern`` takes."""
    signs = {"ip": "%h", "forwarded": "%{X-Forwarded-For}i", "host": "%v", "request": "%r", "status": "%>s"}
    signs |= {"referrer": "%{Referer}i", "ua": "%{User-Agent}i", "": "%l", "time": f"%{{{form.time}}}t"}
    if form.time.startswith("%d/%b/%Y:%H:%M:%S %z"):
        signs["time"] = "%t"
    texts = [text.decode() for text in form.literals]
    parts = [text + signs.get(field, "%l") for text, field in zip(texts, form.fields, strict=False)]
    return ("".join(parts) + texts[-1]).replace("[%t]", "%t")


def _sample(block: bytes) -> bytes:
    """Whole lines of the block, cut at LINE_LENGTH."""
    rows = block[: block.rfind(b"\n") + 1].split(b"\n")[:-1] or [block]
    rest = rows[FIRST_LINES:]
    step = max(len(rest) // MORE_LINES, 1)
    more = [row for index, row in enumerate(rest) if index % step == 0 or row.startswith(COMMENT)]
    return b"".join(row[:LINE_LENGTH] + b"\n" for row in (*rows[:FIRST_LINES], *more))


def _unfolded(sample: bytes, asked: Format, zone: tzinfo) -> tuple[Recognised | None, str]:
    """The format of the lines, or of what stands behind their prefixes; None, and what is missing."""
    prefixes: list[str] = []
    reason = ""
    own = asked != AUTO and asked not in map(named_format, (*PATTERNS, *RECORDS))
    for _ in range(NESTED + 1):
        # A pattern of one's own may begin with what is a prefix elsewhere.
        prefix = "" if own and _share(sample, asked, zone) > 0 else _prefix(sample, zone)
        if not prefix:
            timed = _prefix(sample, zone, ("time",))
            form, told = _form(sample, remover(timed)(sample) if timed else b"", asked, zone)
            reason = reason or told
            if form:
                return Recognised(form, tuple(prefixes), _proxies(sample, form, zone)), ""
            prefix = timed
        if not prefix:
            break
        prefixes.append(prefix)
        sample = remover(prefix)(sample)
    return None, reason or "they have too many prefixes"


def _prefix(sample: bytes, zone: tzinfo, names: Sequence[str] = tuple(PREFIXES)[:-1]) -> str:
    """What stands before most lines; "" for nothing. A time alone may as well be the line's own."""
    rows = [row for row in sample.split(b"\n") if row.strip() and not row.startswith(COMMENT)]
    for name in names:
        without = remover(name)(b"\n".join(rows)).split(b"\n")
        changed = sum(one != other for one, other in zip(rows, without, strict=True))
        if changed > MANY * len(rows):
            return name
    if "time" not in names and sum(row.lstrip().startswith(b"{") for row in rows) > MANY * len(rows):
        wrapped = sum(wrapped_text(row) is not None for row in rows)
        if wrapped > MANY * len(rows) and _share(sample, records_format("json"), zone) < MANY:
            return WRAPPED
    return ""


def _form(sample: bytes, untimed: bytes, asked: Format, zone: tzinfo) -> tuple[Format | None, str]:
    """The format of at least half of the lines; or None, and the reason. ``untimed``: the lines without the times that
    seem to be a prefix: where those are in a known format, the times are one."""
    if asked != AUTO:
        return (asked if _share(sample, asked, zone) > 0 else None), "no line fits"
    known = [*map(records_format, RECORDS), named("alb"), named("elb")]
    for form in known:
        if _share(sample, form, zone, addressed=True) >= MANY:
            return form, ""
        if untimed and _share(untimed, form, zone, addressed=True) >= MANY:
            return None, ""
    rows = [row for row in sample.decode("utf-8", "backslashreplace").split("\n") if row and row[0] != "#"]
    try:
        form = format_of(rows)
    except NoFormat as error:
        return None, f"no column is {error}"
    if _share(sample, form, zone) < MANY:
        return None, "fewer than half of them are like the others"
    return form, ""


def _lines(sample: bytes, form: Format, zone: tzinfo) -> tuple[Lines, Rows, int]:
    """The sample's lines, the numbers of those that are in the format, and how many could be."""
    (block,) = converted(iter([sample]), form, (), zone)
    lines = cut(escaped(block), form)
    comments = sum(row.startswith(COMMENT) for row in block.split(b"\n")) if b"#" in block else 0
    told = int((lines.stops > lines.begins).sum()) - comments
    return lines, np.flatnonzero(lines.good & (times(lines, form, zone) >= 0)), told


def _share(sample: bytes, form: Format, zone: tzinfo, addressed: bool = False) -> float:
    """Of the lines, those that are in the format. ``addressed``: and have a client's address and a status."""
    lines, rows, told = _lines(sample, form, zone)
    if addressed:
        rows = rows[_with_address(lines, form, rows) & (statuses(lines, form)[rows] >= 0)]
    return len(rows) / max(told, 1)


def _with_address(lines: Lines, form: Format, rows: Rows) -> Mask:
    """Which of the rows have the client's address."""
    found = np.zeros(len(rows), bool)
    for name in ("ip", "forwarded"):
        texts = distinct(lines, form, name, rows)
        found |= np.array([bool(hops_of(text)) for text in texts.values], bool)[texts.codes]
    return found


def _tells_more(sample: bytes, found: Recognised, asked: Recognised, zone: tzinfo) -> bool:
    """Whether lines that seem to be in the format asked for are in another: they tell more than it reads, or what it
    takes for addresses are none."""
    if found.form.records or asked.form.records:
        return found.form.records != asked.form.records
    if found.form == asked.form or asked.form not in map(named, PATTERNS):
        return False
    if {"ip", "host", "ua"} & set(found.form.fields) - set(asked.form.fields):
        return True
    for prefix in asked.prefixes:
        sample = remover(prefix)(sample)
    lines, rows, _ = _lines(sample, asked.form, zone)
    return float(_with_address(lines, asked.form, rows).mean()) < MOST and found.form.fields[0] != "ip"


def _proxies(sample: bytes, form: Format, zone: tzinfo) -> frozenset[str]:
    if "forwarded" not in form.fields:
        return frozenset()
    lines, rows, _ = _lines(sample, form, zone)
    ip, forwarded = distinct(lines, form, "ip", rows), distinct(lines, form, "forwarded", rows)
    pairs = zip(ip.codes.tolist(), forwarded.codes.tolist(), strict=True)
    return shared_proxies((ip.values[one], forwarded.values[other]) for one, other in pairs)


def _begin(sample: bytes) -> str:
    first = next((row for row in sample.split(b"\n") if row.strip()), b"")
    return f"It begins with: {first[:200].decode('ascii', 'backslashreplace')}"
