"""The model: all that serving needs beside the live profile, stored as one folder of .npy and .json files."""

import dataclasses
import mmap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from recommender.algorithms.ann import Ann
from recommender.algorithms.associations import Rules, Substitutes
from recommender.algorithms.content import Content
from recommender.algorithms.cooccurrence import Neighbours
from recommender.algorithms.factors import Factors
from recommender.algorithms.popularity import Popularity
from recommender.algorithms.rebuy import Rebuy
from recommender.algorithms.session_knn import SessionIndex
from recommender.model.card import Card

FORMAT = 2
"""Raised whenever the meaning of a file changes: an older process then keeps the model it has."""
ANN_FILE = "factors.usearch"


class ModelUnusable(Exception):
    """A model folder that cannot serve: truncated, of another format, or damaged. Train again, or roll back."""


class Manifest(msgspec.Struct, frozen=True):
    """What must be in the folder: file name → bytes."""

    format: int
    files: dict[str, int]
    card: Card


@dataclass(frozen=True, slots=True)
class Model:
    """All parts name items by code; ``index`` is the code of each item id."""

    card: Card
    items: tuple[str, ...]
    index: Mapping[str, int]
    factors: Factors
    sessions: SessionIndex
    together: Neighbours  # bought in one order
    near: Neighbours  # looked at in one session
    substitutes: Substitutes  # which of two near items was taken
    with_it: Rules  # the evidence of what is bought together
    after_it: Rules  # what is bought in a later order
    after_category: Rules  # and the same of categories, by their place in ``categories``
    popularity: Popularity
    rebuy: Rebuy
    content: Content  # for items that are not in the model
    categories: tuple[str, ...] = ()

    @property
    def blend(self) -> Mapping[str, float]:
        """Fitted weights of the blend; empty when there was too little to fit them on."""
        return self.card.blend


PARTS: Mapping[str, Any] = {
    "factors": Factors,
    "sessions": SessionIndex,
    "together": Neighbours,
    "near": Neighbours,
    "substitutes": Substitutes,
    "with_it": Rules,
    "after_it": Rules,
    "after_category": Rules,
    "popularity": Popularity,
    "rebuy": Rebuy,
}


def save(model: Model, folder: Path) -> None:
    """Write every part into ``folder``, the manifest last."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.json").write_bytes(msgspec.json.encode(model.items))
    (folder / "categories.json").write_bytes(msgspec.json.encode(model.categories))
    (folder / "content.json").write_bytes(msgspec.json.encode(model.content.traits))
    np.save(folder / "content.vectors.npy", model.content.vectors, allow_pickle=False)
    for part, kind in PARTS.items():
        for name in _arrays(kind):
            array = np.ascontiguousarray(getattr(getattr(model, part), name))
            np.save(folder / f"{part}.{name}.npy", array, allow_pickle=False)
    if model.factors.ann is not None:
        model.factors.ann.save(folder / ANN_FILE)
    files = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    manifest = Manifest(FORMAT, files, model.card)
    (folder / "model.json").write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))


def load(folder: Path) -> Model:
    """The model in ``folder``, its arrays mapped rather than read, so that workers share them. Raises ModelUnusable."""
    manifest = read_manifest(folder)
    for name, size in manifest.files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise ModelUnusable(f"{path}: missing or not {size} bytes long")
    try:
        items = msgspec.json.decode((folder / "items.json").read_bytes(), type=tuple[str, ...])
        categories = msgspec.json.decode((folder / "categories.json").read_bytes(), type=tuple[str, ...])
        traits = msgspec.json.decode((folder / "content.json").read_bytes(), type=tuple[str, ...])
        content = Content(traits, np.load(folder / "content.vectors.npy", allow_pickle=False))
        parts = {part: kind(**_mapped(folder, part, kind)) for part, kind in PARTS.items()}
        if ANN_FILE in manifest.files:
            parts["factors"] = dataclasses.replace(parts["factors"], ann=Ann.load(folder / ANN_FILE))
    except (OSError, ValueError) as error:
        raise ModelUnusable(f"{folder}: {error}") from error
    index = dict(zip(items, range(len(items)), strict=True))
    return Model(manifest.card, items, index, **parts, content=content, categories=categories)


def warm(model: Model) -> None:
    """Read every page of the mapped arrays and fill the caches, so that the first request does not wait for it.

    The long steps let other threads run.
    """
    for part in (getattr(model, name) for name in PARTS):
        for name in _arrays(type(part)):
            pages = getattr(part, name).reshape(-1).view(np.uint8)[:: mmap.PAGESIZE]
            np.bitwise_or.reduce(pages)
    model.sessions.prepare(model.card.params)


def read_manifest(folder: Path) -> Manifest:
    """Raises ModelUnusable when it is absent, damaged or of another format."""
    try:
        raw = (folder / "model.json").read_bytes()
        version = msgspec.json.decode(raw, type=_Format).format
        if version != FORMAT:
            raise ModelUnusable(f"{folder}: format {version}, this version reads {FORMAT}: train again")
        return msgspec.json.decode(raw, type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelUnusable(f"{folder}: {error}") from error


class _Format(msgspec.Struct):
    format: int


def _arrays(kind: Any) -> list[str]:
    """The fields that are arrays, each kept in a file of its own."""
    fields = dataclasses.fields(kind)
    return [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]


def _mapped(folder: Path, part: str, kind: Any) -> dict[str, np.ndarray]:
    # Viewed as a plain array: np.memmap's own indexing is several times slower.
    return {
        name: np.load(folder / f"{part}.{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
        for name in _arrays(kind)
    }
