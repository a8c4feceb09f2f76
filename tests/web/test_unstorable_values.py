"""Values that no store can hold, sent to the APIs for items, campaigns, segments, decisions and Gorse's clients."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis

HOSTILE = {
    "2^64": "18446744073709551616",
    "below": "-9223372036854775809",
    "5000 digits": "9" * 5_000,
    "4000 digits": "9" * 4_000,
    "1e400": "1e400",
    "NUL": '"a\\u0000b"',
    "half a pair": '"a\\ud83d"',
    "deep": "[" * 300 + "]" * 300,
    "deeper": '{"a":' * 900 + "1" + "}" * 900,
    "endless": "[" * 20_000,
    "keys": "{" + ",".join(f'"{number}":1' for number in range(700)) + "}",
    "long key": '{"' + "k" * 5_000 + '":1}',
}
CREATIVE = '{{"id":"a","kind":"html","content":"x","weight":{v},"items":{v}}}'
REQUESTS = [
    ("PUT", "/v1/items", '[{{"id":"i1","further":{v}}}]'),
    ("PUT", "/v1/items", '{{"items":[{{"id":{v},"price":{v}}}]}}'),
    ("PUT", "/v1/items/i1", '{{"further":{v}}}'),
    ("PUT", "/v1/items/i1", '{{"price":{v}}}'),
    ("PUT", "/v1/items/i1", "{v}"),
    ("PUT", "/v1/campaigns/c1", '{{"name":"N","slots":["s"],"priority":{v},"creatives":[' + CREATIVE + "]}}"),
    (
        "PUT",
        "/v1/campaigns/c1",
        '{{"name":{v},"slots":{v},"budget":{v},"caps":{v},"creatives":{v},"start":{v}}}',
    ),
    ("PUT", "/v1/segments/s1", '{{"name":{v},"audience":{v}}}'),
    (
        "POST",
        "/v1/personalize",
        '{{"visitor":"v1","slots":[{{"id":"s","kind":"items","limit":{v},"exclude":{v}}}]}}',
    ),
    (
        "POST",
        "/v1/personalize",
        '{{"visitor":"v1","page":{{"item":{v}}},"slots":[{{"id":"s","kind":"offer","x":{v}}}]}}',
    ),
    ("POST", "/api/item", '{{"ItemId":"g1","Labels":{v},"Categories":["c"]}}'),
    ("POST", "/api/items", '[{{"ItemId":"g1","Labels":{v}}}]'),
    ("PATCH", "/api/item/g1", '{{"Labels":{v}}}'),
    ("POST", "/api/user", '{{"UserId":"u1","Labels":{v}}}'),
    (
        "POST",
        "/api/feedback",
        '[{{"FeedbackType":"read","UserId":"u1","ItemId":"g1","Value":{v},"Timestamp":{v}}}]',
    ),
]
READ = (
    "/v1/items",
    "/v1/items/i1",
    "/v1/campaigns",
    "/v1/segments",
    "/api/item/g1",
    "/api/items",
    "/api/user/u1",
)


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Iterator[Stage]:
    yield stage_of(tmp_path / "stage", redis_url, site, clock)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_api_fails_of_a_value_that_no_store_can_hold(stage: Stage, name: str) -> None:
    client = FlaskClient(stage.app)  # what is sent is not as described
    for method, path, body in REQUESTS:
        sent = body.format(v=HOSTILE[name]).encode()
        status = client.open(path, method=method, data=sent, headers=KEY).status_code
        assert status < 500, (method, path, body, name)
        for other in READ:
            assert client.get(other, headers=KEY).status_code < 500, (path, other, name)


KEY = {"Authorization": "Bearer sk_test", "X-API-Key": "sk_test"}


def test_what_an_item_tells_keeps_its_meaning(stage: Stage) -> None:
    sent = b'{"big":18446744073709551616,"bigger":1e400,"deep":' + b"[" * 40 + b"1" + b"]" * 40 + b"}"
    client = FlaskClient(stage.app)
    assert client.put("/v1/items/i1", data=sent, headers=KEY).status_code == 200
    told = client.get("/v1/items/i1", headers=KEY).json
    assert (told["big"], told["bigger"]) == ("18446744073709551616", "1e400")
    deep, levels = told["deep"], 0
    while isinstance(deep, list):
        deep, levels = deep[0], levels + 1
    while isinstance(each := json.loads(deep) if isinstance(deep, str) else deep, list):
        deep, levels = each[0], levels + 1
    assert (deep, levels) == (1, 40)
