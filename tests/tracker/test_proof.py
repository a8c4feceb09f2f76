"""A proof is the site's word that this is its customer: on every protocol, and never the client's own word."""

import hmac
import json
import shutil
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from tests.support.machine import ROOT
from tracker.admission.proof import proof_of
from tracker.event import Event, decode, encode
from tracker.http.request import Request
from tracker.protocols import matomo, pixel, segment, snowplow
from tracker.protocols.rejected_event import Collected
from tracker.sites import Site

NOW = 1_795_000_000_000
SITE = Site(id="shop", write_key="wk", secret_key="sk_우리", former_secret_key="sk_old", former_until=NOW)
USER = "손님-42"
GOOD = hmac.new("sk_우리".encode(), USER.encode(), "sha256").hexdigest()

Collect = Callable[[Site, str, Any], Event]


def _segment(site: Site, key: str, proof: Any, **more: Any) -> Event:
    body = {
        "type": "identify",
        "userId": USER,
        "anonymousId": "a1",
        "context": {"proof": proof},
        "proven": True,
    }
    return _posted(site, key, "/v1/identify", {**body, **more})


def _batched(site: Site, key: str, proof: Any) -> Event:
    item = {"type": "track", "event": "Product Viewed", "userId": USER, "anonymousId": "a1", "proven": True}
    return _posted(site, key, "/v1/batch", {"context": {"proof": proof}, "batch": [item]})


def _posted(site: Site, key: str, path: str, body: dict[str, Any]) -> Event:
    request = Request("POST", path, "", json.dumps({**body, "writeKey": key}).encode(), NOW)
    collected = segment.collect(
        request, lambda given: site if given in (site.write_key, site.secret_key) else None
    )
    assert isinstance(collected, Collected), collected
    return collected.events[0]


def _pixel(site: Site, key: str, proof: Any) -> Event:
    query = urlencode({"k": key, "v": "a1", "u": USER, "proof": str(proof), "proven": "1", "p.proven": "1"})
    hit = pixel.collect(Request("GET", "/t.gif", query, b"", NOW), lambda _: site)
    assert isinstance(hit, pixel.Hit), hit
    return hit.event


def _snowplow(site: Site, key: str, proof: Any) -> Event:
    entity = {"schema": "iglu:dangol/proof/jsonschema/1-0-0", "data": {"proof": proof, "proven": True}}
    context = json.dumps({"schema": "iglu:x/contexts/jsonschema/1-0-0", "data": [entity]})
    query = urlencode({"aid": key, "e": "pv", "duid": "a1", "uid": USER, "co": context, "proven": "true"})
    collected = snowplow.collect(Request("GET", "/i", query, b"", NOW), lambda _: site)
    assert isinstance(collected, snowplow.SnowplowPayload), collected
    return collected.collected.events[0]


def _matomo(site: Site, key: str, proof: Any) -> Event:
    said = {
        "idsite": "1",
        "rec": "1",
        "_id": "0123456789abcdef",
        "uid": USER,
        "proof": str(proof),
        "proven": "1",
    }
    if key != site.write_key:
        said["token_auth"] = key
    find = matomo.Finders(lambda _: site, lambda *_: "~")
    collected = matomo.collect(Request("GET", "/matomo.php", urlencode(said), b"", NOW), find)
    assert isinstance(collected, matomo.MatomoPayload), collected
    return collected.collected.events[0]


PROTOCOLS: dict[str, Collect] = {
    "segment": _segment,
    "segment batch": _batched,
    "pixel": _pixel,
    "snowplow": _snowplow,
    "matomo": _matomo,
}


@pytest.fixture(params=PROTOCOLS)
def collect(request: pytest.FixtureRequest) -> Collect:
    return PROTOCOLS[request.param]


def test_the_secret_key_and_a_good_proof_prove_it(collect: Collect) -> None:
    assert proof_of(SITE.secret_key, USER) == GOOD
    for event in (collect(SITE, SITE.secret_key, None), collect(SITE, "wk", GOOD)):
        assert (event.user, event.proven) == (USER, True)
        assert GOOD not in encode(event).decode(), "the proof itself goes no further"
        assert decode(encode(event)).proven


