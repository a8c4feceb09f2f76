"""The campaign document: read from JSON or YAML, checked as a whole, and written back.

A document is checked when it is written. What is stored is not checked again.
"""

import re
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import yaml

from offers.campaign.campaign import UTC, Campaign, CampaignInvalid
from offers.campaign.checks import check, check_unique, placed
from tracker.values import settled


def parse(document: object, campaign_id: str | None = None, zone: ZoneInfo = UTC) -> Campaign:
    """The campaign in a decoded JSON or YAML document. Raises CampaignInvalid naming the field. ``zone``: the site's.

    ``slot: hero`` may stand for ``slots: [hero]``; a cap list may be one cap, a budget a number of impressions.
    With ``send``, slots may be left out.
    """
    draft = _normalised(document, campaign_id)
    try:
        campaign = msgspec.convert(draft, Campaign)
    except msgspec.ValidationError as error:
        raise CampaignInvalid(*placed(error)) from error
    check(campaign, zone)
    return campaign


def document(campaign: Campaign) -> dict[str, Any]:
    """The canonical document, as JSON or YAML would hold it."""
    built: dict[str, Any] = msgspec.to_builtins(campaign)
    return built


class DocumentLoader(yaml.SafeLoader):
    """Without aliases: nine levels of them, each naming the one before ten times, are a billion values.

    ``on``, ``off``, ``yes`` and ``no`` are texts, as YAML 1.2 has it: a message is sent ``on`` an event.
    """

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"it has aliases (*name) on line {self.line + 1}, which are not read")
        return super().compose_node(parent, index)


DocumentLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:bool"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
DocumentLoader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def load_yaml(path: Path, zone: ZoneInfo = UTC) -> list[Campaign]:
    """The campaigns of a YAML file: a list, or ``campaigns:`` with a list. Raises CampaignInvalid."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), DocumentLoader)  # noqa: S506  a SafeLoader
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        raise CampaignInvalid("", f"{path.name} is not YAML: {error}") from error
    listed = loaded.get("campaigns") if isinstance(loaded, dict) else loaded
    if not isinstance(listed, list):
        raise CampaignInvalid("campaigns", f"{path.name} holds no list of campaigns")
    campaigns: list[Campaign] = []
    for index, each in enumerate(listed):
        try:
            campaigns.append(parse(_plain(each), zone=zone))
        except CampaignInvalid as error:
            where = f"campaigns[{index}]" + (f".{error.field}" if error.field else "")
            raise CampaignInvalid(where, error.message) from error
    check_unique("campaigns", "id", [campaign.id for campaign in campaigns])
    return campaigns


def _plain(document: object) -> object:
    """Settled (``tracker.values``) but for the days and times that YAML reads by itself."""
    if isinstance(document, dict):
        return {key: each if isinstance(each, date) else settled(each) for key, each in document.items()}
    return document


def dump_yaml(campaigns: list[Campaign]) -> str:
    """A YAML file that ``load_yaml`` reads back."""
    documents = {"campaigns": [document(campaign) for campaign in campaigns]}
    return yaml.safe_dump(documents, allow_unicode=True, sort_keys=False)


def _normalised(document: object, campaign_id: str | None) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise CampaignInvalid("", "a campaign is an object")
    draft = {str(key): value for key, value in document.items()}
    if campaign_id is not None and draft.setdefault("id", campaign_id) != campaign_id:
        raise CampaignInvalid("id", f"is {draft['id']!r}, but the campaign's address says {campaign_id!r}")
    if "slot" in draft:
        if "slots" in draft:
            raise CampaignInvalid("slot", "give slot or slots, not both")
        draft["slots"] = [draft.pop("slot")]
    if "slots" not in draft and isinstance(draft.get("send"), dict) and "channel" in draft["send"]:
        draft["slots"] = [draft["send"]["channel"]]
    for key in ("start", "end"):
        if isinstance(draft.get(key), date):  # YAML reads an unquoted day or instant by itself
            draft[key] = draft[key].isoformat()
    if isinstance(draft.get("send"), dict):
        draft["send"] = _with_texts(draft["send"])
    if isinstance(draft.get("dayparts"), list):
        draft["dayparts"] = [_with_clock_texts(part) for part in draft["dayparts"]]
    if isinstance(draft.get("caps"), dict):
        draft["caps"] = [draft["caps"]]
    if isinstance(draft.get("budget"), int) and not isinstance(draft.get("budget"), bool):
        draft["budget"] = {"impressions": draft["budget"]}
    for key in ("audience", "caps", "dayparts", "group", "goal", "plan", "coupons", "send"):
        if draft.get(key, "") is None:
            del draft[key]
    return draft


def _with_texts(send: dict[Any, Any]) -> dict[Any, Any]:
    """``send`` with what YAML read by itself as texts: an unquoted instant, and 21:00 as 1260."""
    when, quiet = send.get("when"), send.get("quiet")
    if isinstance(when, dict) and isinstance(when.get("at"), date):
        send = {**send, "when": {**when, "at": when["at"].isoformat()}}
    if isinstance(quiet, list):
        told = [f"{each // 60:02}:{each % 60:02}" if type(each) is int else each for each in quiet]
        send = {**send, "quiet": told}
    return send


def _with_clock_texts(part: object) -> object:
    """YAML reads an unquoted 18:00 as the number 1080: minutes in base 60."""
    if not isinstance(part, dict):
        return part
    minutes = {key: value for key, value in part.items() if key in ("from", "to") and type(value) is int}
    return {**part, **{key: f"{value // 60:02}:{value % 60:02}" for key, value in minutes.items()}}
