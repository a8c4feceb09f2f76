"""Payloads of the four protocols, mutated: for the tests that send them to a running installation, and to adapters."""

import gzip
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple
from urllib.parse import quote

HOLE = "@@hole@@"
VALUES = (
    *(
        "18446744073709551616",
        "-9223372036854775809",
        "9223372036854775808",
        "1e400",
        "-1e999",
        "1e-999",
        "-0.0",
    ),
    *(
        "9" * 5_000,
        "0." + "3" * 5_000,
        "1e308",
        "null",
        "true",
        "[]",
        "{}",
        '""',
        '"NaN"',
        '"undefined"',
        "[null]",
    ),
    *(
        '"\\u0000"',
        '"\\ud800"',
        '"\\udc00\\ud800"',
        '"\\ud83d\\ude00"',
        '"\u202e\ufeff\u0301"',
        '"\\"',
        "NaN",
        "-",
    ),
    *("[" * 15 + "]" * 15, "[" * 400 + "]" * 400, '{"a":' * 400 + "1" + "}" * 400, "[" * 20_000),
    *('"' + "x" * 3_000 + '"', '"' + "@" * 5_000 + '"', '"' + " " * 5_000 + '"', '"' + "\u1100" * 500 + '"'),
    *(
        '"9999-12-31T23:59:59Z"',
        '"0001-01-01T00:00:00+14:00"',
        '"-271821-04-20"',
        "-62135596800000",
        "253402300800000",
    ),
    *(
        '"<script>1</script>"',
        '"\' or 1=1 --"',
        '"../../etc/passwd"',
        '"%00%ff"',
        '"1,5"',
        '"1e400"',
        '"0x10"',
        '"\u0661"',
    ),
    "{" + ",".join(f'"{number}":{number}' for number in range(700)) + "}",
    '{"' + "k" * 500 + '":1,"":2,"__proto__":{"a":1},"\\u0000":3}',
    "[" + ",".join(["1"] * 2_000) + "]",
)
"""Raw JSON, some of it none."""

PRODUCT = {"product_id": "p1", "name": "Socks", "category": "shoes", "price": 5.5, "quantity": 2}
NAMES = (
    *(
        "Product Viewed",
        "Product Added",
        "Order Completed",
        "Order Refunded",
        "Offer Viewed",
        "Products Searched",
    ),
    *("Page Ping", "Product List Viewed", "Anything"),
)


