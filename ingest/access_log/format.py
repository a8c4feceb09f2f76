"""The formats of access logs: Common, Combined, with the virtual host in front, and any other by its pattern.

A pattern is Apache's LogFormat (``%h %l %u %t "%r" %>s %b``) or nginx's log_format (``$remote_addr - ...``). It
becomes fields with literal text between them, which is all that a reader of lines needs.
Sources: Apache 2.4 mod_log_config; nginx ngx_http_log_module and ngx_http_core_module.
"""

import re
from datetime import UTC, datetime, tzinfo

import msgspec

COMMON = '%h %l %u %t "%r" %>s %b'
COMBINED = COMMON + ' "%{Referer}i" "%{User-Agent}i"'
MAIN = COMBINED + ' "%{X-Forwarded-For}i"'
_ELB = '$time_iso8601 $a $remote_addr $b $c $d $e $status $f $g $h "$request" "$http_user_agent"'
PATTERNS = {
    "common": COMMON,
    "combined": COMBINED,
    "vhost": "%v " + COMBINED,
    "nginx": MAIN,
    "elb": _ELB,
    "alb": "$kind " + _ELB,
}
"""Formats that a pattern describes. What follows the last field is read over."""

CLF_TIME = "%d/%b/%Y:%H:%M:%S %z"
EARLIEST_MS = 631_152_000_000
"""1990: no web server is older, and a clock that was never set says 1970."""
LATEST_MS = 4_000_000_000_000

