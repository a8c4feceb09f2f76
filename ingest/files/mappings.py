"""Which column is which field, as somebody said it once for files with this header."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec

from ingest.files.rows import FileInvalid
from tracker.disk import write

MAPPINGS = "import-mappings.json"
"""The file's name in the data folder."""

_Kept = dict[str, dict[str, str]]


class Mappings:
    """Kept in one JSON file, by site, kind of import and header."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def get(self, site: str, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Column → field; empty when nothing was said."""
        return self._read().get(_key(site, kind, names), {})

    def put(self, site: str, kind: str, names: Sequence[str], mapping: Mapping[str, str]) -> None:
        """Keep it for the next file with this header. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        kept = {**self._read(), _key(site, kind, names): dict(mapping)}
        write(self._path, msgspec.json.format(msgspec.json.encode(kept)))

    def _read(self) -> _Kept:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return {}
        except msgspec.DecodeError as error:
            raise FileInvalid(f"{self._path}: {error}; remove it, and name the columns again") from error


def _key(site: str, kind: str, names: Sequence[str]) -> str:
    header = blake2b("\0".join(names).encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{site}/{kind}/{header}"
