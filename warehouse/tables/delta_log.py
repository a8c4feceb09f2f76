"""A table's Delta log as it lies on disk: its commits and checkpoints, sound, broken or missing."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import pyarrow.compute as pc
import pyarrow.parquet as pq

from warehouse.tables.damage import UNREADABLE, Damage, short
from warehouse.tables.durable import LOG, checkpoint_of, checksum_of, commit_of, newest, sums

ACTIONS = frozenset({"add", "remove", "metaData", "protocol", "txn", "commitInfo", "cdc", "domainMetadata"})

_NUMBERED = re.compile(r"(\d{20})\.(json|checkpoint\.parquet)")


class DeltaLog:
    """A table's ``_delta_log`` as it lies on disk, whatever state it is in."""

    def __init__(self, root: Path) -> None:
        self.root, self.known = root, sums(root)
        self.commits: set[int] = set()
        self.checkpoints: set[int] = set()
        for path in (root / LOG).iterdir() if (root / LOG).is_dir() else ():
            if match := _NUMBERED.fullmatch(path.name):
                (self.commits if match[2] == "json" else self.checkpoints).add(int(match[1]))
        self.broken = {version: why for version in self.commits if (why := self._commit_broken(version))}
        self.broken_checkpoints = {
            version: why for version in self.checkpoints if (why := self._checkpoint_broken(version))
        }

    @property
    def last(self) -> int:
        """The newest version that there is or was; -1 for none."""
        return max(*self.commits, *self.checkpoints, newest(self.known), -1, -1)

    @property
    def first(self) -> int:
        """The first commit that is needed: 0, or the one after the oldest sound checkpoint where older ones went."""
        if 0 in self.commits:
            return 0
        sound = self.checkpoints - self.broken_checkpoints.keys()
        return min(sound) + 1 if sound else min(self.commits, default=0)

    @property
    def begun(self) -> bool:
        """Whether something tells the table's columns: a sound commit 0, or a sound checkpoint."""
        known = (
            0 in self.commits and 0 not in self.broken
        ) or self.checkpoints - self.broken_checkpoints.keys()
        return bool(known)

    @property
    def missing(self) -> list[int]:
        return [version for version in range(self.first, self.last + 1) if version not in self.commits]

    @property
    def hint_broken(self) -> bool:
        """Whether ``_last_checkpoint`` says something wrong."""
        path = self.root / LOG / "_last_checkpoint"
        if not path.exists():
            return False
        try:
            return int(json.loads(path.read_bytes())["version"]) not in self.checkpoints
        except (*UNREADABLE, TypeError):
            return True

    def damage(self) -> list[Damage]:
        name = self.root.name
        found = [Damage(name, "commit", commit_of(at), why) for at, why in sorted(self.broken.items())]
        found += [Damage(name, "commit", commit_of(at), "is missing") for at in self.missing]
        found += [
            Damage(name, "checkpoint", checkpoint_of(at), why)
            for at, why in sorted(self.broken_checkpoints.items())
        ]
        if not self.begun and self.last >= 0:
            found.append(Damage(name, "commit", LOG, "has lost its beginning"))
        if self.hint_broken:
            found.append(Damage(name, "checkpoint", f"{LOG}/_last_checkpoint", "cannot be read"))
        return found

    def named(self, action: Literal["add", "remove"]) -> set[str]:
        """The paths of all files that sound commits and checkpoints add, or remove."""
        found: set[str] = set()
        for version in self.commits - self.broken.keys():
            for line in _actions(self.root / commit_of(version)):
                if action in line:
                    found.add(unquote(line[action]["path"]))
        for version in self.checkpoints - self.broken_checkpoints.keys():
            rows = pq.ParquetFile(self.root / checkpoint_of(version)).read(columns=[f"{action}.path"])
            paths = pc.struct_field(rows[action].combine_chunks(), "path").drop_null().to_pylist()
            found |= {unquote(path) for path in paths}
        return found

    def _commit_broken(self, version: int) -> str:
        path = self.root / commit_of(version)
        try:
            if not path.stat().st_size:
                return "is empty"
            list(_actions(path))
            known = self.known.get(commit_of(version))
            return "is not as it was written" if known not in (None, checksum_of(path)) else ""
        except FileNotFoundError:
            return ""  # cleaned up meanwhile
        except UNREADABLE as error:
            return f"cannot be read: {short(error)}"

    def _checkpoint_broken(self, version: int) -> str:
        path = self.root / checkpoint_of(version)
        try:
            known = self.known.get(checkpoint_of(version))
            if known not in (None, checksum_of(path)):
                return "is not as it was written"
            has = pq.ParquetFile(path).read()["metaData"].combine_chunks()
            return "" if has.null_count < len(has) else "tells of no table"
        except FileNotFoundError:
            return ""
        except UNREADABLE as error:
            return f"cannot be read: {short(error)}"


def _actions(path: Path) -> Iterator[dict[str, Any]]:
    """The actions of a commit. Raises ValueError, OSError."""
    for line in path.read_bytes().splitlines():
        action = json.loads(line)
        if not isinstance(action, dict) or not ACTIONS & action.keys():
            raise ValueError(f"no action of Delta's: {line[:40]!r}")
        yield action
