"""Helpers to compare HTML whose whitespace does not matter."""

import re


def squeezed(page: str) -> str:
    """``page`` without the whitespace beside its tags."""
    return re.sub(r"\s*(<[^<>]+>)\s*", r"\1", page)
