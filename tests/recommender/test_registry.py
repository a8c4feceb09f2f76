"""The registry: atomic publish, hot swap, rollback, retention, and models that cannot be read."""

import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from recommender.data.interactions import read
from recommender.data.params import Params
from recommender.model.model import FORMAT, Model, ModelUnusable, warm
from recommender.model.registry import ModelRegistry
from recommender.training.train import train
from tests.support.machine import Clock
from tests.support.recommender_histories import TableHistory, shop_history


def made(registry: ModelRegistry, clock: Clock, visitors: int = 20) -> str:
    """A version that serves, whatever the gate says: no visits are newer."""
    clock.advance(60)
    card = train("a/b", TableHistory(shop_history(visitors)), registry, Params(iterations=2), clock)
    if not card.accepted:
        registry.publish(card.version)
    return card.version


def settled(registry: ModelRegistry, version: str) -> bool:
    """Does the registry serve ``version`` soon?"""
    for _ in range(200):
        model = registry.live()
        if model and model.card.version == version:
            return True
        time.sleep(0.01)
    return False


def test_a_saved_model_reads_the_same(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "a/b", clock=clock)
    assert registry.live() is None
    version = made(registry, clock)
    assert registry.folder.parent == tmp_path, "a site's name is no path"
    model = registry.live()
    assert model is not None
    assert model.card.version == version
    assert model.items == read(shop_history(20)).items
    assert not model.factors.vectors.flags.writeable, "mapped, shared by the workers"
    assert not list(tmp_path.rglob("*.pkl"))
    assert not list(registry.folder.glob(".draft*"))
    np.testing.assert_allclose(np.diff(model.near.starts).sum(), len(model.near.items))


def test_a_new_version_is_swapped_in_while_the_old_one_answers(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "a/b", clock=clock)
    first = made(registry, clock)
    assert settled(registry, first)
    second = made(registry, clock, 30)
    seen = {registry.live().card.version for _ in range(3)}  # type: ignore[union-attr]
    assert seen <= {first, second}
    clock.advance(2)
    assert settled(registry, second)


def harmed(folder: Path, harm: str, other: Path) -> None:
    """Break the model in ``folder``; ``other`` holds a smaller one."""
    manifest, vectors = folder / "model.json", folder / "factors.vectors.npy"
    match harm:
        case "truncated":
            vectors.write_bytes(vectors.read_bytes()[:-10])
        case "a file longer than said":
            (folder / "items.json").write_bytes((folder / "items.json").read_bytes() + b" ")
        case "mixed with another":
            vectors.write_bytes((other / vectors.name).read_bytes())
        case "no array, as long as one":
            vectors.write_bytes(b"x" * vectors.stat().st_size)
        case "a part missing":
            (folder / "items.json").unlink()
        case "another format":
            raw = msgspec.json.decode(manifest.read_bytes())
            manifest.write_bytes(msgspec.json.encode({**raw, "format": FORMAT + 1}))
        case "no manifest":
            manifest.unlink()
        case _:
            manifest.write_bytes(b"{")


HARMS = (
    "truncated",
    "a file longer than said",
    "mixed with another",
    "no array, as long as one",
    "a part missing",
    "another format",
    "no manifest",
    "half a manifest",
)


@pytest.mark.parametrize("harm", HARMS)
def test_an_unreadable_model_leaves_the_previous_one_serving(
    tmp_path: Path, clock: Clock, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry = ModelRegistry(tmp_path, "a/b", clock=clock)
    first = made(registry, clock)
    assert settled(registry, first)
    second = made(registry, clock, 30)
    versions = registry.folder / "versions"
    harmed(versions / second, harm, versions / first)
    for _ in range(20):
        clock.advance(2)
        model = registry.live()
        assert model is not None
        assert model.card.version == first
        time.sleep(0.005)
    for thread in threading.enumerate():
        if thread.name == "model-swap":
            thread.join()
    taken = [record.message for record in caplog.records if "model not taken" in record.message]
    assert len(taken) == 1, "said once, not each second"
    with pytest.raises(ModelUnusable):
        registry.publish(second)
    assert ModelRegistry(tmp_path, "a/b", clock=clock).live() is None, "nor does a new process die of it"
    assert first in [card.version for card in registry.cards()], "nor the list of versions"
    assert registry.live_version() == second
    third = made(registry, clock)
    assert settled(registry, third), "the next training goes on"


def test_rollback_and_retention(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "a/b", keep=3, clock=clock)
    versions = [
        made(registry, clock, 5 * 3**number) for number in range(5)
    ]  # each knows twice as much and more
    assert [card.version for card in registry.cards()] == versions[:1:-1]
    assert registry.rollback() == versions[3]
    assert registry.live_version() == versions[3]
    assert registry.rollback() == versions[2]
    assert registry.rollback() is None


def test_versions_of_one_second_differ(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    one = train("s", TableHistory(shop_history(5)), registry, Params(iterations=1), clock).version
    two = train("s", TableHistory(shop_history(5)), registry, Params(iterations=1), clock).version
    assert one < two


def test_readers_never_miss_a_model_during_publishing(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path, "s", every=0)
    train("s", TableHistory(shop_history(5)), registry, Params(iterations=1))
    reader = ModelRegistry(tmp_path, "s", every=0)
    missed, done = [], threading.Event()

    def read_on() -> None:
        while not done.is_set():
            if reader.live() is None:
                missed.append(1)

    thread = threading.Thread(target=read_on)
    thread.start()
    for _ in range(10):
        train("s", TableHistory(shop_history(5)), registry, Params(iterations=1))
    done.set()
    thread.join()
    assert not missed


def test_a_new_version_is_made_ready_before_it_serves(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = ModelRegistry(tmp_path, "a/b", clock=clock)
    first = made(registry, clock)
    assert settled(registry, first)
    readied: list[tuple[str, str, int]] = []

    def warmed(model: Model) -> None:
        warm(model)
        live = registry.live()
        assert live is not None
        kept = len(model.sessions._cache)
        readied.append((model.card.version, live.card.version, kept))

    monkeypatch.setattr("recommender.model.registry.warm", warmed)
    second = made(registry, clock, 30)
    clock.advance(2)
    assert settled(registry, second)
    assert [(version, live) for version, live, _ in readied] == [(second, first)]
    assert readied[0][2] == 3, "what sessions need of their own is there"