# What a directive or a variable says, by the names used here; all others are read over.
_DIRECTIVES = {
    "h": "ip",
    "a": "ip",
    "r": "request",
    "m": "method",
    "U": "path",
    "q": "query",
    "s": "status",
    "v": "host",
    "V": "host",
}
_HEADERS = {"referer": "referrer", "user-agent": "ua", "host": "host", "x-forwarded-for": "forwarded"}
_VARIABLES = {
    "remote_addr": "ip",
    "request": "request",
    "request_method": "method",
    "request_uri": "path",
    "uri": "path",
    "args": "query",
    "query_string": "query",
    "status": "status",
    "host": "host",
    "http_host": "host",
    "server_name": "host",
    "http_referer": "referrer",
    "http_user_agent": "ua",
    "http_x_forwarded_for": "forwarded",
    "time_local": "time",
    "time_iso8601": "time",
    "msec": "time",
}
_DIRECTIVE = re.compile(r"%[<>!0-9,]*(?:\{([^}]*)\})?(\^?[A-Za-z]{1,3}|%)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_LONG = {"T": "%H:%M:%S", "F": "%Y-%m-%d", "D": "%m/%d/%y", "R": "%H:%M", "e": "%d", "h": "%b"}


class FormatInvalid(ValueError):
    """The pattern cannot be read; the message names the place."""


class Format(msgspec.Struct, frozen=True):
    """``literals[i]`` stands before ``fields[i]``, the last one behind the last field. A field without a use is "".

    ``time`` is strftime's pattern, or ``sec``, ``msec``, ``usec`` (since the epoch) or ``iso``. ``records``: the kind
    of records that become such lines first (``formats.records``), "" for lines that are read as they are.
    """

    fields: tuple[str, ...]
    literals: tuple[bytes, ...]
    time: str = CLF_TIME
    records: str = ""

    @property
    def spaced(self) -> bool:
        """Whether the last field goes on to the line's end, spaces and all."""
        return not self.literals[-1] and self.fields[-1] in ("ua", "request")

    @property
    def regex(self) -> re.Pattern[bytes]:
        """One line, each field a group, for lines that the quick way leaves over: a quoted field may hold
        ``\\"``, and referrer and user agent may be missing together."""
        parts = []
        for before, after in zip(self.literals, self.literals[1:], strict=False):
            if before.endswith(b'"') and after.startswith(b'"'):
                field = rb'((?:[^"\\]|\\.)*+)'
            else:
                # Up to the first place where the next literal stands, and never another: hostile lines must not
                # make the expression try every way to cut them.
                field = (
                    b"((?:(?!" + re.escape(after) + b").)*+)"
                    if after
                    else (b"(.*+)" if self.spaced else b"([^ ]*+)")
                )
            parts.append(re.escape(before) + field)
        parts.append(re.escape(self.literals[-1]))
        if self.fields[-2:] == ("referrer", "ua") and self.literals[-3:] == (b' "', b'" "', b'"'):
            tail = b"(?:" + b"".join(parts[-3:]) + b'(?: .*)?|(?: [^"]*)?)$'
            return re.compile(b"".join(parts[:-3]) + tail, re.DOTALL)
        return re.compile(b"".join(parts) + b"(?: .*)?$", re.DOTALL)


AUTO = Format((), (b"",))
"""Stands for the format of lines that nobody named, until their first block tells it."""


def named(name: str, pattern: str = "") -> Format:
    """One of PATTERNS, or ``custom`` with its pattern. Raises FormatInvalid."""
    if name == "custom":
        if not pattern:
            raise FormatInvalid("--format custom needs --pattern, the LogFormat of your server")
        return parse(pattern)
    return parse(PATTERNS[name])


def parse(pattern: str) -> Format:
    """The format of a LogFormat (Apache) or log_format (nginx) pattern. Raises FormatInvalid."""
    pattern = pattern.replace('\\"', '"').replace("\\t", "\t")
    nginx = "$" in pattern and not _DIRECTIVE.search(pattern)
    time, fields, literals, end = CLF_TIME, list[str](), list[str](), 0
    literal = ""
    for found in (_VARIABLE if nginx else _DIRECTIVE).finditer(pattern):
        literal, end = literal + pattern[end : found.start()], found.end()
        if found[0].endswith("%") and not nginx:
            literal += "%"
            continue
        field = _VARIABLES.get(found[1] or found[2], "") if nginx else _field(found[1], found[2])
        opening = closing = ""
        if nginx and field == "time":
            time = {"time_iso8601": "iso", "msec": "sec"}.get(found[1] or found[2], CLF_TIME)
        elif field == "time":
            time = _time(found[1])
            opening, closing = ("[", "]") if not found[1] else ("", "")
        if fields and not literal + opening:
            raise FormatInvalid(f"{pattern!r}: nothing stands between two fields before {found[0]!r}")
        fields.append("" if field in fields else field)
        literals.append(literal + opening)
        literal = closing
    literals.append(literal + pattern[end:])
    _check(pattern, fields, literals)
    return Format(tuple(fields), tuple(text.encode() for text in literals), time)


def moment(text: str, pattern: str, zone: tzinfo) -> int | None:
    """The ms since the epoch that ``text`` says under a Format's ``time``; None when it says no time."""
    try:
        if pattern in ("sec", "msec", "usec"):
            ms = round(float(text) * {"sec": 1000.0, "msec": 1.0, "usec": 0.001}[pattern])
            return ms if EARLIEST_MS <= ms < LATEST_MS else None
        # The zone is set below, where the text names none.
        at = datetime.fromisoformat(text) if pattern == "iso" else datetime.strptime(text, pattern)  # noqa: DTZ007
        at = at if at.tzinfo else at.replace(tzinfo=zone)
        ms = round(at.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return ms if EARLIEST_MS <= ms < LATEST_MS else None


def _field(argument: str | None, directive: str) -> str:
    if directive == "t":
        return "time"
    if directive == "i":
        return _HEADERS.get((argument or "").lower(), "")
    return _DIRECTIVES.get(directive, "")


def _time(argument: str | None) -> str:
    if not argument:
        return CLF_TIME
    plain = argument.removeprefix("begin:").removeprefix("end:")
    if plain in ("sec", "msec", "usec"):
        return plain
    return re.sub(r"%([TFDReh])", lambda found: _LONG[found[1]], plain)


def _check(pattern: str, fields: list[str], literals: list[str]) -> None:
    if "time" not in fields:
        raise FormatInvalid(f"{pattern!r}: no time (%t or $time_local)")
    if "ip" not in fields and "forwarded" not in fields:
        raise FormatInvalid(f"{pattern!r}: no client address (%h, %a or $remote_addr)")
    if "request" not in fields and "path" not in fields:
        raise FormatInvalid(f"{pattern!r}: no request (%r, %U or $request)")
    if any("\n" in text for text in literals):
        raise FormatInvalid(f"{pattern!r}: a line ends inside it")
