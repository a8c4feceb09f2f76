"""A site's parameters: one file, read by training and by serving, written by tuning."""

import logging
from pathlib import Path

import pytest
from click.testing import CliRunner

from dangol.cli import main
from recommender.catalogue.catalogue import Catalogue
from recommender.data.params import Params, Weights
from recommender.data.params_file import ParamsFile, ParamsInvalid
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from recommender.serving.request import Recommendations, SlotRequest
from recommender.training.train import train
from tests.support.catalogue_documents import parse_items
from tests.support.machine import Clock
from tests.support.recommender_histories import MemoryItems, TableHistory, shop_history, shop_items


def test_what_differs_is_written_and_read_back(tmp_path: Path) -> None:
    file = ParamsFile(tmp_path / "s" / "params.toml")
    assert file.read() == Params()
    params = Params(
        factors=16,
        alpha=1e-5,
        rebuy_days=(10.0, 20.0),
        rebuy_categories=("tea", 'a "quoted" one'),
        weights=Weights(view=0.5),
    )
    file.write(params)
    assert file.read() == params
    assert file.path.read_text().count("\n") == 7, "only what differs"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("factor = 3", "no parameter 'factor'"),
        ("[weights]\nviews = 1.0", "no parameter 'views'"),
        ("factors = 'many'", "factors"),
        ("weights = 3", "weights"),
        ("factors = ", "params.toml"),
        ("factors = " + "[" * 3_000, "params.toml"),
        ("factors = " + "9" * 5_000, "params.toml"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, text: str, said: str) -> None:
    file = ParamsFile(tmp_path / "params.toml")
    file.path.write_text(text)
    with pytest.raises(ParamsInvalid, match=said):
        file.read()


def test_training_and_serving_go_by_the_file(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    registry.params.write(Params(factors=3, explore=0.0))
    card = train("s", TableHistory(shop_history(50)), registry, clock=clock)
    assert (card.params.factors, card.factors) == (3, 3)
    catalogue = Catalogue(MemoryItems(), every=0)
    catalogue.put(parse_items([*shop_items(), {"id": "never-seen"}]))
    recommender = Recommender(registry, catalogue, clock=clock)

    def explores() -> bool:
        rows = [recommender.recommend(recommender.visitor(None), SlotRequest(limit=8)) for _ in range(100)]
        return any(
            pick.id == "never-seen" for row in rows if isinstance(row, Recommendations) for pick in row.items
        )

    assert not explores()
    registry.params.write(Params(factors=3, explore=0.1))
    clock.advance(2)
    assert explores(), "a switch needs no restart"
    registry.params.path.write_text("explore = 'often'")
    clock.advance(2)
    with caplog.at_level(logging.ERROR):
        assert explores(), "what held before stays"
    assert "explore" in caplog.text


def clicks(folder: Path, name: str, visitors: int, seed: int) -> Path:
    table = shop_history(visitors, seed)
    path = folder / name
    columns = zip(*(table[column].to_pylist() for column in ("session", "product", "ts")), strict=True)
    path.write_text("session,item,time\n" + "\n".join(",".join(map(str, row)) for row in columns))
    return path


def test_tune_writes_what_the_next_training_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path / "data"))
    file = clicks(tmp_path, "clicks.csv", 700, 7)
    registry = ModelRegistry(tmp_path / "data" / "models", "default")
    start = Params(iterations=1, judged_cases=300, session_half_life_days=0.001, session_distance=9.0)
    registry.params.write(start)
    dry = CliRunner().invoke(main, ["tune", "--from", str(file), "--minutes", "0.01", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert registry.params.read() == start
    done = CliRunner().invoke(main, ["tune", "--from", str(file), "--minutes", "0.5"])
    assert done.exit_code == 0, done.output
    assert "nothing" in done.output, "each trial is told as it ends"
    assert registry.params.read() != start
    table = (registry.folder / "tuning.md").read_text()
    assert table.startswith("| changed | HR@20 | MRR@20 | seconds |") and table in done.output
    best = table.splitlines()[2]
    assert all(
        f"{name} {getattr(registry.params.read(), name):g}" in best
        for name in _changed(start, registry.params.read())
    )
    few = clicks(tmp_path, "few.csv", 3, 7)
    refused = CliRunner().invoke(main, ["tune", "--from", str(few)])
    assert refused.exit_code == 1
    assert "too few sessions" in refused.output


def _changed(one: Params, other: Params) -> list[str]:
    return [name for name in Params.__struct_fields__ if getattr(one, name) != getattr(other, name)]
