"""One block of an access log as page views: lines are filtered, visitors recognised, distinct values looked up once.

Who visits without a cookie: a keyed hash of site, truncated address and user agent, with a salt for each UTC day.
The live tracker forgets its salt after the day; a log of the past can be read again at any time, so here the day's
salt is an HMAC of the day under the installation's signing key. That makes the ids the same when a file is imported
again, and means that whoever has the key AND the log can tell who is who. A new signing key makes new visitors
and new event ids: what was imported before must then not be imported again.
"""

import hmac
from collections import Counter
from collections.abc import Callable
from datetime import UTC, tzinfo
from functools import lru_cache, partial
from hashlib import blake2b, sha256
from typing import NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log import requests as access_requests
from ingest.access_log.clients import client_of
from ingest.access_log.fields import Distinct, Mask, Rows, distinct, encoded, pairs, statuses, times
from ingest.access_log.format import Format
from ingest.access_log.lines import Lines, cut, escaped
from ingest.access_log.requests import Request
from ingest.enrich.bots import is_bot_client, is_spam
from ingest.enrich.channels import Arrival, arrival, host_of, landing
from ingest.enrich.cities import Cities
from ingest.enrich.countries import country
from ingest.enrich.devices import device
from ingest.enrich.enrich import path_of
from tracker.durations import DAY_MS
from tracker.http.address import truncate
from tracker.sites import Site

GUESS_LINES = 50_000
EXAMPLES = 3
EXAMPLE_LENGTH = 120
"""How many lines that are not in the format are shown, and how many bytes of each."""
FATES = ("comment", "malformed", "errors", "head", "method", "static", "bots")
"""Why a line is no page view, in the order of the checks. Comments are W3C's, and parts of longer lines."""
COMMENT_SIGN = 35
_STATIC = FATES.index("static")
MOST_CLIENTS = 20
"""Networks of a block, of which it is told how many page views came from them: those with the most."""

HITS = pa.schema(
    [
        pa.field("ts", pa.int64()),
        *(
            pa.field(name, pa.string())
            for name in (
                "id",
                "visitor",
                "url",
                "path",
                "referrer",
                "device",
                "browser",
                "os",
                "country",
                "city",
            )
        ),
        pa.field("bot", pa.bool_()),
        pa.field("status", pa.int16()),
    ]
)
"""Page views of people, and pages that agents fetched (``bot``), with the status of the answer where the log has it;
the other columns are as the warehouse has them. What agents asked for in vain is among them."""

_request: Callable[[str], Request] = lru_cache(maxsize=1 << 14)(access_requests.request)
_path: Callable[[str], str] = lru_cache(maxsize=1 << 14)(path_of)


class ImportOptions(NamedTuple):
    """What to read as what. ``keep``: which of errors and static are counted nevertheless.

    ``key`` is the installation's signing key. ``host`` is the site's own, for formats without one: "" to find out.
    ``zone`` is that of times that name none. ``geoip``: a MaxMind DB file for cities, "" for countries only.
    ``client``: which address is the client's, and ``proxies`` those that are none's (``clients.client_of``).
    """

    form: Format
    site: Site
    key: bytes
    keep: frozenset[str] = frozenset()
    host: str = ""
    zone: tzinfo = UTC
    geoip: str = ""
    client: str = "auto"
    proxies: frozenset[str] = frozenset()


class Sender(NamedTuple):
    """Where a request came from: its address truncated, or the name of the host where the server looked that up, or ""
    where the line names nobody."""

    network: str
    country: str
    city: str


class BlockResult(NamedTuple):
    """What a block says: how many lines it has, why some were filtered, and its page views in its order, as HITS.

    Equal lines have equal ids. ``examples``: some lines that are not in the format, with their numbers in the block.
    ``host``: the site's own, as given or as found out from this block; "" for none. ``unfit``: the lines that are not
    in the format. ``clients``: the networks with the most page views, and for each views and user agents.
    """

    lines: int
    fates: Counter[str]
    hits: pa.Table
    examples: list[tuple[int, str]]
    host: str
    unfit: int
    clients: dict[str, tuple[int, int]]


