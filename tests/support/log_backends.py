"""The event log's backends, for tests that run on each of them."""

from itertools import count

import pytest

topics = count()


@pytest.fixture(
    params=[
        "memory",
        pytest.param("redis", marks=pytest.mark.redis),
        pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.slow]),
    ]
)
def log_url(request: pytest.FixtureRequest) -> str:
    """An empty log of four partitions, each test's own."""
    if request.param == "redis":
        return request.getfixturevalue("redis_url") + "?lease=1"
    if request.param == "kafka":
        return request.getfixturevalue("kafka_url") + f"/events-{next(topics)}?session=2"
    return "memory://"
