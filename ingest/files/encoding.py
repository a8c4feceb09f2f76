"""Which encoding a text file has, by all of its bytes: its only name with an accent may stand in the last row.

UTF-8 shows itself. CP949 (EUC-KR) and CP1252 (Latin-1) are told apart by what the bytes would say: common Hangul, or
single letters with accents. What is neither is refused, since a wrong guess would garble every name in silence.
"""

import codecs
import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from ingest.files.rows import UNDECODED, FileInvalid
from ingest.files.source import opened

CHUNK = 1 << 20
SAMPLE = 1 << 20
"""Bytes of lines with other characters than ASCII that are looked at."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KOREAN = {"euc_kr", "ks_c_5601_1987", "johab", "uhc"}
_LINE = re.compile(rb"[\r\n]+")
_HIGH = re.compile(rb"[\x80-\xff]+")
_RARE_WESTERN = set("ŠšŽžŒœŸƒˆ˜¤¦¨¬¯¸¹ÐðÞþ‚„†‡‰‹›")


class Encoding(NamedTuple):
    """``name`` is Python's; ``example`` is a word that shows the guess, "" where nothing was guessed."""

    name: str
    example: str = ""

    @property
    def label(self) -> str:
        name = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "cp949": "CP949", "cp1252": "CP1252"}.get(
            self.name, self.name
        )
        return (
            f"{name} (guessed, for example {self.example!r}; --encoding overrides)" if self.example else name
        )


def chosen(name: str) -> Encoding:
    """The encoding that somebody names. Raises FileInvalid for a name that Python does not know."""
    try:
        known = codecs.lookup(name).name.replace("-", "_")
    except LookupError:
        raise FileInvalid(
            f"there is no encoding {name!r}; for example: utf-8, cp949, cp1252, utf-16"
        ) from None
    if known == "utf_8":
        return Encoding("utf-8-sig")  # with or without the mark
    return Encoding("cp949" if known in _KOREAN else known)


def detected(path: Path) -> Encoding:
    """The encoding of the file, from all of its bytes. Raises FileInvalid when it cannot be told."""
    with opened(path) as file:
        head = file.read(CHUNK)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return Encoding(name)
        if wide := _utf16(head[:4096]):
            return Encoding(wide)
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        good = bad = 0
        sample, clean, chunk = bytearray(), True, head
        while chunk:
            if not (clean and chunk.isascii()):
                text = decoder.decode(chunk)
                clean = not decoder.getstate()[0]
                wrong = len(UNDECODED.findall(text))
                good, bad = good + sum(1 for each in text if each > "\x7f") - wrong, bad + wrong
                if len(sample) < SAMPLE:
                    sample += _lines(chunk)
            chunk = file.read(CHUNK)
    if bad == 0 or good > 20 * bad:  # some broken rows among good ones are rejected one by one
        return Encoding("utf-8")
    return _legacy(path, bytes(sample[:SAMPLE]))


def _utf16(head: bytes) -> str:
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 10 < len(head) or min(even, odd) * 4 > max(even, odd):
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _lines(chunk: bytes) -> bytes:
    """The lines with other characters than ASCII; the first and the last may be cut inside of one."""
    lines = [line for line in _LINE.split(chunk) if not line.isascii()]
    inner = lines[1:-1] if len(chunk) == CHUNK and len(lines) > 2 else lines
    return b"\n".join(inner) + b"\n"


def _legacy(path: Path, sample: bytes) -> Encoding:
    if example := _korean(sample):
        return Encoding("cp949", example)
    if example := _western(sample):
        return Encoding("cp1252", example)
    raise FileInvalid(
        f"{path}: the encoding cannot be told: it is no UTF-8, CP949 or CP1252. Name it: --encoding NAME"
    )


def _korean(sample: bytes) -> str:
    """A word with Hangul; "" when the bytes are hardly Korean: then they would be rare syllables or none."""
    text = sample.decode("cp949", "surrogateescape")
    counts = Counter(each for each in text if each > "\x7f" and (each.isalpha() or UNDECODED.match(each)))
    common = sum(count for each, count in counts.items() if "가" <= each <= "힣" and _in_euc_kr(each))
    if common < 0.9 * counts.total() or not common:
        return ""
    return _word(text, "가", "힣")


def _in_euc_kr(syllable: str) -> bool:
    """Whether it is one of the 2,350 common syllables, of two bytes; Python spells out the others in eight."""
    return len(syllable.encode("euc_kr")) == 2


def _western(sample: bytes) -> str:
    """A word with an accent; "" when the letters come in runs, as in other alphabets, or are rare ones."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return ""
    runs = Counter(min(len(run), 3) for run in _HIGH.findall(sample))
    letters = Counter(each for each in text if each > "\x7f" and (each.isalpha() or each in _RARE_WESTERN))
    rare = sum(count for each, count in letters.items() if each in _RARE_WESTERN)
    if runs[3] * 5 > runs.total() or rare * 2 > letters.total():
        return ""
    return _word(text, "\x80", "\uffff")


def _word(text: str, first: str, last: str) -> str:
    """The first word with a letter between two."""
    found = re.search(f'[^\\s,;|"]*[{first}-{last}]+[^\\s,;|"]*', text)
    return found[0][:40] if found else ""