@pytest.mark.parametrize(
    "proof",
    [
        *(None, "", True, 1, [], {}, ["x"], "0" * 64, "\ud800" * 64, "é" * 64),
        *(GOOD.upper(), GOOD[:-1], f"{GOOD} ", GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1")),
        *(
            proof_of("sk_우리", "customer-1"),
            proof_of("wk", USER),
            proof_of("", USER),
            proof_of("sk_old", USER),
        ),
    ],
)
def test_whatever_else_is_a_claim(collect: Collect, proof: Any) -> None:
    if isinstance(proof, str) and "\ud800" in proof and collect is not _snowplow:
        proof = "\ufffd" * 64  # no client can send half a character there
    event = collect(SITE, "wk", proof)
    assert (event.user, event.proven) == (USER, False)
    assert b"proven" not in encode(event) or b'"proven":true' not in encode(event)


def test_a_site_may_trust_every_page(collect: Collect) -> None:
    assert collect(msgspec.structs.replace(SITE, identity="trusting"), "wk", None).proven


def test_proofs_of_the_key_before_count_for_a_while(collect: Collect) -> None:
    old = proof_of("sk_old", USER)
    assert not collect(SITE, "wk", old).proven
    assert collect(msgspec.structs.replace(SITE, former_until=NOW + 1), "wk", old).proven
    nobody = msgspec.structs.replace(SITE, former_secret_key="", former_until=NOW + 1)
    assert not collect(nobody, "wk", proof_of("", USER)).proven


def test_a_proof_renames_nobody_else() -> None:
    """It is its customer's: which other id was theirs, only the site's server can say."""
    alias = {"type": "alias", "anonymousId": "a1", "previousId": "customer-1"}
    proven = _segment(SITE, "wk", GOOD)
    assert proven.proven
    for key, proof, previous in (("wk", GOOD, None), (SITE.secret_key, None, "customer-1")):
        event = _posted(SITE, key, "/v1/alias", {**alias, "userId": USER, "context": {"proof": proof}})
        assert (event.proven, event.props.get("previousId")) == (True, previous)


def test_an_event_of_an_earlier_release_is_a_claim() -> None:
    event = decode(
        b'{"site":"s","id":"1","type":"page","ts":1,"received":1,"source":"api","visitor":"a","user":"u"}'
    )
    assert not event.proven


LINES = {
    "php": "hash_hmac('sha256', $id, $secretKey)",
    "python": 'hmac.new(secret_key.encode(), id.encode(), "sha256").hexdigest()',
    "node": "crypto.createHmac('sha256', secretKey).update(id).digest('hex')",
    "ruby": "OpenSSL::HMAC.hexdigest('SHA256', secret_key, id)",
}
RUN = {
    "php": ["php", "-r", "[$_, $secretKey, $id] = $argv; echo LINE;", "--"],
    "node": [
        "node",
        "-e",
        "const crypto = require('crypto'), [, secretKey, id] = process.argv; console.log(LINE)",
        "--",
    ],
    "ruby": ["ruby", "-ropenssl", "-e", "secret_key, id = ARGV; puts LINE", "--"],
}


@pytest.mark.parametrize("language", LINES)
def test_the_documented_lines_make_a_proof(language: str) -> None:
    line = LINES[language]
    for name in ("README.md", "docs/collecting.md"):
        assert line in (ROOT / name).read_text("utf-8")
    if language == "python":
        assert eval(line, {"hmac": hmac, "secret_key": SITE.secret_key, "id": USER}) == GOOD
        return
    if shutil.which(language) is None:
        pytest.skip(f"no {language} on PATH: apt-get install it to try its line")
    command = [word.replace("LINE", line) for word in RUN[language]]
    done = subprocess.run([*command, SITE.secret_key, USER], capture_output=True, text=True, timeout=30)
    assert done.stdout.strip() == GOOD, done.stderr
