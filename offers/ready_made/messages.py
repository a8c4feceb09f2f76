"""The ready-made messages of each language, each a draft that a shop reads and changes before it goes live."""

from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from offers.campaign.document import DocumentLoader

Language = Literal["en", "ko"]
LANGUAGES: tuple[Language, ...] = ("en", "ko")


class ReadyMade(msgspec.Struct, frozen=True):
    """Documents as ``PUT /v1/campaigns/ID`` and ``PUT /v1/segments/ID`` take them: the ``segments`` are what the
    ``campaigns`` name. Links of the shop stand for its own."""

    campaigns: list[dict[str, Any]]
    segments: list[dict[str, Any]]


@cache
def ready_made(language: Language = "en") -> ReadyMade:
    text = Path(__file__).with_name(f"{language}.yaml").read_text(encoding="utf-8")
    told = yaml.load(text, DocumentLoader)  # noqa: S506  a SafeLoader
    drafts = [{**each, "status": "draft"} for each in told["campaigns"]]
    return ReadyMade(drafts, told["segments"])
