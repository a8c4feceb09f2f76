"""What a backup looks like on disk: whole or not there."""

from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dangol.archive.archive import MANIFEST, Archive, BackupInvalid, finished, newest, read, verified


def made(dest: Path, at: int = 1_000, **files: bytes) -> Path:
    archive = Archive(dest, at)
    for name, content in files.items():
        archive.add_lasting(f"warehouse/{name}", lambda content=content: BytesIO(content))
    return archive.finish("embedded", "embedded")


def test_a_finished_backup_verifies_and_belongs_to_its_owner_only(tmp_path: Path) -> None:
    folder = made(tmp_path, a=b"one", b=b"")
    assert verified(folder).files.keys() == {"warehouse/a", "warehouse/b"}
    for path in (folder, *folder.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_the_newest_is_taken_and_one_of_the_same_second_has_another_name(tmp_path: Path) -> None:
    first, second, third = made(tmp_path, 1_000), made(tmp_path, 1_000), made(tmp_path, 60_000)
    assert len({first, second, third}) == 3
    assert newest(tmp_path) == third
    assert newest(first) == first
    assert finished(tmp_path)[0] == third


def test_an_interrupted_one_is_no_backup_and_goes_with_the_next(tmp_path: Path) -> None:
    archive = Archive(tmp_path, 1_000)
    archive.add("files/sites.json", lambda: BytesIO(b"[]"))
    for source in (tmp_path, archive.folder):
        with pytest.raises(BackupInvalid, match="no finished backup"):
            newest(source)
    (archive.folder / MANIFEST).write_bytes(b'{"at": 1')  # the very last moment
    with pytest.raises(BackupInvalid, match="interrupted"):
        newest(archive.folder)
    made(tmp_path)
    assert not archive.folder.exists()


def test_what_did_not_change_is_shared_with_the_last_backup_unless_that_is_damaged(tmp_path: Path) -> None:
    first = made(tmp_path, 1_000, a=b"same", b=b"same too", c=b"old")
    (first / "warehouse/b").write_bytes(b"damaged!")
    second = made(tmp_path, 2_000, a=b"same", b=b"same too")
    assert (first / "warehouse/a").samefile(second / "warehouse/a")
    assert (second / "warehouse/b").read_bytes() == b"same too"
    assert verified(second).files.keys() == {"warehouse/a", "warehouse/b"}


@given(
    files=st.dictionaries(st.sampled_from("abcdef"), st.binary(min_size=1, max_size=50), min_size=1),
    choice=st.randoms(use_true_random=False),
)
def test_any_damage_is_found(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes], choice
) -> None:
    folder = made(tmp_path_factory.mktemp("backups"), **files)
    name = choice.choice(sorted(files))
    path, content = folder / "warehouse" / name, files[name]
    at = choice.randrange(len(content))
    damage = choice.choice(("cut", "flip", "grow", "gone"))
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:at])
    elif damage == "grow":
        path.write_bytes(content + b"\0")
    else:
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(BackupInvalid, match=f"warehouse/{name} is missing or damaged"):
        verified(folder)


def test_a_manifest_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"one")
    folder = made(tmp_path, a=b"one")
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace("warehouse/a", "../secret"))
    with pytest.raises(BackupInvalid, match="leads out"):
        verified(folder)


def test_a_manifest_of_another_format_or_damaged_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path)
    text = (folder / MANIFEST).read_text()
    (folder / MANIFEST).write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(BackupInvalid, match="format 2"):
        read(folder)
    (folder / MANIFEST).write_text(text[:20])
    with pytest.raises(BackupInvalid, match="cannot be read"):
        newest(folder)
        read(folder)
