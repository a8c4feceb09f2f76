"""The words of a site's names: which of them begin like a word, or are the word with a typo."""

import unicodedata
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

LONG = 8
"""Letters from which two typos are forgiven. A Hangul syllable has two or three."""
BEGINNINGS_MOST, SIMILAR_MOST = 200, 50
LETTERS_SEEN = 32
"""Letters of a word by which it is passed over without being compared."""


class Dictionary:
    """``words`` once each, any order. Letters are compared decomposed, so that one wrong letter of a Hangul syllable
    is one typo."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = sorted(words)
        self._letters = [decomposed(word) for word in self._words]
        self._lengths = np.fromiter(map(len, self._letters), np.int32, len(self._letters))
        self._sets = letter_sets(self._letters)

    def __len__(self) -> int:
        return len(self._words)

    def beginning(self, start: str) -> list[str]:
        """Words that begin with ``start``, BEGINNINGS_MOST at most, in order."""
        first = bisect_left(self._words, start)
        some = self._words[first : first + BEGINNINGS_MOST]
        return [word for word in some if word.startswith(start)]

    def similar(self, word: str) -> list[str]:
        """Words that become ``word`` by one or two typos (a letter left out, added, changed, or two swapped: optimal
        string alignment), the nearest first; not the word itself."""
        letters = decomposed(word)
        if len(letters) < 3:
            return []
        typos = 2 if len(letters) >= LONG else 1
        near = self._near(letters, typos)
        choices = [self._letters[at] for at in near]
        found = extract(letters, choices, scorer=OSA.distance, score_cutoff=typos, limit=SIMILAR_MOST)
        return [self._words[near[at]] for _letters, _distance, at in found if self._words[near[at]] != word]

    def _near(self, letters: str, typos: int) -> list[int]:
        """The places of words that may be so few typos away: a typo changes the length by one at most, and the set of
        letters by two. This leaves one word in a hundred to compare."""
        close = np.abs(self._lengths - len(letters)) <= typos
        other = np.bitwise_count(self._sets ^ letter_sets([letters])[0])
        return np.flatnonzero(close & (other <= 2 * typos)).tolist()


def decomposed(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFD", word)


def letter_sets(words: list[str]) -> NDArray[np.uint64]:
    """Which letters each word (n,) has among its first LETTERS_SEEN, as bits; equal codes modulo 64 share one."""
    if not words:
        return np.zeros(0, np.uint64)
    codes = np.array(words, f"<U{LETTERS_SEEN}").view(np.uint32).reshape(len(words), LETTERS_SEEN)
    bits = np.where(codes > 0, np.uint64(1) << (codes % 64).astype(np.uint64), np.uint64(0))
    sets: NDArray[np.uint64] = np.bitwise_or.reduce(bits, axis=1)
    return sets
