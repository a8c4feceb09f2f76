"""Records with named fields (JSON, W3C, HAProxy) become lines of one format, which are cut like any others.

Servers name the same fields differently. Names are compared without case and punctuation: ``cs(User-Agent)``,
``request_User-Agent`` and ``http_user_agent`` each end with "useragent". Sources: nginx ngx_http_log_module, Caddy's
and Traefik's access logs, W3C extended logs of IIS and CloudFront, Elastic Common Schema, Cloudflare Logpush.
"""

import re
from collections.abc import Mapping
from datetime import tzinfo
from functools import lru_cache

from ingest.access_log.format import CLF_TIME, EARLIEST_MS, LATEST_MS, Format, moment

FIELDS = ("time", "ip", "forwarded", "host", "status", "request", "referrer", "ua")
NAMES = {
    "time": """time timestamp ts timeiso8601 timelocal msec startutc startlocal datetime edgestarttimestamp
    requestreceivedat starttime""",
    "ip": """clientip remoteip remoteaddr requestclientip requestremoteip requestremoteaddr clienthost clientaddr cip
    ip client remotehost remote clientaddress httprequestremoteip sourceip sourceaddress srcip sourceaddr""",
    "forwarded": """httpxforwardedfor xforwardedfor requestxforwardedfor requestheadersxforwardedfor csxforwardedfor
    forwardedfor proxyaddxforwardedfor xff httpcfconnectingip cfconnectingip requestheaderscfconnectingip
    httpxrealip xrealip requestheadersxrealip realip realipremoteaddr""",
    "host": """xhostheader cshost httphost requesthost clientrequesthost host servername vhost virtualhost urldomain
    domain""",
    "status": """status statuscode downstreamstatus scstatus edgeresponsestatus httprequeststatus responsestatus
    httpresponsestatuscode responsestatuscode httpstatus code""",
    "method": """requestmethod method csmethod clientrequestmethod httprequestrequestmethod httprequestmethod
    httpmethod verb""",
    "request": "request requestline httprequest",
    "target": """requesturi uri csuristem csuri requestpath clientrequesturi httprequestrequesturl urloriginal
    requesturl url path urlpath""",
    "query": "csuriquery args querystring requestquerystring query urlquery",
    "referrer": """httpreferer httpreferrer referer referrer csreferer requestreferer requestheadersreferer
    clientrequestreferer httprequestreferer httprequestreferrer""",
    "ua": """httpuseragent useragent csuseragent requestuseragent requestheadersuseragent clientrequestuseragent
    httprequestuseragent useragentoriginal agent ua""",
}
_NAMES = {field: tuple(names.split()) for field, names in NAMES.items()}
_ABSENT = frozenset({"", "-", "(null)", "null"})
_ODD = re.compile(r"[^\x20-\x5b\x5d-\x7e]")
_PUNCTUATION = re.compile(r"[^a-z0-9]")


def records_format(kind: str) -> Format:
    """The format of the lines that ``record_line`` makes of records of a kind."""
    return Format(FIELDS, (b"", *[b"\t"] * (len(FIELDS) - 1), b""), "msec", kind)


@lru_cache(maxsize=4096)
def normal(name: str) -> str:
    """The name of a field without case and punctuation.

    >>> normal("cs(User-Agent)"), normal("@timestamp")
    ('csuseragent', 'timestamp')
    """
    return _PUNCTUATION.sub("", name.lower())


def record_line(record: Mapping[str, str], zone: tzinfo) -> bytes:
    """The line of a record, whose names are ``normal``; b"" for what is no request: it has no time, client or target.

    ``zone``: of times that name none.
    """

    def first(field: str) -> str:
        for name in _NAMES[field]:
            value = record.get(name, "")
            if value not in _ABSENT:
                return value
        return ""

    ms = _time(record, first("time"), zone)
    ip, forwarded = first("ip"), first("forwarded")
    request = first("request")
    if " " not in request:  # no request line, but perhaps its target
        request = _request(first("method"), request or first("target"), first("query"))
    if ms is None or not (ip or forwarded) or not request:
        return b""
    values = (
        str(ms),
        ip,
        forwarded,
        first("host"),
        _status(first("status")),
        request,
        first("referrer"),
        first("ua"),
    )
    return "\t".join([_plain(value) for value in values]).encode()


def _time(record: Mapping[str, str], text: str, zone: tzinfo) -> int | None:
    """W3C has the date apart from the time."""
    date = record.get("date", "")
    if len(date) == 10 and text[2:3] == ":":
        return instant(f"{date}T{text}+00:00", zone)
    return instant(text, zone)


@lru_cache(maxsize=1 << 12)
def instant(text: str, zone: tzinfo) -> int | None:
    """The ms since the epoch that ``text`` says in any usual way: ISO, as Apache writes it, or a number in seconds, ms,
    µs or ns; None for none."""
    if text.replace(".", "", 1).isdecimal():  # and not ², which is a digit
        number = float(text)
        for _ in range(3):
            number = number / 1000 if number >= LATEST_MS else number
        number = number * 1000 if number < EARLIEST_MS / 10 else number
        return moment(str(number), "msec", zone)
    text = text.strip("[]")
    if "/" in text[:3]:
        for pattern in (CLF_TIME, "%d/%b/%Y:%H:%M:%S", "%d/%b/%Y:%H:%M:%S.%f", "%d/%b/%Y:%H:%M:%S.%f %z"):
            found = moment(text, pattern, zone)
            if found is not None:
                return found
    return moment(text, "iso", zone)


def _status(text: str) -> str:
    """Caddy's 0 and HAProxy's -1 say that nobody got an answer, for which nginx has 499."""
    return "499" if text in ("0", "000", "-1") else text or "200"


def _request(method: str, target: str, query: str) -> str:
    if not target:
        return ""
    if query and "?" not in target:
        target += query if query.startswith("?") else f"?{query}"
    return f"{method or 'GET'} {target} HTTP/1.1"


def _plain(text: str) -> str:
    """The text with what is no printable ASCII, and backslashes, escaped as Apache escapes them."""
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text
    return _ODD.sub(
        lambda found: "".join(f"\\x{byte:02x}" for byte in found[0].encode(errors="replace")), text
    )
