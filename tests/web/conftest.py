from collections.abc import Iterator

import pytest

from tests.support.web_stage import close_stages


@pytest.fixture(autouse=True)
def closed_stages() -> Iterator[None]:
    yield
    close_stages()
