"""Moves a staged installation to its place. A written plan makes it possible to continue after an interruption."""

import os
import shutil
from pathlib import Path

import msgspec

from dangol.archive.archive import below
from dangol.machine.lock import RESTORING
from tracker.disk import flush

PLAN, DONE = "plan.json", f"{RESTORING}.done"


class Move(msgspec.Struct, frozen=True):
    """``staged`` takes the place of whatever is at ``final``."""

    staged: str
    final: str


class Plan(msgspec.Struct, frozen=True):
    """What is left to do once everything is staged; each step may be done twice."""

    moves: list[Move]
    gone: list[str]


def planned(work: Path) -> bool:
    """Whether a plan waits to be carried out."""
    return (work / PLAN).exists()


def write(plan: Plan, work: Path) -> None:
    """From here on there is no way back: everything that is staged is on the disk."""
    for move in plan.moves:
        _sync_all(Path(move.staged))
    draft = work / f"{PLAN}.draft"
    draft.write_bytes(msgspec.json.encode(plan))
    flush(draft)
    draft.rename(work / PLAN)
    flush(work)


def carry_out(work: Path) -> None:
    """Do what the plan in ``work`` says and is not done yet; then ``work`` goes."""
    plan = msgspec.json.decode((work / PLAN).read_bytes(), type=Plan)
    for name in plan.gone:
        _remove(Path(name))
    for move in plan.moves:
        staged = Path(move.staged)
        if not staged.exists():
            continue  # moved before the interruption
        if "://" in move.final:
            from warehouse.copying import put

            put(staged, move.final)
            _remove(staged)
            continue
        _remove(Path(move.final))
        staged.rename(move.final)
        flush(Path(move.final).parent)
    done = work.parent / DONE
    shutil.rmtree(done, ignore_errors=True)
    work.rename(done)
    flush(work.parent)
    shutil.rmtree(done)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_all(path: Path) -> None:
    for each in below(path) if path.is_dir() else [path]:
        flush(each)
    for folder, _, _ in os.walk(path):
        flush(Path(folder))