class Sent(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None = None


def _segment(draw: Random) -> tuple[str, dict[str, Any]]:
    kind = draw.choice(("track", "page", "screen", "identify", "alias", "group", "batch", "b", "t"))
    item = {
        "type": draw.choice(("track", "page", "identify", "alias", "group", "consent")),
        "event": draw.choice(NAMES),
        "messageId": f"m{draw.random()}",
        "anonymousId": f"f{draw.randrange(50)}",
        "userId": f"u{draw.randrange(50)}",
        "previousId": "f1",
        "groupId": "g1",
        "timestamp": "2026-11-30T10:00:00Z",
        "sentAt": 1_796_000_000,
        "properties": {
            **PRODUCT,
            "products": [PRODUCT, PRODUCT],
            "order_id": "o1",
            "revenue": 11,
            "currency": "EUR",
            "interests": {"shoes": 2},
            "url": "https://shop.example/a?b=c",
            "campaign": "c1",
        },
        "traits": {"email": "a@b.example", "age": 7, "address": {"city": "Seoul"}},
        "context": {
            "page": {"url": "https://shop.example/", "title": "T", "referrer": "https://google.com/"},
            "campaign": {"name": "x"},
            "consent": {"analytics": True},
            "screen": {"width": 100, "height": 200},
            "locale": "ko-KR",
            "timezone": "Asia/Seoul",
            "userAgent": "Mozilla/5.0",
            "ip": "203.0.113.1",
            "session": "s1",
            "library": {"name": "dangol.js"},
            "proof": "ab",
        },
    }
    return kind, {"batch": [item, item], "context": {"locale": "de"}} if kind in ("batch", "b") else item


_SCHEMA = "iglu:com.snowplowanalytics.snowplow/{}/jsonschema/1-0-0"


def _snowplow(draw: Random, site: str, holed: Any) -> dict[str, Any]:
    """``holed`` makes an inner JSON text."""
    action = {
        "schema": _SCHEMA.format("snowplow_ecommerce_action"),
        "data": {"type": "transaction", "name": "n"},
    }
    search = {"schema": _SCHEMA.format("site_search"), "data": {"terms": ["a", "b"], "total_results": 3}}
    outer = holed({"schema": _SCHEMA.format("unstruct_event"), "data": draw.choice((action, search))})
    entities = holed(
        {
            "schema": _SCHEMA.format("contexts"),
            "data": [
                {"schema": _SCHEMA.format("product"), "data": {"id": "p1", "price": 5, "category": "c"}},
                {"schema": _SCHEMA.format("transaction"), "data": {"transaction_id": "t1", "revenue": 5}},
                {"schema": _SCHEMA.format("proof"), "data": {"proof": "x"}},
            ],
        }
    )
    packed = draw.random() < 0.5
    return {
        "e": draw.choice(("pv", "pp", "ue", "se", "tr", "ti")),
        "aid": site,
        "p": "web",
        "tv": "js-3",
        "eid": f"e{draw.random()}",
        "duid": f"f{draw.randrange(50)}",
        "uid": "u1",
        "url": "https://shop.example/",
        "page": "T",
        "refr": "https://a.example",
        "dtm": "1796000000000",
        "stm": "1796000000001",
        "lang": "ko",
        "res": "1x1",
        "tz": "Asia/Seoul",
        "ip": "203.0.113.9",
        "se_ca": "a",
        "se_ac": "b",
        "se_va": "1",
        "tr_id": "t1",
        "tr_tt": "5",
        "ti_id": "t1",
        "ti_sk": "p1",
        "ti_pr": "5",
        "ti_qu": "1",
        "pp_max": "1",
        ("ue_px" if packed else "ue_pr"): urlsafe_b64encode(outer).decode()
        if packed
        else outer.decode("utf-8", "replace"),
        ("cx" if packed else "co"): urlsafe_b64encode(entities).decode()
        if packed
        else entities.decode("utf-8", "replace"),
    }


def _matomo(draw: Random, site: str, holed: Any) -> dict[str, Any]:
    return {
        "idsite": site,
        "rec": "1",
        "_id": f"{draw.randrange(16**16):016x}",
        "uid": "u1",
        "url": "https://s.example/",
        "action_name": "T",
        "urlref": "https://a.example",
        "res": "1x1",
        "lang": "ko",
        "dimension1": "d",
        **draw.choice(
            (
                {"e_c": "c", "e_a": "a", "e_v": "1"},
                {
                    "idgoal": "0",
                    "ec_id": "o1",
                    "revenue": "5",
                    "ec_items": holed([["p1", "n", ["c"], 5, 2]]).decode("utf-8", "replace"),
                },
                {"idgoal": "3", "revenue": "2"},
                {
                    "_pks": "p1",
                    "_pkn": "n",
                    "_pkp": "5",
                    "_pkc": holed(["a", "b"]).decode("utf-8", "replace"),
                },
                {"search": "q", "search_count": "3"},
                {"ping": "1"},
                {"cdt": "1796000000"},
            )
        ),
    }


def holed(draw: Random, document: Any, share: float = 0.7) -> bytes:
    """The document as JSON, most often with something else in one or two places, or broken."""
    if draw.random() > share:
        return json.dumps(document, ensure_ascii=False).encode()
    document = json.loads(json.dumps(document))
    for _ in range(draw.choice((1, 1, 2))):
        spots = list(_spots(document))
        if not spots:
            break
        place, key = draw.choice(spots)
        what = draw.random()
        if what < 0.1 and isinstance(place, dict):
            del place[key]
        elif what < 0.2 and isinstance(place, dict):
            place[draw.choice(("", "k" * 300, "\0", "constructor", "$ref", "k.k"))] = HOLE
        else:
            place[key] = HOLE
    raw = json.dumps(document, ensure_ascii=False)
    while f'"{HOLE}"' in raw:
        raw = raw.replace(f'"{HOLE}"', draw.choice(VALUES), 1)
    return _broken(draw, raw.encode("utf-8", "surrogatepass"))


def _spots(document: Any) -> Iterator[tuple[Any, Any]]:
    for key in document if isinstance(document, dict) else range(len(document)):
        yield document, key
        if isinstance(document[key], dict | list):
            yield from _spots(document[key])


def _broken(draw: Random, raw: bytes) -> bytes:
    what = draw.random()
    at = draw.randrange(len(raw) + 1)
    if what < 0.04:
        return raw[:at]
    if what < 0.08:
        return raw[:at] + draw.randbytes(draw.randrange(1, 9)) + raw[at:]
    if what < 0.10:
        return raw[:at] + raw[at + draw.randrange(1, 50) :]
    return raw


def _query(draw: Random, fields: dict[str, Any]) -> str:
    """One field or two of them are something else."""
    fields = dict(fields)
    for _ in range(draw.choice((0, 1, 2))):
        fields[draw.choice([*fields, "p.x", "_idvc", "x" * 300])] = draw.choice(VALUES)[:2_500]
    text = "&".join(
        f"{quote(str(key))}={quote(str(value))}" for key, value in fields.items() if value is not None
    )
    what = draw.random()
    if what < 0.05:
        return text + "&" + "&".join(f"p.{number}=1" for number in range(300))
    if what < 0.10:
        return text + draw.choice(("&%", "&%ff%fe=%00", "&=&&==", "&a=%ud800", "&x=%F0%9F%98"))
    return text


def _headers(draw: Random) -> dict[str, str]:
    headers = {
        "Content-Type": draw.choice(("application/json", "text/plain", "application/x-www-form-urlencoded"))
    }
    for name, values in (
        ("User-Agent", ("Mozilla/5.0", "Mozilla/" + "x" * 3_000, "\xe9\xff", "")),
        ("Cookie", ("sp=abc; dangol_v=f1", "dangol_v=" + "x" * 3_000, "sp=\xff;;=;")),
        ("Origin", ("https://shop.example", "null", "http://[::1", "\xff")),
        ("Referer", ("https://shop.example/a?b", "//", "http://[", "x" * 3_000)),
        ("X-Forwarded-For", ("203.0.113.1", "::ffff:1.2.3.4, junk", "999.1.1.1", "%eth0")),
        ("Accept-Language", ("ko-KR,ko;q=0.9", "x" * 2_000, "\xff")),
        ("DNT", ("1",)),
        ("SP-Anonymous", ("*",)),
        ("Authorization", ("Basic Og==", "Bearer ", "Basic \xff", "Digest x")),
        ("Content-Encoding", ("gzip", "br")),
    ):
        if draw.random() < 0.12:
            headers[name] = draw.choice(values)
    return headers


def request(draw: Random, key: str, site: str) -> Sent:
    """One request of any protocol, as a stranger who knows the public key may send it."""
    headers, what = _headers(draw), draw.random()

    def inner(document: Any) -> bytes:
        return holed(draw, document)

    if what < 0.45:
        kind, document = _segment(draw)
        body = holed(draw, {**document, "writeKey": key}, 0.9)
        if draw.random() < 0.05:
            body = gzip.compress(body, mtime=0)[: draw.choice((None, 40))]
        return Sent("POST", f"/v1/{kind}", headers, body)
    if what < 0.60:
        payload = {
            "schema": _SCHEMA.format("payload_data"),
            "data": [_snowplow(draw, key, inner) for _ in range(2)],
        }
        return Sent("POST", "/com.snowplowanalytics.snowplow/tp2", headers, holed(draw, payload))
    if what < 0.70:
        return Sent("GET", f"/i?{_query(draw, _snowplow(draw, key, inner))}", headers)
    if what < 0.80:
        return Sent("GET", f"/matomo.php?{_query(draw, _matomo(draw, site, inner))}", headers)
    if what < 0.90:
        requests = ["?" + _query(draw, _matomo(draw, site, inner)), _matomo(draw, site, inner)]
        return Sent("POST", "/matomo.php", headers, holed(draw, {"requests": requests}, 0.5))
    if what < 0.93:
        return Sent("POST", "/piwik.php", headers, _query(draw, _matomo(draw, site, inner)).encode())
    fields = {
        "k": key,
        "v": f"f{draw.randrange(50)}",
        "u": "u1",
        "e": draw.choice(NAMES),
        "url": "https://s.example/",
    }
    return Sent(
        "GET", f"/t.gif?{_query(draw, {**fields, 'p.price': '5', 'id': f'x{draw.random()}'})}", headers
    )
