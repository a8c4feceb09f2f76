"""Query parameters as event properties: fields are renamed, and amounts become numbers."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from tracker import values

AMOUNTS = frozenset(
    "discount max_x max_y price quantity results revenue shipping subtotal tax value".split(),  # noqa: SIM905
)
"""Properties that are numbers. All others stay text: a name or an id may look like a number."""
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")


def properties(params: Mapping[str, str], names: Mapping[str, str]) -> dict[str, Any]:
    """The properties that ``params`` gives: ``names`` maps the protocol's field to ours."""
    return {
        name: number(params[field]) if name in AMOUNTS else params[field]
        for field, name in names.items()
        if params.get(field)
    }


def number(text: str) -> str | float:
    """``text`` as a number if it is one, else as it is."""
    return float(text) if _NUMBER.fullmatch(text) else text


def texts_of(item: Mapping[str, Any]) -> dict[str, str]:
    """The parameters of a request that came as a JSON object. Lists and objects in it become JSON texts."""
    texts = {}
    for key, value in values.settled(item).items():
        if value is not None:
            texts[key] = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return texts