def read(block: bytes, choice: ImportOptions, host: str | None) -> BlockResult:
    """The page views of a block of whole lines. ``host``: the site's own; None to find it out."""
    reading = _BlockReading(choice, host)
    hits = reading.hits(block)
    return BlockResult(
        reading.lines,
        reading.fates,
        hits,
        reading.examples,
        reading.host or "",
        reading.unfit,
        reading.clients,
    )


class _BlockReading:
    """Of one block."""

    def __init__(self, choice: ImportOptions, host: str | None) -> None:
        self.choice, self.form, self.keep, self.host = choice, choice.form, choice.keep, host
        self.lines = self.unfit = 0
        self.fates: Counter[str] = Counter()
        self.examples: list[tuple[int, str]] = []
        self.clients: dict[str, tuple[int, int]] = {}

    def hits(self, block: bytes) -> pa.Table:
        lines = cut(escaped(block), self.form)
        ts, status = times(lines, self.form, self.choice.zone), statuses(lines, self.form)
        self.lines = len(lines.good)
        unfit = ~lines.good | (ts < 0)
        told = self._drop("comment", np.arange(len(ts)), unfit & (lines.data[lines.begins] == COMMENT_SIGN))
        self.unfit = int(unfit[told].sum())
        rows = self._drop("malformed", told, unfit[told] | (status[told] < 0))
        if len(rows) < len(told):
            self._keep_examples(lines, np.setdiff1d(told, rows, assume_unique=True))
        failed = np.zeros(0, np.int64)
        if "errors" not in self.keep:
            failed = rows[status[rows] >= 400]
            rows = self._drop("errors", rows, status[rows] >= 400)
        rows, targets = self._pages(lines, rows)
        self.fates["bots"] -= len(failed := self._fetched(lines, failed))
        if len(failed):
            rows, targets = self._pages(lines, np.sort(np.concatenate([rows, failed])), counted=False)
        agents = distinct(lines, self.form, "ua", rows).map(access_requests.agent)
        hosts = distinct(lines, self.form, "host", rows).map(self._own_host)
        pages = pairs(hosts, targets).map(lambda pair: access_requests.page_url(*pair))
        referrers = distinct(lines, self.form, "referrer", rows).map(access_requests.address)
        bot, good = self._tools(agents), ~self._spam(pages, referrers)
        self.fates["bots"] += int((bot | ~good).sum())
        rows, bot = rows[good], bot[good]
        agents, pages, referrers = agents.only(good), pages.only(good), referrers.only(good)
        senders = self._senders(lines, rows)
        self.clients = _busiest(senders.only(~bot), agents.only(~bot))
        at = ts[rows]
        arrays = {
            "ts": pa.array(at),
            "id": pa.array(self._ids(lines, rows), pa.string()),
            "visitor": self._visitors(at, senders, agents),
            "url": pages.array(),
            "path": pages.array(_path),
            "referrer": referrers.array(),
            "device": agents.array(lambda ua: device(ua).kind),
            "browser": agents.array(self._browser),
            "os": agents.array(lambda ua: device(ua).os),
            "country": senders.array(lambda sender: sender.country),
            "city": senders.array(lambda sender: sender.city or None),
            "bot": pa.array(bot),
            "status": pa.array(status[rows], pa.int16(), mask=~bot | (status[rows] == 0)),
        }
        return pa.Table.from_arrays([arrays[name] for name in HITS.names], schema=HITS)

    def _senders(self, lines: Lines, rows: Rows) -> Distinct[Sender]:
        addresses, choice = distinct(lines, self.form, "ip", rows), self.choice
        if "forwarded" not in self.form.fields:
            return addresses.map(lambda text: _sender(text, choice.geoip))
        both = pairs(addresses, distinct(lines, self.form, "forwarded", rows))
        return both.map(lambda pair: _located(client_of(*pair, choice.client, choice.proxies), choice.geoip))

    def _keep_examples(self, lines: Lines, bad: Rows) -> None:
        """Some of the lines that are not in the format, cut short, with their numbers."""
        for row in bad[:EXAMPLES].tolist():
            text = lines.data[lines.begins[row] : lines.stops[row]][:EXAMPLE_LENGTH].tobytes()
            self.examples.append((row + 1, text.decode("ascii", "replace")))

    def _drop(self, fate: str, rows: Rows, hit: Mask) -> Rows:
        """The rows that are not hit; the others are counted."""
        self.fates[fate] += int(hit.sum())
        return rows[~hit]

    def _browser(self, ua: str) -> str:
        """The browser's name, or the agent's."""
        client = device(ua)
        return client.agent if is_bot_client(client, self.choice.site) else client.browser

    def _fetched(self, lines: Lines, failed: Rows) -> Rows:
        """Of rows that were answered by errors those in which an agent asked for a page."""
        if not len(failed):
            return failed
        asked = failed[self._tools(distinct(lines, self.form, "ua", failed).map(access_requests.agent))]
        return self._pages(lines, asked, counted=False)[0]

    def _pages(self, lines: Lines, rows: Rows, counted: bool = True) -> tuple[Rows, Distinct[str]]:
        """The rows that ask for a page, and the targets of their requests. ``counted``: why the others do not."""
        requests, numbers = self._requests(lines, rows)
        fates = np.array([FATES.index(each.fate) if each.fate else -1 for each in requests], np.int64)
        fate = np.where(numbers < 0, _STATIC, np.append(fates, -1)[numbers])
        if self.host is None:
            self.host = self._guessed_host(lines, rows, fate == _STATIC)
        if "static" in self.keep:
            fate[fate == _STATIC] = -1
        for number in np.unique(fate[fate >= 0]).tolist() if counted else ():
            self.fates[FATES[number]] += int((fate == number).sum())
        pages = Distinct(requests, np.maximum(numbers, 0)).only(fate < 0)
        return rows[fate < 0], pages.map(lambda each: each.target)

    def _requests(self, lines: Lines, rows: Rows) -> tuple[list[Request], Rows]:
        """The distinct requests, and the number of each row's; -1 for what is surely a static file's."""
        if "request" not in self.form.fields:
            methods = distinct(lines, self.form, "method", rows).map(lambda text: text or "GET")
            targets = pairs(
                distinct(lines, self.form, "path", rows), distinct(lines, self.form, "query", rows)
            )
            apart = pairs(methods, targets).map(_apart)
            return apart.values, apart.codes
        known, codes = encoded(lines, self.form, "request", rows)
        if "static" in self.keep:
            return list(map(_request, known.to_pylist())), codes
        told = pc.invert(pc.match_substring_regex(known, access_requests.SURELY_STATIC))
        others = told.to_numpy(zero_copy_only=False)
        numbers = np.where(others, np.cumsum(others) - 1, -1)
        return list(map(_request, known.filter(told).to_pylist())), numbers[codes]

    def _guessed_host(self, lines: Lines, rows: Rows, static: Mask) -> str:
        """Where no host stands in a line: the one whose pages load the files. Needed to tell visitors that come
        from elsewhere from those who walk around."""
        if "host" in self.form.fields:
            return ""
        asked = rows[static][:GUESS_LINES]
        found = distinct(lines, self.form, "referrer", asked).map(host_of)
        counts = np.bincount(found.codes, minlength=len(found.values))
        hosts: Counter[str] = Counter()
        for host, count in zip(found.values, counts.tolist(), strict=True):
            hosts[host] += count
        del hosts[""]
        return hosts.most_common(1)[0][0] if hosts else ""

    def _own_host(self, text: str) -> str:
        host = text.partition(":")[0].lower() if text.count(":") <= 1 else text
        return host if host not in ("", "-", "_") else self.host or ""

    def _tools(self, agents: Distinct[str]) -> Mask:
        """What a crawler or tool asked for."""
        tools = [is_bot_client(device(ua), self.choice.site) for ua in agents.values]
        hit: Mask = np.array(tools, bool)[agents.codes]
        return hit

    def _spam(self, pages: Distinct[str], referrers: Distinct[str]) -> Mask:
        """What comes with a made-up referrer."""
        # A page may say something else of a spammer's referrer (it is tagged), nothing makes spam of another one.
        came = arrival_of(self.choice.site)
        hit: Mask = np.array([is_spam(came("", each)) for each in referrers.values], bool)[referrers.codes]
        for row in np.flatnonzero(hit).tolist():
            page, referrer = pages.values[pages.codes[row]], referrers.values[referrers.codes[row]]
            hit[row] = is_spam(came(landing(page), referrer))
        return hit

    def _visitors(self, ts: Rows, senders: Distinct[Sender], agents: Distinct[str]) -> pa.Array:
        """The visitors' ids. Each one is hashed once."""
        days, day_codes = np.unique(ts // DAY_MS, return_inverse=True)
        wide, deep = max(len(senders.values), 1), max(len(agents.values), 1)
        who, codes = np.unique((day_codes * wide + senders.codes) * deep + agents.codes, return_inverse=True)
        salts = [
            hmac.digest(self.choice.key, f"access log {day}".encode(), "sha256") for day in days.tolist()
        ]
        site = self.choice.site.id
        begin = [f"{site}\0{sender.network}\0".encode(errors="replace") for sender in senders.values]
        end = [agent.encode(errors="replace") for agent in agents.values]
        rest, agent = np.divmod(who, deep)
        day, network = np.divmod(rest, wide)
        ids = [
            "~" + blake2b(begin[n] + end[a], key=salts[d], digest_size=11).hexdigest()
            for d, n, a in zip(day.tolist(), network.tolist(), agent.tolist(), strict=True)
        ]
        return pa.array(ids, pa.string()).take(pa.array(codes))

    def _ids(self, lines: Lines, rows: Rows) -> list[str]:
        """Keyed hashes of the lines up to their last used field: the address in them is whole."""
        used = [index for index, name in enumerate(self.form.fields) if name]
        begins = lines.begins[rows].tolist()
        ends = lines.ends[rows][:, used].max(axis=1).tolist()
        data = lines.data.tobytes()
        key = sha256(b"access log ids" + self.choice.key).digest()
        start = blake2b(self.choice.site.id.encode(), key=key, digest_size=12)
        found = []
        for begin, end in zip(begins, ends, strict=True):
            one = start.copy()
            one.update(data[begin:end])
            found.append("log-" + one.hexdigest())
        return found


@lru_cache(maxsize=1 << 14)
def _sender(connection: str, geoip: str) -> Sender:
    """The sender of a request that no proxy forwarded. Raises CitiesUnreadable."""
    return _located(client_of(connection, ""), geoip)


def _located(address: str, geoip: str) -> Sender:
    """``address``: the client's, or its host's name. Raises CitiesUnreadable."""
    network = truncate(address)
    land, city = _cities(geoip).find(network) if geoip and network else ("", "")
    return Sender(network or address, land or country(network), city)


_cities = lru_cache(Cities)


def _busiest(senders: Distinct[Sender], agents: Distinct[str]) -> dict[str, tuple[int, int]]:
    """``BlockResult.clients``; user agents are counted for the first one only."""
    counts = np.bincount(senders.codes, minlength=len(senders.values))
    views = Counter[str]()
    for sender, count in zip(senders.values, counts.tolist(), strict=True):
        views[sender.network] += count
    top = views.most_common(MOST_CLIENTS)
    first = top[0][0] if top else ""
    theirs = np.array([sender.network == first for sender in senders.values], bool)[senders.codes]
    used = len(np.unique(agents.codes[theirs]))
    return {network: (count, used if network == first else 0) for network, count in top}


@lru_cache(maxsize=8)
def arrivals_of(settings: bytes) -> Callable[[str, str], Arrival | None]:
    """``arrival`` for a site as JSON, of which each pair of page and referrer is looked up once."""
    return lru_cache(maxsize=1 << 13)(partial(arrival, site=msgspec.json.decode(settings, type=Site)))


def arrival_of(site: Site) -> Callable[[str, str], Arrival | None]:
    """How visitors of a site came, by page and referrer; remembered."""
    return arrivals_of(msgspec.json.encode(site))


def _apart(parts: tuple[str, tuple[str, str]]) -> Request:
    method, (path, query) = parts
    if query and query != "-" and "?" not in path:
        path += query if query.startswith("?") else f"?{query}"
    return access_requests.of_method(method, path)
