"""Content model: predicts the factors of a new item from its catalogue entry.

Ridge regression from an item's traits (category path, title words, brand, price band) to its factors.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recommender.catalogue.item import Item
from recommender.data.interactions import Floats

RIDGE = 3.0
STEPS = 25  # of conjugate gradients; the ridge makes it converge fast
COMMON = 2  # a trait of fewer items says nothing about others

_WORD = re.compile(r"\w{2,}")


@dataclass(frozen=True, slots=True)
class Content:
    """A vector for each trait; an item's is the mean of its traits' (+ what all items share, trait "")."""

    traits: tuple[str, ...]
    vectors: Floats

    def of(self, items: Sequence[Item]) -> Floats:
        """items × factors; zero for an item of which nothing telling is known."""
        index = {trait: row for row, trait in enumerate(self.traits)}
        placed = np.zeros((len(items), self.vectors.shape[1]), np.float32)
        for row, item in enumerate(items):
            known = [index[trait] for trait in traits(item) if trait in index]
            if known:
                placed[row] = self.vectors[known].sum(axis=0) / np.sqrt(len(known))
        return placed


def traits(item: Item) -> list[str]:
    """What an item has in common with others, each prefixed by its kind."""
    found = []
    path = item.category.split("/") if item.category else []
    found += [f"category:{'/'.join(path[: depth + 1])}" for depth in range(len(path))]
    found += [f"word:{word}" for word in dict.fromkeys(_WORD.findall(item.name.lower()))]
    brand = item.extra.get("brand")
    if isinstance(brand, str) and brand:
        found.append(f"brand:{brand.lower()}")
    if item.price:
        found.append(f"price:{round(np.log2(item.price) * 2)}")  # bands of a factor of 1.4
    return found


def learn(items: Iterable[Item], index: dict[str, int], vectors: Floats, weight: Floats) -> Content:
    """Trait vectors from the items that have factors (``vectors`` by item code, ``weight`` how well known each is)."""
    known = [(index[item.id], traits(item)) for item in items if item.id in index]
    count = Counter(trait for _, own in known for trait in own)
    names = sorted(trait for trait, held in count.items() if held >= COMMON)
    if not names:
        return Content((), np.zeros((0, vectors.shape[1]), np.float32))
    place = {trait: column for column, trait in enumerate(names)}
    entries = [
        (row, place[trait], 1.0 / np.sqrt(len(kept)))
        for row, (_, own) in enumerate(known)
        for kept in [[trait for trait in own if trait in place]]
        for trait in kept
    ]
    rows, columns, values = zip(*entries, strict=True)
    held = sparse.csr_matrix((values, (rows, columns)), shape=(len(known), len(names)), dtype=np.float32)
    codes = np.array([code for code, _ in known])
    trust = np.sqrt(weight[codes] / (weight[codes] + 10.0)).astype(np.float32)
    held = sparse.diags_array(trust) @ held
    return Content(tuple(names), _ridge(held.tocsr(), vectors[codes] * trust[:, None]))


def _ridge(held: sparse.csr_matrix, target: Floats) -> Floats:
    """(XᵀX + λI)⁻¹ Xᵀy for every column at once, by conjugate gradients."""
    answer = np.zeros((held.shape[1], target.shape[1]), np.float32)
    residual = held.T @ target
    step = residual.copy()
    size = (residual * residual).sum(axis=0)
    for _ in range(STEPS):
        image = held.T @ (held @ step) + RIDGE * step
        rate = size / np.maximum((step * image).sum(axis=0), 1e-12)
        answer += rate * step
        residual -= rate * image
        fresh = (residual * residual).sum(axis=0)
        step = residual + (fresh / np.maximum(size, 1e-12)) * step
        size = fresh
    return answer.astype(np.float32)
