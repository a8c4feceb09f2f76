"""MovieLens 100K, where it is installed: the factors are worth at least bare implicit's."""

import pytest

from bench import movielens


@pytest.mark.slow
def test_as_good_as_bare_implicit() -> None:
    file = movielens.data()
    if file is None:
        pytest.skip("no MovieLens 100K: pip install --no-deps recbole")
    ours, bare = movielens.compare(file, 64)
    assert ours >= bare
